"""Stations of our own access point, heard and sent away through hostapd's control socket (wpa_ctrl.h)."""

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


class NotDone(Exception):
    """hostapd did not do it; the text says why."""


async def deauthenticate(mac: Mac, control: Path, own: Path, timeout_seconds: float = 2.0) -> None:
    """Sends a station away from the WiFi: its phone joins again and asks whether it is online.

    `control`: hostapd's socket for the interface. `own`: where hostapd answers to, a path of this request
    alone. Raises NotDone. A station that is not associated is no error to hostapd.
    """
    loop = asyncio.get_running_loop()
    try:
        with _own_socket(own) as talking:
            talking.connect(str(control))
            talking.send(f"DEAUTHENTICATE {mac}".encode())
            async with asyncio.timeout(timeout_seconds):
                said = await loop.sock_recv(talking, 4096)
    except TimeoutError:
        raise NotDone(f"hostapd did not answer in {timeout_seconds:g} s") from None
    except OSError as error:
        raise NotDone(f"hostapd is not there at {control}: {error.strerror}") from error
    if said.strip() != b"OK":
        raise NotDone(f"hostapd said {said.strip().decode(errors='replace')!r}")


@contextlib.contextmanager
def _own_socket(own: Path) -> Iterator[socket.socket]:
    # hostapd answers to the address we send from, so it must have one.
    talking = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        own.unlink(missing_ok=True)
        talking.bind(str(own))
        own.chmod(0o660)
        yield talking
    finally:
        talking.close()
        own.unlink(missing_ok=True)


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
            with contextlib.suppress(OSError), _own_socket(self._own) as talking:
                await self._attended(talking)
            await asyncio.sleep(self._check_seconds)

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
