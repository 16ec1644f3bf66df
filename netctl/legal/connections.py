"""Which connections are a guest's over the uplink, and what is recorded of them. Decisions only.

A record is a JSON list, because there are thousands: `["o", at, number, protocol, source, source port,
translated address, translated port, destination, destination port]` when it was opened and `["c", at,
number]` when it was over. `at` is milliseconds of CLOCK_BOOTTIME, `number` counts in this run of the
daemon; what the translation left as it was is null, and so is what the profile does not record.
"""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from netctl.legal.conntrack_news import News
from netctl.legal.record import Record

PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmpv6", 132: "sctp", 136: "udplite"}
MOST_OPEN: Final = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When news are read, by both clocks, in milliseconds."""

    boottime_ms: int
    wall_ms: int

    def of_kernel(self, wall_ns: int) -> int:
        """The kernel's wall clock as CLOCK_BOOTTIME; now, when it says nothing or nothing that can be."""
        ago_ms = self.wall_ms - wall_ns // 1_000_000
        return self.boottime_ms - ago_ms if wall_ns and 0 <= ago_ms <= self.boottime_ms else self.boottime_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Lan:
    """The guests' networks, and the addresses that are the box's own."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    own: frozenset[bytes]

    def masks(self) -> list[tuple[int, int, int]]:
        """(length of an address, mask, network) for looking at addresses as the wire has them."""
        return [
            (each.max_prefixlen // 8, int(each.netmask), int(each.network_address)) for each in self.networks
        ]


def lan_of(networks: Iterable[str], own: Iterable[str]) -> Lan:
    """From texts such as 10.77.0.1/16 and 10.77.0.1."""
    return Lan(
        networks=tuple(dict.fromkeys(ip_network(each, strict=False) for each in networks)),
        own=frozenset(packed(each) for each in own),
    )


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def readable(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)


class Connections:
    """The guests' connections that are open now, by what the kernel calls them."""

    def __init__(self, lan: Lan, *, destinations: bool) -> None:
        self._destinations = destinations
        self._open: dict[tuple[int, bytes, int], int] = {}
        self._number = self._newest_before = 0
        self._ended_meanwhile: set[tuple[int, bytes, int]] | None = None
        self.move(lan)

    def move(self, lan: Lan) -> None:
        """The guests' networks are these from now on."""
        self._own, self._masks = lan.own, lan.masks()

    def __len__(self) -> int:
        return len(self._open)

    def is_guests(self, news: News) -> bool:
        """From the LAN to beyond it: not to the box, nor redirected to it, nor between guests."""
        opened = news.opened
        return (
            self._is_on_lan(opened.source)
            and opened.destination not in self._own
            and news.answered.source not in self._own
            and not self._is_on_lan(opened.destination)
        )

    def hear(self, news: News, now: Moment) -> list[Record]:
        """What is to be recorded. The end of a connection whose beginning was not heard tells both."""
        if not self.is_guests(news):
            return []
        name = (news.identity, news.opened.source, news.opened.source_port)
        if not news.is_over:
            return [] if name in self._open else [self._opened(name, news, now)]
        if self._ended_meanwhile is not None:
            self._ended_meanwhile.add(name)
        over_ms = now.of_kernel(news.stop_ns)
        number = self._open.pop(name, None)
        if number is not None:
            return [["c", over_ms, number]]
        opened = self._opened(name, news, now)
        return [opened, ["c", over_ms, self._open.pop(name)]]

    def begin_to_agree(self) -> None:
        """The kernel's whole table is about to be read; what is heard meanwhile is newer than it."""
        self._newest_before, self._ended_meanwhile = self._number, set()

    def agree(self, table: Sequence[News], now: Moment) -> list[Record]:
        """The kernel's table as it was read: what was missed is opened or over."""
        ended, self._ended_meanwhile = self._ended_meanwhile or set(), None
        records: list[Record] = []
        there = set()
        for news in table:
            name = (news.identity, news.opened.source, news.opened.source_port)
            there.add(name)
            if name not in ended:
                records += self.hear(news, now)
        over = [
            name for name, number in self._open.items() if number <= self._newest_before and name not in there
        ]
        return records + [["c", now.boottime_ms, self._open.pop(name)] for name in over]

    def _opened(self, name: tuple[int, bytes, int], news: News, now: Moment) -> Record:
        if len(self._open) >= MOST_OPEN:
            # More than the kernel's own table holds: ends must have been lost. The oldest makes room.
            del self._open[next(iter(self._open))]
        self._number += 1
        self._open[name] = self._number
        opened, answered = news.opened, news.answered
        is_same_source = answered.destination == opened.source
        is_same_port = answered.destination_port == opened.source_port
        return [
            "o",
            now.of_kernel(news.start_ns),
            self._number,
            opened.protocol,
            readable(opened.source),
            opened.source_port,
            None if is_same_source else readable(answered.destination),
            None if is_same_port else answered.destination_port,
            readable(opened.destination) if self._destinations else None,
            opened.destination_port if self._destinations else None,
        ]

    def _is_on_lan(self, address: bytes) -> bool:
        value, size = int.from_bytes(address, "big"), len(address)
        return any(size == length and value & mask == network for length, mask, network in self._masks)
