"""Which MAC the kernel hears at which address of the LAN: its neighbour table, and news of it."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from errno import ENOENT
from ipaddress import ip_address
from itertools import count
from sys import byteorder
from typing import Any, NamedTuple

from pyroute2 import IPRoute
from pyroute2.netlink import rtnl
from pyroute2.netlink.exceptions import NetlinkError

from netctl.api import Ip, Mac, parse_ip, parse_mac

log = logging.getLogger(__name__)

# linux/neighbour.h
NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_FAILED = 0x02, 0x04, 0x08, 0x10, 0x20
_AF_BRIDGE = 7  # linux/socket.h; Python has no name for it
_NEWS = (rtnl.RTM_NEWNEIGH, rtnl.RTM_DELNEIGH)
# linux/netlink.h, linux/rtnetlink.h, linux/neighbour.h
_REQUEST, _DUMP, _ERROR, _DONE, _NDA_DST, _NDA_LLADDR, _NDA_MASTER = 1, 0x301, 2, 3, 1, 2, 9
_HEADER, _NDMSG, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxxxiHBB"), struct.Struct("=HH")
_ANSWER_SECONDS = 5.0
_HEARD = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One entry. `answers`: it has just proved to be there (NUD_REACHABLE); else it was so some time ago."""

    ip: Ip
    mac: Mac | None
    answers: bool


class Neighbours:
    """The neighbour table of one interface.

    Calls block shortly. For one thread that runs no event loop: pyroute2 brings its own.
    """

    def __init__(self, interface: str) -> None:
        """Raises LookupError when there is no such interface."""
        self._route: Any = IPRoute()
        found = self._route.link_lookup(ifname=interface)
        if not found:
            self._route.close()
            raise LookupError(f"there is no interface {interface}")
        self.index: int = found[0]
        # Asked with every admission: 12 µs by hand, 190 µs through pyroute2 (measured 2026-11-23, x86 VM).
        self._asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._asking.settimeout(_ANSWER_SECONDS)
        self._numbers = count(1)

    def all(self) -> list[Neighbour]:
        found = [entry for entry in self._answers(_ask_all) if entry.link == self.index]
        return [neighbour for entry in found if (neighbour := parse_neighbour(entry))]

    def at(self, ip: Ip) -> Neighbour | None:
        """The entry for this address, straight from the kernel (Linux 5.0)."""
        entry = next(self._answers(lambda number: get_neighbour(ip, self.index, number)), None)
        return parse_neighbour(entry) if entry else None

    def _answers(self, question: Callable[[int], bytes]) -> Iterator["Entry"]:
        number = next(self._numbers)
        self._asking.send(question(number))
        while True:
            for message in messages_in(self._asking.recv(1 << 16)):
                # Another number: the late answer to a question that was given up.
                if message.number != number:
                    continue
                if message.kind == _DONE:
                    return
                if message.kind == _ERROR:
                    code = -struct.unpack_from("=i", message.content)[0]
                    if code in (0, ENOENT):
                        return
                    raise OSError(code, "the neighbour table cannot be read")
                yield read_entry(message)

    def ask(self, neighbours: Iterable[tuple[Ip, Mac]]) -> None:
        """Has the kernel ask each whether it is still there: an answer makes it NUD_REACHABLE, silence
        NUD_FAILED, and both are told to who watches."""
        for ip, mac in neighbours:
            try:
                self._route.neigh("set", dst=str(ip), lladdr=mac, ifindex=self.index, state=NUD_PROBE)
            # OSError: ENOBUFS, the kernel's table is full (gc_thresh3): they are asked next time.
            except (NetlinkError, OSError) as error:
                log.debug("a neighbour could not be asked: %s", error)

    def close(self) -> None:
        self._asking.close()
        self._route.close()


class Message(NamedTuple):
    """One of netlink's (netlink(7))."""

    kind: int
    number: int
    content: bytes


class Entry(NamedTuple):
    """What a message about a neighbour says (rtnetlink(7), RTM_NEWNEIGH)."""

    kind: int
    family: int
    link: int
    state: int
    attributes: dict[int, bytes]


def get_neighbour(ip: Ip, index: int, number: int) -> bytes:
    """The netlink request for one entry (rtnetlink(7), RTM_GETNEIGH)."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    body = _NDMSG.pack(family, index, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(ip.packed), _NDA_DST) + ip.packed
    return _HEADER.pack(_HEADER.size + len(body), rtnl.RTM_GETNEIGH, _REQUEST, number, 0) + body


def _ask_all(number: int) -> bytes:
    body = _NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), rtnl.RTM_GETNEIGH, _DUMP, number, 0) + body


def messages_in(data: bytes) -> Iterator[Message]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, number, _ = _HEADER.unpack_from(data, at)
        yield Message(kind, number, data[at + _HEADER.size : at + length])
        at += max(length, _HEADER.size) + 3 & ~3


def read_entry(message: Message) -> Entry:
    content = message.content
    family, index, state, _, _ = _NDMSG.unpack_from(content)
    attributes, at = {}, _NDMSG.size
    while at + _ATTRIBUTE.size <= len(content):
        size, name = _ATTRIBUTE.unpack_from(content, at)
        attributes[name] = content[at + _ATTRIBUTE.size : at + size]
        at += max(size, _ATTRIBUTE.size) + 3 & ~3
    return Entry(message.kind, family, index, state, attributes)


def parse_neighbour(entry: Entry) -> Neighbour | None:
    """The entry as we see it; None for what is no station's (multicast, our own)."""
    destination, hardware = entry.attributes.get(_NDA_DST), entry.attributes.get(_NDA_LLADDR)
    if destination is None:
        return None
    ip = parse_ip(str(ip_address(destination)))
    state = entry.state if entry.kind != rtnl.RTM_DELNEIGH else NUD_FAILED
    if ip.is_multicast or not state & (_HEARD | NUD_FAILED):
        return None
    try:
        mac = parse_mac(hardware.hex(":")) if hardware and state & _HEARD else None
    except ValueError:
        return None
    return Neighbour(ip=ip, mac=mac, answers=state == NUD_REACHABLE)


class NeighbourNews:
    """Tells `heard` of each change in the neighbour table, `missed` when the kernel had to drop some, and
    `heard_on` of the port (its index) on which the bridge now hears a station.

    A plain socket on the loop: pyroute2's own asyncio sockets do not open under uvloop.
    """

    def __init__(
        self,
        index: int,
        heard: Callable[[Neighbour], None],
        missed: Callable[[], None],
        heard_on: Callable[[Mac, int], None] = lambda mac, port: None,
    ) -> None:
        self._index, self._heard, self._missed, self._heard_on = index, heard, missed, heard_on
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, rtnl.RTMGRP_NEIGH))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: the kernel told more than we read
            self._missed()
            return
        for message in messages_in(data):
            if message.kind in _NEWS:
                self._tell(read_entry(message))

    def _tell(self, entry: Entry) -> None:
        if entry.family == _AF_BRIDGE:
            self._port(entry)
        elif entry.link == self._index and (neighbour := parse_neighbour(entry)):
            self._heard(neighbour)

    def _port(self, entry: Entry) -> None:
        """The bridge's own table (RTM_NEWNEIGH of family AF_BRIDGE, br_fdb.c)."""
        master, hardware = (entry.attributes.get(name, b"") for name in (_NDA_MASTER, _NDA_LLADDR))
        if int.from_bytes(master, byteorder) != self._index or entry.kind != rtnl.RTM_NEWNEIGH:
            return
        with contextlib.suppress(ValueError):
            self._heard_on(parse_mac(hardware.hex(":")), entry.link)
