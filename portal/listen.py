"""The sockets the portal answers on: those systemd passes, or its own."""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

from sync.process import ProcessFailed

FIRST_PASSED: Final = 3
"""sd_listen_fds(3): passed sockets are numbered from here."""
_PAUSE_SECONDS: Final = 0.1


def passed_sockets(environment: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The sockets systemd opened for us; none when it opened none, or for another process."""
    if environment.get("LISTEN_PID", str(pid)) != str(pid):
        return []
    count = int(environment.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=FIRST_PASSED + at) for at in range(count)]


def port_of(listening: socket.socket) -> int:
    port = listening.getsockname()[1]
    assert isinstance(port, int)
    return port


def bind(listen: str) -> socket.socket:
    """A socket on `address:port`. Raises ProcessFailed with what is in the way and what helps."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host == "::":
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        bound.bind((host, int(port)))
    except OSError as error:
        bound.close()
        raise ProcessFailed(f"cannot listen on {listen}: {_remedy(error, port)}") from error
    return bound


def bind_everywhere(port: int) -> socket.socket:
    """A socket for IPv4 and IPv6 at once, or for IPv4 on a kernel without IPv6."""
    return bind(f"[::]:{port}" if _has_ipv6() else f"0.0.0.0:{port}")


async def reset_everybody(listening: socket.socket) -> None:
    """Until cancelled. Without a certificate port 443 is held too, and nobody shall hang there."""
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    while True:
        try:
            phone, _ = await loop.sock_accept(listening)
        except OSError:  # she is gone already, or too many are open: those of the pages end
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        # Closed at once and without waiting, it is reset (socket(7), SO_LINGER).
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        phone.close()


def _has_ipv6() -> bool:
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def _remedy(error: OSError, port: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"another program has that port; `ss -ltnp sport = :{port}` names it, stop it"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "ports below 1024 need yingke-portal.socket (systemd) or CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return "the box does not have that address; is the gate running?"
    return os.strerror(error.errno or 0)
