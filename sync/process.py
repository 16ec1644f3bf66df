"""How each of our processes starts, says that it is ready, and stops."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TypeVar

from sync.model import Clock, Event, new_event

log = logging.getLogger("yingke")
Settings = TypeVar("Settings")

# A look through all objects for garbage in circles found none and held the loop of a head office with 10,000
# stores for 200 to 600 ms; with 13,000 stations the longest of 62 admissions took 212 ms, without it 34 ms
# (measured 2026-11-23). Young objects are looked through, all of them hardly ever.
_COLLECTED_AFTER = (20_000, 50, 100)


def main(run: Callable[[Settings], Awaitable[None]], config: Settings) -> int:
    """Runs one process until SIGTERM or SIGINT; returns its exit code.

    A failure of `run` is logged with its reason and ends the process with 1: systemd starts it again.
    """
    import uvloop

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    gc.set_threshold(*_COLLECTED_AFTER)
    try:
        uvloop.run(_until_told_to_stop(run, config))
    except ProcessFailed as failure:
        log.error("%s", failure)
        return 1
    return 0


class ProcessFailed(Exception):
    """A process cannot go on; the text is one sentence that names the cause and the remedy."""


async def _until_told_to_stop(run: Callable[[Settings], Awaitable[None]], config: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(run(config))
    watchdog = asyncio.create_task(_feed_watchdog())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopped, watchdog}, return_when=asyncio.FIRST_COMPLETED)
    notify("STOPPING=1")
    for task in (work, watchdog, stopped):
        task.cancel()
    try:
        await work
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    except BaseExceptionGroup as group:
        failed, _ = group.split(ProcessFailed)
        if failed is None:
            raise
        raise _first(failed) from None


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def started(process: str, clock: Clock) -> Event:
    """`venue.started`: this process runs, in this version."""
    return new_event("venue.started", {"version": version("yingke"), "process": process}, clock)


def notify(message: str) -> None:
    """Tells the service manager (sd_notify(3)); silent where there is none.

    A manager that does not listen is no reason to fail, least of all in the middle of a stop: it may be
    executing itself anew.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        try:
            manager.sendto(message.encode(), address)
        except OSError as error:
            log.warning("the service manager did not hear %s: %s", message.partition("\n")[0], error)


def notify_ready(status: str = "") -> None:
    """Call it once the process can do its work."""
    notify(f"READY=1\nSTATUS={status}")


async def _feed_watchdog() -> None:
    """Pings from the event loop itself, so that a blocked loop is noticed (WatchdogSec=)."""
    period_seconds = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 2
    while True:
        if period_seconds:
            notify("WATCHDOG=1")
        await asyncio.sleep(period_seconds or 3600)
