"""After a power cut: how long the gate takes until all that were admitted are admitted again.

gate.db holds 10,000 sessions of another boot, the packet filter is empty as after a start of the machine.
What starting a process costs anyway is measured in turn, with an empty gate.db.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from netctl.api import Mac
from netctl.gate import store as sessions_store
from netctl.gate.database import open_connection
from netctl.gate.sessions import LiveSession, started_body
from netctl.gate.store import Stamp
from sync.model import SystemClock, new_event, new_id
from tests.bench.crowd import Station, leases, station
from tests.bench.process import cpu_seconds
from tests.bench.result import Result, median
from tests.lab import private
from tests.lab.box import Box
from tests.lab.store import Store

ROUNDS = 5
SESSIONS = 10_000
_ANOTHER_BOOT = "00000000-0000-4000-8000-000000000000"
_HOURS = 12


def measure() -> Result:
    stations = [station(number) for number in range(SESSIONS)]
    ready: dict[int, list[tuple[float, float]]] = {0: [], SESSIONS: []}
    with Store(private.HOME / "reboot") as store:
        box = store.box
        box.configure("", "unused", {})
        box.command("yingke-sync", "migrate")
        (box.data_dir / "dnsmasq" / "dnsmasq.leases").write_text(leases(stations))
        written = {0: store.home / "empty.db", SESSIONS: store.home / "full.db"}
        for count, file in written.items():
            write_sessions(file, stations[:count])
        for _ in range(ROUNDS):
            for count, file in written.items():
                ready[count].append(_start(box, file, count))
    return Result(figures=_figures(ready[0], ready[SESSIONS]))


def _figures(empty: Sequence[tuple[float, float]], full: Sequence[tuple[float, float]]) -> dict[str, float]:
    """What the sessions add to a start: on the clock, and in processor time, which others leave alone."""
    added = [
        (wall - wall_empty, cpu - cpu_empty)
        for (wall, cpu), (wall_empty, cpu_empty) in zip(full, empty, strict=True)
    ]
    return {
        "sessions": SESSIONS,
        "ready_s": median([wall for wall, _ in full]),
        "ready_without_sessions_s": median([wall for wall, _ in empty]),
        "reconciled_s": median([wall for wall, _ in added]),
        "reconciled_cpu_s": median([cpu for _, cpu in added]),
    }


def write_sessions(file: Path, stations: Sequence[Station]) -> None:
    """A gate.db as a gate of another boot left it a minute ago."""
    clock = SystemClock()
    now = Stamp.of(clock)
    stamp = replace(now, at=now.at - timedelta(minutes=1), boot_id=_ANOTHER_BOOT, clock="synced")
    connection = open_connection(file)
    connection.execute("BEGIN IMMEDIATE")
    for each in stations:
        session = LiveSession(
            session_id=new_id(),
            mac=Mac(each.mac),
            lead_id=None,
            method="form",
            started_at=stamp.at,
            seconds_granted=_HOURS * 3600,
            expires=stamp.boottime + _HOURS * 3600,
        )
        started = new_event("session.started", started_body(session), clock)
        sessions_store.begin_session(connection, session, new_id(), [started], stamp)
    connection.execute("DELETE FROM waiting_events")
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _start(box: Box, file: Path, count: int) -> tuple[float, float]:
    """Seconds from the start of the gate until it says that it is ready, and of processor time in them."""
    for rest in ("-wal", "-shm"):
        (box.data_dir / "gate" / f"gate.db{rest}").unlink(missing_ok=True)
    shutil.copy(file, box.data_dir / "gate" / "gate.db")
    box.namespace.run("nft", "flush", "ruleset")
    began = time.monotonic()
    box.gate.start()
    seconds, cpu = time.monotonic() - began, cpu_seconds(box.gate.pid)
    admitted = len(box.admitted())
    box.gate.kill()
    if admitted != count:
        raise RuntimeError(f"{admitted} of {count} are admitted again")
    return seconds, cpu
