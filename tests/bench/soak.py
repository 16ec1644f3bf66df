"""Two thousand stations come and go for ten minutes; then the box holds what it held before.

Counted before and after, each time with nobody there: memory, threads and file descriptors of each process,
members of the packet filter's sets, connections, and what the gate has written down. A verdict an item.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from netctl.client import GateClient
from netctl.lan.leases import parse_leases
from tests.bench.crowd import Crowd, lan_mac
from tests.bench.doorman import rest
from tests.bench.process import open_files, pss_megabytes, threads
from tests.bench.result import Result
from tests.lab import private
from tests.lab.namespace import environment
from tests.lab.store import Store
from tests.lab.waiting import DidNotHappen, until

STATIONS = 2000
PER_SECOND = 8.0
WARM_UP_SECONDS = 60.0
_SEED = 20261123
_SETTINGS: Mapping[str, dict[str, object]] = {
    # Shorter than a stay can be: sessions end by themselves as well.
    "registration": {"session_minutes": 1},
    "network": {"absent_after_seconds": 15, "ask_presence_seconds": 5},
}
# Sessions end after a minute, closed connections are kept for two, a dead station's wait five (nf_conntrack).
_EMPTY_WITHIN_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """How much more is no leak. Memory: an allocator keeps what it may need again."""

    memory_megabytes: float = 4.0
    open_files: int = 4
    threads: int = 4
    set_members: int = 0
    connections: int = 50


def measure(seconds: float = 600.0) -> Result:
    with Store(private.HOME / "soak") as store:
        crowd = Crowd(store, present=STATIONS, all_here=False)
        store.open(**_SETTINGS)
        crowd.find_box()
        _come_and_go(store, crowd, WARM_UP_SECONDS, _SEED)
        emptied = _wait_until_empty(store)
        before = _held(store)
        happened = _come_and_go(store, crowd, seconds, _SEED + 1)
        emptied = _wait_until_empty(store) and emptied
        after, sets = _held(store), _all_sets(store)
        leases = len(parse_leases(crowd.lease_file.read_text()))
        store.box.stop()
        written = _left_in_gate_db(store)
    verdicts = judged(before, after, Allowed()) | {
        "everybody_gone": emptied,
        "leased_as_dnsmasq_says": sets["inet leased"] == leases,
        "gate_db": not any(written[table] for table in ("live_sessions", "stays")),
        "nobody_turned_away": not any("answered" in word or "trouble" in word for word in happened),
    }
    return Result(
        figures={
            "seconds": seconds,
            "stations": STATIONS,
            "happened": happened,
            "before": before,
            "after": after,
            "gate_db": written,
            "members_of_all_sets": sets,
            "leases_never_given_back": leases,
            "ok": verdicts,
            "leaks": sorted(item for item, fine in verdicts.items() if not fine),
        }
    )


def judged(
    before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]], allowed: Allowed
) -> dict[str, bool]:
    """A verdict for each kind of thing: True if none of that kind has grown by more than is allowed."""
    limits = {
        "memory_mb": allowed.memory_megabytes,
        "open_files": allowed.open_files,
        "threads": allowed.threads,
        "set_members": allowed.set_members,
        "connections": allowed.connections,
    }
    return {
        kind: all(count - before[kind].get(name, 0) <= limit for name, count in after[kind].items())
        for kind, limit in limits.items()
    }


def _come_and_go(store: Store, crowd: Crowd, seconds: float, seed: int) -> dict[str, int]:
    words = [str(STATIONS), str(PER_SECOND), str(seconds), str(seed), lan_mac(store.box)]
    command = crowd.namespace.command(sys.executable, "-m", "tests.bench.visitors", *words)
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=seconds + 300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the visitors failed: {done.stderr}")
    happened: dict[str, int] = json.loads(done.stdout)
    return happened


def _wait_until_empty(store: Store) -> bool:
    """Until nobody is admitted and nobody's connections are left; False when it does not come to that."""
    gate = GateClient(store.box.run_dir / "gate.sock")
    try:
        until(lambda: not store.box.admitted(), "nobody is admitted", _EMPTY_WITHIN_SECONDS)
        until(lambda: asyncio.run(gate.health()).present == 0, "nobody is there", _EMPTY_WITHIN_SECONDS)
        rest(store)
        few = Allowed().connections
        until(lambda: _connections(store) < few, "the connections are gone", _EMPTY_WITHIN_SECONDS)
    except DidNotHappen as what:
        print(what, file=sys.stderr)
        return False
    return True


def _held(store: Store) -> dict[str, dict[str, float]]:
    pids = {name: process.pid for name, process in store.box.processes.items()}
    return {
        "memory_mb": {name: pss_megabytes(pid) for name, pid in pids.items()},
        "open_files": {name: open_files(pid) for name, pid in pids.items()},
        "threads": {name: threads(pid) for name, pid in pids.items()},
        "set_members": _set_members(store),
        "connections": {"all": _connections(store)},
    }


def _set_members(store: Store) -> dict[str, float]:
    """Of each set whose members are to go with the stations. Those of `leased` go with the leases, and what
    each station has done lately, or which addresses were its own, with time."""
    return {name: count for name, count in _all_sets(store).items() if name.endswith(" admitted")}


def _all_sets(store: Store) -> dict[str, int]:
    """Members by family and set."""
    listed = json.loads(store.box.namespace.run("nft", "-j", "list", "sets").stdout)
    sets = [entry["set"] for entry in listed["nftables"] if "set" in entry]
    return {
        f"{each['family']} {each['name']}": len(each.get("elem", ()))
        for each in sets
        if each["name"][:2] != "__"
    }


def _connections(store: Store) -> int:
    return int(store.box.namespace.run("conntrack", "-C").stdout)


def _left_in_gate_db(store: Store) -> dict[str, int]:
    """Rows by table. Ended sessions, joins and leaves stay until their age; events that the last second
    brought are copied at the next start.
    """
    questions = {
        "live_sessions": "SELECT count(*) FROM sessions WHERE ended_at IS NULL",
        "ended_sessions": "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL",
        "stays": "SELECT count(*) FROM stays",
        "waiting_events": "SELECT count(*) FROM waiting_events",
        "presences": "SELECT count(*) FROM presences",
    }
    connection = sqlite3.connect(store.box.data_dir / "gate" / "gate.db")
    try:
        return {name: connection.execute(question).fetchone()[0] for name, question in questions.items()}
    finally:
        connection.close()
