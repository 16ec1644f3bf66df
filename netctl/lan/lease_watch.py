"""Wakes the gate the moment dnsmasq writes its lease file, which is just before it answers the phone: the
packet filter knows whose address it is before the phone's first packet (inotify(7)).
"""

import asyncio
import contextlib
import ctypes
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

log = logging.getLogger(__name__)

# From the first of dnsmasq's writes to the last; its answer follows them.
_WRITTEN_SECONDS = 0.002
_PAUSE_SECONDS = 0.1
_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE = 0x2, 0x80, 0x100


@contextlib.contextmanager
def watched(directory: Path, changed: Callable[[], object]) -> Iterator[None]:
    """Calls `changed` on the event loop when a file in there is written. Where that cannot be had, it says
    so once and is silent: whoever looks now and then anyway finds the file a little later."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = _watching(directory)
    except OSError as error:
        log.warning(
            "%s cannot be watched (%s): new leases are seen a second later", directory, error.strerror
        )
        yield
        return

    soon = _Soon(changed)

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            # What happened does not matter, that something did: the events are thrown away.
            os.read(descriptor, 64 * 1024)
        soon()

    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        soon.cancel()


class _Soon:
    """Calls once for a burst of news, and not again before a while: ten thousand leases take some
    milliseconds to read, and a crowd that joins writes them a hundred times a second."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._waiting: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def __call__(self) -> None:
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time() + _WRITTEN_SECONDS, self._not_before)
            self._waiting = loop.call_at(at, self._now)

    def _now(self) -> None:
        self._waiting = None
        self._not_before = asyncio.get_running_loop().time() + _PAUSE_SECONDS
        self._call()

    def cancel(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def _watching(directory: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise _failure()
    wanted = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE
    if libc.inotify_add_watch(descriptor, os.fsencode(directory), wanted) < 0:
        failure = _failure()
        os.close(descriptor)
        raise failure
    return descriptor


def _failure() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
