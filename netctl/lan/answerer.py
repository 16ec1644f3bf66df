"""Answers DNS while no resolver of the uplink does: a phone that joins then still finds the portal.

The names of connectivity checks get a fixed public address that lasts one second, so that the phone asks
port 80 and is intercepted; all other names fail at once. The packet filter leads captive stations here, and
only while the uplink is silent: with internet they hear nothing but true answers.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv6Interface
from typing import cast

from netctl.lan.access_point import own_names
from netctl.lan.check_addresses import CHECK_ADDRESSES, Addresses
from netctl.lan.dns_message import AAAA, NO_ERROR, SERVER_FAILURE, A, NoQuery, parse_query, reply
from netctl.linux.nft import ANSWERER_PORT
from sync.config import Config
from sync.process import ProcessFailed

log = logging.getLogger(__name__)

_LONGEST_QUERY_BYTES = 512
_DATAGRAMS_AT_ONCE = 64
_MOST_CONNECTIONS = 32
_IDLE_SECONDS = 5.0
_IP_PKTINFO = 8  # linux/in.h; Python has no name for it before 3.14


def answer(message: bytes, known: Mapping[str, Addresses]) -> bytes | None:
    """The answer to any bytes; None: they deserve none."""
    try:
        query = parse_query(message)
    except NoQuery as wrong:
        return reply(message, None, wrong.code)
    if query is None:
        return None
    found = known.get(query.name) if query.internet else None
    if found is None:
        return reply(message, query, SERVER_FAILURE)
    # Of a name that is there any other kind of record is simply missing: a failure would make some
    # resolvers give up the address too.
    address = {A: found.ipv4, AAAA: found.ipv6}.get(query.kind)
    return reply(message, query, NO_ERROR, [address] if address else [])


def known_names(config: Config) -> dict[str, Addresses]:
    """What is answered on this box: connectivity checks, and the portal's own names."""
    ours = Addresses(
        ipv4=IPv4Interface(config.network.lan_address).ip, ipv6=IPv6Interface(config.network.lan_ula).ip
    )
    return dict(CHECK_ADDRESSES) | dict.fromkeys(own_names(config), ours)


class Answerer:
    """Listens on the guests' bridge, UDP and TCP, both families, until closed."""

    def __init__(self, known: Mapping[str, Addresses], device: str, port: int = ANSWERER_PORT) -> None:
        self._known = known
        self._device = device
        self._port = port
        self._datagrams: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[_Connection] = set()

    async def open(self) -> None:
        """Raises ProcessFailed when the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                datagrams = self._listening(family, socket.SOCK_DGRAM)
                self._datagrams.append(datagrams)
                loop.add_reader(datagrams.fileno(), self._read, datagrams)
                streams = self._listening(family, socket.SOCK_STREAM)
                self._servers.append(await loop.create_server(self._connected, sock=streams, backlog=64))
        except OSError as error:
            await self.close()
            sentence = f"port {self._port} of {self._device} cannot be opened for DNS: {error.strerror}"
            raise ProcessFailed(sentence) from error

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for datagrams in self._datagrams:
            loop.remove_reader(datagrams.fileno())
            datagrams.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        self._datagrams, self._servers = [], []

    def _listening(self, family: int, kind: int) -> socket.socket:
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._device.encode())
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind == socket.SOCK_DGRAM and family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            elif kind == socket.SOCK_DGRAM:
                made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            made.bind(("", self._port))
        except OSError:
            made.close()
            raise
        return made

    def _read(self, datagrams: socket.socket) -> None:
        # A few at a time: a flood of queries must not hold up an admission in the same process.
        for _ in range(_DATAGRAMS_AT_ONCE):
            try:
                message, told, _, sender = datagrams.recvmsg(_LONGEST_QUERY_BYTES + 1, 128)
                said = answer(message, self._known) if len(message) <= _LONGEST_QUERY_BYTES else None
                if said is not None:
                    datagrams.sendmsg([said], _from_same_address(told), 0, sender)
            except BlockingIOError:
                return
            except OSError as error:
                # The station has gone, or its answer cannot be sent: it asks again.
                log.debug("a query was not answered: %s", error)

    def _connected(self) -> asyncio.BaseProtocol:
        return _Connection(self._known, self._connections)


def _from_same_address(told: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """The answer leaves from the address that was asked: else the redirect would not be undone."""
    for level, kind, data in told:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            index, local, _ = struct.unpack("=I4s4s", data[:12])
            return [(level, kind, struct.pack("=I4s4s", index, local, b"\0" * 4))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            return [(level, kind, data)]
    return []


class _Connection(asyncio.Protocol):
    """DNS over TCP (RFC 7766): messages with their length in front."""

    def __init__(self, known: Mapping[str, Addresses], all_connections: "set[_Connection]") -> None:
        self._known = known
        self._all = all_connections
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._all) >= _MOST_CONNECTIONS:
            self._transport.abort()
            return
        self._all.add(self)
        # From the start, not from the last byte: who sends a byte a second is no resolver.
        self._end = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._all:
            self._all.discard(self)
            self._end.cancel()

    def data_received(self, data: bytes) -> None:
        self._came += data
        while len(self._came) >= 2:
            length = int.from_bytes(self._came[:2], "big")
            if length > _LONGEST_QUERY_BYTES:
                self.abort()
                return
            if len(self._came) < 2 + length:
                return
            said = answer(bytes(self._came[2 : 2 + length]), self._known)
            del self._came[: 2 + length]
            if said is not None:
                self._transport.write(len(said).to_bytes(2, "big") + said)
            if self._transport.get_write_buffer_size() > 2 * _LONGEST_QUERY_BYTES:
                # Asks and does not read.
                self.abort()
                return

    def abort(self) -> None:
        self._transport.abort()
