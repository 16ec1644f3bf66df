"""When a phone's first packet comes through: it sends a datagram every half millisecond, and the first that
reaches the internet bears the kernel's time stamp of its arrival, so nobody's waiting is measured but hers.
"""

import contextlib
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.crowd import Crowd, Station
from tests.lab.store import Store

LOST_SECONDS = 10
"""Who is not through by then counts as having waited so long."""

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


@contextlib.contextmanager
def open_ear(store: Store) -> Iterator[socket.socket]:
    """Hears datagrams of the store's phones, in the internet."""
    with store.internet.namespace.open_socket(kind=socket.SOCK_DGRAM) as ear:
        ear.bind(("0.0.0.0", _PORT))
        ear.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        ear.settimeout(LOST_SECONDS)
        yield ear


@contextlib.contextmanager
def drumming(crowd: Crowd, station: Station) -> Iterator[None]:
    """The station sends and sends while inside."""
    with crowd.drum(station, _PORT) as drum:
        drummer = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _DRUMMER, str(drum.fileno())],
            pass_fds=[drum.fileno()],
            stdout=subprocess.PIPE,
        )
        try:
            assert drummer.stdout is not None
            drummer.stdout.readline()
            yield
        finally:
            drummer.kill()
            drummer.communicate()


def forget(ear: socket.socket) -> None:
    """What still came through of the last phone."""
    while select.select([ear], [], [], 0)[0]:
        ear.recv(2048)


def first_arrival_ns(ear: socket.socket) -> int:
    """Since 1970. Raises TimeoutError after LOST_SECONDS."""
    _, ancillary, _, _ = ear.recvmsg(2048, 256)
    stamp = next(
        data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS)
    )
    seconds, nanoseconds = struct.unpack("@ll", stamp)
    return int(seconds) * 10**9 + int(nanoseconds)
