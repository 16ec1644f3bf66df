"""From the form sent to the first packet forwarded: alone, with 10,000 others admitted, and in a rush.

The phone sends a datagram every half millisecond; the first that reaches the internet carries the kernel's
time stamp of its arrival, so nobody's waiting is measured but the phone's. The router's table of connections
holds 100,000 of others all the while. Head office runs on the same machine, and so does the load.
"""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from tests.bench.crowd import UNHURRIED, Crowd, Station
from tests.bench.doorman import admit_all
from tests.bench.first_packet import LOST_SECONDS, drumming, first_arrival_ns, forget, open_ear
from tests.bench.process import cpu_seconds
from tests.bench.result import Result, median, percentile
from tests.lab import private
from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import environment
from tests.lab.store import Store

SAMPLES = 100
OTHERS = 10_000
CONNECTIONS = 100_000
RUSH_PER_SECOND, RUSH_SECONDS = 200, 15


def measure() -> Result:
    rushing = RUSH_PER_SECOND * RUSH_SECONDS
    figures: dict[str, dict[str, object]] = {}
    with Store(private.HOME / "admit") as store:
        crowd = Crowd(store, present=SAMPLES + rushing, absent=OTHERS)
        sampled = crowd.present[:SAMPLES]
        store.open(network=UNHURRIED)
        crowd.settle()
        connect(store, crowd.absent)
        with open_ear(store) as ear:
            figures["others_0"] = _figures([_sample(crowd, each, ear) for each in sampled])
            with crowd.absent_hold_leases():
                admit_all(store, crowd.absent)
                figures["others_10000"] = _figures([_sample(crowd, each, ear) for each in sampled])
                in_hand = [(each, crowd.form(each)) for each in sampled]
                with _rush(crowd, SAMPLES, rushing) as rush:
                    before = _cpu_seconds(store)
                    in_rush = _until_over(rush, crowd, in_hand, ear)
                    assert rush.stdout is not None
                    came = json.loads(rush.stdout.read())
                    spent = {name: used - before[name] for name, used in _cpu_seconds(store).items()}
                figures["under_load"] = _figures(in_rush) | came
                figures["cpu_ms_per_registration"] = {
                    name: round(seconds * 1000 / rushing, 2) for name, seconds in spent.items()
                }
        figures["connections"] = {"in_the_table": _connections(store)}
    return Result(figures=figures)


def connect(store: Store, stations: Sequence[Station]) -> None:
    """Puts CONNECTIONS open connections of these stations into the router's table, without a packet."""
    each = CONNECTIONS // len(stations)
    lines = [
        f"-A -s {station.ip} -d {WEB_IPV4} -p udp --sport {2000 + number} --dport 443 -t 3600"
        for station in stations
        for number in range(each)
    ]
    file = store.home / "connections"
    file.write_text("\n".join(lines) + "\n")
    store.box.namespace.run("conntrack", "-R", str(file), timeout_seconds=120)


def _cpu_seconds(store: Store) -> dict[str, float]:
    running = store.box.processes | {"head_office": store.head_office.server}
    return {name: cpu_seconds(process.pid) for name, process in running.items()}


def _connections(store: Store) -> int:
    return int(store.box.namespace.run("conntrack", "-C").stdout)


def _figures(milliseconds: list[float]) -> dict[str, object]:
    ordered = sorted(milliseconds)
    return {"median_ms": median(ordered), "p99_ms": percentile(ordered, 99), "samples": len(ordered)}


@contextlib.contextmanager
def _rush(crowd: Crowd, first: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    """Stations that all hold their form by now and register from here on."""
    words = ["tests.bench.rush", str(first), str(count), str(RUSH_PER_SECOND)]
    command = crowd.namespace.command(sys.executable, "-m", *words)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as rush:
        try:
            assert rush.stdin is not None
            assert rush.stdout is not None
            if rush.stdout.readline() != "ready\n":
                raise RuntimeError("the rush did not get its forms")
            print(file=rush.stdin, flush=True)
            yield rush
        finally:
            rush.kill()


def _until_over(
    rush: "subprocess.Popen[str]",
    crowd: Crowd,
    stations: Sequence[tuple[Station, dict[str, str]]],
    ear: socket.socket,
) -> list[float]:
    """Samples for as long as the rush goes on; the forms were fetched before it."""
    found = []
    for station, form in stations:
        sample = _sample(crowd, station, ear, form)
        if rush.poll() is not None:
            break
        found.append(sample)
    return found


def _sample(crowd: Crowd, station: Station, ear: socket.socket, form: dict[str, str] | None = None) -> float:
    """One registration; milliseconds until the first datagram has come through. Signed out again after it."""
    typed = {"name": "Ada", "email": f"{station.ip}@example.com", "terms": "yes"}
    body = urlencode((form or crowd.form(station)) | typed)
    with drumming(crowd, station):
        forget(ear)
        sent_ns = time.time_ns()
        status, page = crowd.ask(station, "POST", "/register", body)
        if status != 303:
            raise RuntimeError(f"the registration is answered {status}: {page}")
        try:
            arrived_ns = first_arrival_ns(ear)
        except TimeoutError:
            return LOST_SECONDS * 1e3
    if arrived_ns < sent_ns:
        raise RuntimeError("a datagram passed before the registration")
    crowd.ask(station, "POST", "/sign-out")
    return (arrived_ns - sent_ns) / 1e6
