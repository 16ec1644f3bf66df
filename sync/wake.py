"""Telling the gate to look now: an empty datagram to its wake.sock. It grants nothing."""

import logging
import socket
from pathlib import Path

log = logging.getLogger("yingke.sync")


def wake_gate(run_dir: Path) -> None:
    """A gate that does not hear looks by itself within five seconds."""
    with socket.socket(
        socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    ) as knocking:
        try:
            knocking.sendto(b"", str(run_dir / "wake.sock"))
        except OSError as error:
            log.info("the gate did not hear: %s", error)
