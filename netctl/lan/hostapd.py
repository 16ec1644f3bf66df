"""Stations that associate with our own access point, from hostapd's control socket (wpa_ctrl.h)."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from netctl.api import Mac, parse_mac

_EVENT = re.compile(r"<\d>AP-STA-(CONNECTED|DISCONNECTED) ([0-9a-fA-F:]{17})(?: |$)")


def parse_event(text: str) -> tuple[Mac, bool] | None:
    """One message -> the station and whether it came; None for any other message."""
    found = _EVENT.match(text.strip())
    if found is None:
        return None
    try:
        return parse_mac(found[2]), found[1] == "CONNECTED"
    except ValueError:
        return None


Heard = Callable[[Mac], object]


class Associations:
    """Attached to hostapd for as long as there is one: again after either side restarts."""

    def __init__(
        self, control: Path, own: Path, came: Heard, went: Heard, check_seconds: float = 10.0
    ) -> None:
        """`control`: hostapd's socket for the interface. `own`: where hostapd sends its events to."""
        self._control, self._own = control, own
        self._came, self._went = came, went
        self._check_seconds = check_seconds
        self._answered = False

    async def listen(self) -> None:
        """Runs for ever, whether hostapd is there or not."""
        while True:
            with contextlib.suppress(OSError), self._socket() as talking:
                await self._attended(talking)
            await asyncio.sleep(self._check_seconds)

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        # hostapd answers to the address we send from, so it must have one.
        talking = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        )
        try:
            self._own.unlink(missing_ok=True)
            talking.bind(str(self._own))
            self._own.chmod(0o660)
            yield talking
        finally:
            talking.close()
            self._own.unlink(missing_ok=True)

    async def _attended(self, talking: socket.socket) -> None:
        """Until hostapd no longer answers. Raises OSError when it is not there."""
        loop = asyncio.get_running_loop()
        talking.connect(str(self._control))
        talking.send(b"ATTACH")
        loop.add_reader(talking.fileno(), self._read, talking)
        try:
            while True:
                self._answered = False
                await asyncio.sleep(self._check_seconds)
                if not self._answered:
                    return
                talking.send(b"PING")
        finally:
            loop.remove_reader(talking.fileno())

    def _read(self, talking: socket.socket) -> None:
        try:
            text = talking.recv(4096).decode(errors="replace")
        except OSError:
            return
        self._answered = True
        event = parse_event(text)
        if event is not None:
            mac, came = event
            (self._came if came else self._went)(mac)
