"""Frames as an attacker writes them, and what of them comes out behind the box."""

import itertools
import select
import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tests.lab.internet import WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.phone import Phone
from tests.lab.store import Store

_ETH_P_ALL = 3
_PATIENCE_SECONDS = 10.0
_marks = itertools.count()


class Wire:
    """One link of a namespace, frame by frame."""

    def __init__(self, namespace: Namespace, link: str) -> None:
        self._socket = namespace.open_socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind((link, _ETH_P_ALL))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._socket.send(frame)

    def hear(self, until: Callable[[bytes], bool]) -> list[bytes]:
        """All frames up to the first that `until` is true of. Raises AssertionError when none comes."""
        heard: list[bytes] = []
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and select.select([self._socket], [], [], left)[0]:
            heard.append(self._socket.recv(1 << 16))
            if until(heard[-1]):
                return heard
        raise AssertionError(f"the frame waited for did not come; {len(heard)} others did")


def what_got_out(store: Store, witness: Phone, act: Callable[[], object]) -> list[bytes]:
    """The frames on the provider's line from before `act` until a datagram of `witness`, who is admitted,
    sent after it, has come by. So nothing is waited for that might never come.
    """
    mark = f"mark {next(_marks)} of the witness".encode()
    with Wire(store.internet.namespace, "line") as line:
        act()
        with witness.namespace.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as telling:
            telling.sendto(mark, (WEB_IPV4, 9))
        return line.hear(lambda frame: mark in frame)


def with_words(frames: Sequence[bytes], words: bytes) -> list[bytes]:
    """Those that carry these bytes."""
    return [frame for frame in frames if words in frame]
