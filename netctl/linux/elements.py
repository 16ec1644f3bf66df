"""Sets of the packet filter as text: what is put in and taken out, and what was listed. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from ipaddress import IPv4Address
from typing import Any

from netctl.api import Mac
from netctl.gate.sessions import Admit, Member
from netctl.linux.members import Counted

UP, DOWN = "inet yingke admitted", "netdev yingke admitted"
HOLDERS = "inet yingke holders"
GARDEN = ("inet yingke garden4", "inet yingke garden6")
# The tables that ask for leases, and how each writes an address.
_LEASES: Mapping[str, Callable[[IPv4Address], str]] = {
    "inet yingke": lambda address: f"{int(address):#010x}",
    "netdev yingke": str,
    "bridge yingke": str,
}
_AT_ONCE = 500

Pair = tuple[Mac, IPv4Address]
"""A station and an address it has leased."""


def put(where: str, elements: Iterable[object]) -> list[str]:
    """The commands that put elements into a set; none for none."""
    return [f"add element {where} {{ {text} }}" for text in _texts(elements)]


def take(where: str, elements: Iterable[object]) -> list[str]:
    """The commands that take elements out of a set, whether they are there or not."""
    # `add` first, since `delete` of what is not there would fail (`destroy` takes nft 1.0.7).
    return [f"{verb} element {where} {{ {text} }}" for text in _texts(elements) for verb in ("add", "delete")]


def _texts(elements: Iterable[object]) -> Iterator[str]:
    """Some hundred at a time: where the kernel bounds a message, each command is small enough by itself."""
    texts = list(map(str, elements))
    for at in range(0, len(texts), _AT_ONCE):
        yield ", ".join(texts[at : at + _AT_ONCE])


def admitting(stations: Sequence[Admit]) -> list[str]:
    """Into both sets. The element carries its counter along: the kernel always holds the session's total."""
    up = (f"{s.mac} counter packets 0 bytes {s.bytes_up} timeout {max(1, s.seconds)}s" for s in stations)
    down = (f"{s.mac} counter packets 0 bytes {s.bytes_down} timeout {max(1, s.seconds)}s" for s in stations)
    return [*put(UP, up), *put(DOWN, down)]


def leasing(
    gone: Set[Pair], fresh: Set[Pair], after: Set[Pair] = frozenset(), *, between_ports: bool = True
) -> list[str]:
    """Leases that end and leases that begin, in every table that asks for them: the bridge's own does so only
    while guests meet `between_ports`. `after`: all that hold afterwards, if some end."""
    ended = sorted({address for _, address in gone} - {address for _, address in after})
    begun = sorted({address for _, address in fresh})
    commands = [
        *take(HOLDERS, sorted({mac for mac, _ in gone} - {mac for mac, _ in after})),
        *put(HOLDERS, sorted({mac for mac, _ in fresh})),
    ]
    for table, written in _LEASES.items():
        if table.startswith("bridge") and not between_ports:
            continue
        commands += take(f"{table} leased", _pairs(gone, written))
        commands += take(f"{table} leased_addresses", map(written, ended))
        commands += put(f"{table} leased", _pairs(fresh, written))
        commands += put(f"{table} leased_addresses", map(written, begun))
    return commands


def _pairs(pairs: Iterable[Pair], written: Callable[[IPv4Address], str]) -> list[str]:
    return [f"{mac} . {written(address)}" for mac, address in sorted(pairs)]


def parse_timed(listed: Mapping[str, Any]) -> list[str]:
    """`nft -j list set` -> the elements with what is left of their time, to be put in again."""
    return [f"{inner['val']} timeout {max(1, inner.get('expires', 1))}s" for inner in _elements(listed)]


def _elements(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        element.get("elem", {}) if isinstance(element, dict) else {"val": element}
        for part in listed["nftables"]
        for element in part.get("set", {}).get("elem", ())
    ]


def merged(up: Mapping[Mac, Counted], down: Mapping[Mac, Counted]) -> dict[Mac, Member]:
    """Both sets side by side."""
    return {
        mac: Member(
            mac=mac,
            seconds_up=up[mac].seconds_left if mac in up else None,
            seconds_down=down[mac].seconds_left if mac in down else None,
            bytes_up=up[mac].bytes if mac in up else 0,
            bytes_down=down[mac].bytes if mac in down else 0,
        )
        for mac in [*up, *(mac for mac in down if mac not in up)]
    }
