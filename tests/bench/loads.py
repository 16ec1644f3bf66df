"""The four loads of `forward`: one TCP stream up, one down, small datagrams, short fetches."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tests.bench.rig import IPERF_PORT, SERVER, SINK_PORT, Rig
from tests.bench.wrk import load
from tests.lab.namespace import environment
from tests.lab.waiting import until

SECONDS = 1


def tcp_up(rig: Rig) -> float:
    """Gbit/s that the server received of one stream."""
    return _stream(rig)


def tcp_down(rig: Rig) -> float:
    """Gbit/s that the phone received of one stream."""
    return _stream(rig, "--reverse")


def udp64(rig: Rig) -> float:
    """Thousands of datagrams with 64 bytes that came through a second."""
    before = rig.arrived()
    said = _run(rig.on_phone(sys.executable, "-m", "tests.bench.blast", SERVER, str(SINK_PORT), str(SECONDS)))
    return (rig.arrived() - before) / float(said.split()[1]) / 1000


def fetches(rig: Rig) -> float:
    """Pages fetched a second by sixteen at a time, each on a connection of its own."""
    done = load(f"http://{SERVER}/", connections=16, seconds=SECONDS, wrk=rig.on_phone("wrk"))
    if done.failed:
        raise RuntimeError(f"{done.failed} fetches failed")
    return done.per_second


LOADS: Mapping[str, Callable[[Rig], float]] = {
    "tcp_up": tcp_up,
    "tcp_down": tcp_down,
    "udp64": udp64,
    "fetches": fetches,
}


def _stream(rig: Rig, *options: str) -> float:
    command = rig.on_phone(
        "iperf3", "-c", SERVER, "-p", str(IPERF_PORT), "-t", str(SECONDS), "--json", *options
    )
    # Behind thousands of rules the stream before is still draining: the server takes one at a time.
    end = until(lambda: _ended(command), "a free iperf3 server")
    assert end is not None
    return float(end["sum_received"]["bits_per_second"]) / 1e9


def _ended(command: list[str]) -> dict[str, Any] | None:
    """What iperf3 says of the stream's end; None: the server was busy, or just opening its socket again, as
    it does after each stream. Raises RuntimeError with its own word.
    """
    said: dict[str, Any] = json.loads(_run(command) or "{}")
    if any(word in said.get("error", "") for word in ("busy", "Connection refused")):
        return None
    if "sum_received" not in said["end"]:
        raise RuntimeError(f"{' '.join(command)}: {said.get('error') or said}")
    return dict(said["end"])


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS + 30, env=environment(), check=False
    )
    if done.returncode and not done.stdout:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout
