"""From the form sent to the first packet forwarded, alone and with 10,000 others admitted.

The phone sends a datagram every half millisecond; the first that reaches the internet carries the kernel's
time stamp of its arrival, so nobody's waiting is measured but the phone's.
"""

import asyncio
import math
import select
import socket
import struct
import subprocess
import sys
import time
from urllib.parse import urlencode

from netctl.api import parse_ip
from netctl.client import GateClient
from sync.model import SystemClock, new_id
from sync.records import admission, open_records
from sync.records.admission import AdmissionRequest
from tests.bench.crowd import UNHURRIED, Crowd, Station
from tests.bench.result import Result, median
from tests.lab import private
from tests.lab.store import Store
from tests.lab.waiting import until

SAMPLES = 100
OTHERS = 10_000
_PORT = 9999
_SO_TIMESTAMPNS = 35
_DRUMMER = """
import socket, sys, time
drum = socket.socket(fileno=int(sys.argv[1]))
print(flush=True)
while True:
    try:
        drum.send(b"x" * 64)
    except OSError:
        pass  # the rejection of an earlier one
    time.sleep(0.0005)
"""


def measure() -> Result:
    figures: dict[str, dict[str, float]] = {}
    with Store(private.HOME / "admit") as store:
        crowd = Crowd(store, present=SAMPLES, absent=OTHERS)
        store.open(network=UNHURRIED)
        crowd.settle()
        with store.internet.namespace.open_socket(kind=socket.SOCK_DGRAM) as ear:
            ear.bind(("0.0.0.0", _PORT))
            ear.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            ear.settimeout(30)
            figures["others_0"] = _figures([_sample(crowd, each, ear) for each in crowd.present])
            with crowd.absent_hold_leases():
                asyncio.run(_admit(store, crowd.absent))
            queue = "SELECT count(*) FROM outbox"
            until(lambda: store.box.records(queue) == [(0,)], "all events are uploaded", within_seconds=300)
            if len(store.box.admitted()) < OTHERS:
                raise RuntimeError(f"only {len(store.box.admitted())} are admitted")
            figures["others_10000"] = _figures([_sample(crowd, each, ear) for each in crowd.present])
    return Result(figures=figures)


def _figures(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
    return {"median_ms": median(ordered), "p99_ms": float(f"{p99:.4g}"), "samples": len(ordered)}


def _sample(crowd: Crowd, station: Station, ear: socket.socket) -> float:
    """One registration; milliseconds until the first datagram has come through. Signed out again after it."""
    typed = {"name": "Ada", "email": f"{station.link}@example.com", "terms": "yes"}
    body = urlencode(crowd.form(station) | typed)
    with crowd.drum(station, _PORT) as drum:
        drummer = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _DRUMMER, str(drum.fileno())],
            pass_fds=[drum.fileno()],
            stdout=subprocess.PIPE,
        )
        try:
            assert drummer.stdout is not None
            drummer.stdout.readline()
            _empty(ear)
            sent_ns = time.time_ns()
            status, page = crowd.ask(station, "POST", "/register", body)
            arrived_ns = _arrival_ns(ear)
        finally:
            drummer.kill()
            drummer.communicate()
    if status != 303:
        raise RuntimeError(f"the registration is answered {status}: {page}")
    if arrived_ns < sent_ns:
        raise RuntimeError("a datagram passed before the registration")
    crowd.ask(station, "POST", "/sign-out")
    return (arrived_ns - sent_ns) / 1e6


def _empty(ear: socket.socket) -> None:
    """Forgets what still came through of the last phone."""
    while select.select([ear], [], [], 0)[0]:
        ear.recv(2048)


def _arrival_ns(ear: socket.socket) -> int:
    _, ancillary, _, _ = ear.recvmsg(2048, 256)
    stamp = next(
        data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS)
    )
    seconds, nanoseconds = struct.unpack("@ll", stamp)
    return int(seconds) * 10**9 + int(nanoseconds)


async def _admit(store: Store, stations: list[Station]) -> None:
    """Admits stations the way the portal does, without its pages."""
    clock = SystemClock()
    records = await open_records(store.box.data_dir / "records.db", "portal")
    gate = GateClient(store.box.run_dir / "gate.sock", timeout_seconds=30)

    async def admit(station: Station) -> None:
        request = AdmissionRequest(
            request_id=new_id(), ip=station.ip, lead_id=None, method="form", session_seconds=43200
        )
        await records.write(admission.ask, request, clock)
        await gate.admit(request_id=request.request_id, ip=parse_ip(station.ip))

    try:
        # As many at a time as one group commit takes well.
        for at in range(0, len(stations), 50):
            await asyncio.gather(*map(admit, stations[at : at + 50]))
    finally:
        await records.close()
