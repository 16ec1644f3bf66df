"""The monitor interfaces, watched: whichever is there is listened on, whichever goes is waited for."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from netctl.sensor.capture import CannotListen, Capture

log = logging.getLogger("yingke.sensor")


class Air:
    """Hands each frame of each interface to `heard`. Call `watch` every second or so."""

    def __init__(self, interfaces: Sequence[str], heard: Callable[[bytes], None]) -> None:
        self._captures: dict[str, Capture | None] = dict.fromkeys(interfaces)
        self._heard = heard
        self._dropped = 0
        self.gone: dict[str, str] = {}
        """Interfaces not listened on, and why, in a sentence."""

    @property
    def is_listening(self) -> bool:
        return any(self._captures.values())

    def watch(self) -> None:
        """Opens what has come, lets go of what has gone."""
        for interface, capture in self._captures.items():
            try:
                if capture is None:
                    self._open(interface)
                else:
                    capture.check()
            except CannotListen as reason:
                self._lose(interface, str(reason))

    def dropped(self) -> int:
        """Frames the kernel dropped since the last call, because we were too slow."""
        for capture in self._captures.values():
            if capture is not None:
                self._dropped += capture.dropped()
        dropped, self._dropped = self._dropped, 0
        return dropped

    def close(self) -> None:
        for interface in self._captures:
            self._let_go(interface)

    def _open(self, interface: str) -> None:
        capture = Capture(interface)
        self._captures[interface] = capture
        self.gone.pop(interface, None)
        asyncio.get_running_loop().add_reader(capture.fileno(), self._read, interface, capture)
        log.info("listening on %s", interface)

    def _read(self, interface: str, capture: Capture) -> None:
        try:
            for frame in capture.frames():
                self._heard(frame)
        except CannotListen as reason:
            self._lose(interface, str(reason))

    def _lose(self, interface: str, reason: str) -> None:
        if self.gone.get(interface) != reason:
            log.warning("%s", reason)
        self.gone[interface] = reason
        self._let_go(interface)

    def _let_go(self, interface: str) -> None:
        capture = self._captures[interface]
        if capture is None:
            return
        asyncio.get_running_loop().remove_reader(capture.fileno())
        self._captures[interface] = None
        capture.close()
