"""The packet filter: our three tables by libnftables, in process; who is admitted over netlink by hand."""

import ctypes
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from importlib.resources import files
from ipaddress import IPv4Interface, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any, TypeVar

from netctl.api import Mac
from netctl.gate.sessions import Admit, Member
from netctl.linux import elements
from netctl.linux.elements import DOWN, GARDEN, UP, Pair, merged, parse_timed
from netctl.linux.features import FEATURES, Feature
from netctl.linux.members import Counted, find_member, list_members, put_members, take_members
from netctl.linux.nfnetlink import Conversation
from sync.config import Config
from sync.process import ProcessFailed

T = TypeVar("T")

ANSWERER_PORT = 5354
"""Where the gate answers DNS itself while the uplink is down."""

# Three bits of the packet's mark. The first is on what the box says itself, which waits in no queue.
OUR_WORD, _STRANGER, _GARDEN = "0x10000000", "0x20000000", "0x40000000"
_TABLES = ("inet yingke", "netdev yingke", "bridge yingke")
_TOO_LONG = "Message too long"
_SURELY_SHORT = 30_000
# Both directions of so many are 110 kB, half of what a socket takes at once (net.core.wmem_max).
_STATIONS_AT_ONCE = 200
# user_namespaces(7): all users there are, in init's own namespace only.
_UID_MAP = Path("/proc/self/uid_map")
# RFC 1918, 3927 and 6598; RFC 4193 and 4291.
_PRIVATE4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
_PRIVATE6 = ("fc00::/7", "fe80::/10")


class FilterFailed(Exception):
    """The packet filter did not take it; the text is libnftables' own."""


class PacketFilter:
    """Our part of nftables in this network namespace. Calls block for microseconds; not for two threads."""

    def __init__(self, config: Config, library: Callable[[], Any] | None = None) -> None:
        """Raises ProcessFailed when libnftables is not installed."""
        self._config = config
        self._library = library or libnftables
        self._nftables = self._library()
        self._kernel = Conversation()
        self._leased: set[Pair] = set()
        self._blocked: frozenset[Mac] = frozenset()
        self._prefixes: frozenset[IPv6Network] = frozenset()
        self._answering = False

    def load(
        self, admitted: Sequence[Admit], leased: Iterable[Pair] = (), blocked: Iterable[Mac] = ()
    ) -> None:
        """Replaces our tables by the ruleset with these stations in it, in one transaction: no packet sees
        anything in between. Who answers DNS, our prefixes and the walled garden stay as they are. Raises
        ProcessFailed with the missing thing and its remedy.
        """
        pairs, kept_out = set(leased) | _pairs(admitted), frozenset(blocked)
        ruleset = files("netctl.linux").joinpath("ruleset.nft").read_text()
        # `add` first, since `delete` of a table that is not there would fail.
        fresh = [f"add table {table}\ndelete table {table}" for table in _TABLES]
        commands = [
            *(line for where in GARDEN for line in elements.put(where, self._garden(where))),
            *_private(self._config),
            *_overheard(self._config),
            *_answered_by(self._answering),
            *_prefixed(self._prefixes),
            *self._leasing(set(), pairs),
            *elements.put("inet yingke blocked", sorted(kept_out)),
            *elements.admitting(admitted),
        ]
        # libnftables remembers definitions for good and refuses them a second time: a context of its own.
        once, self._nftables = self._nftables, self._library()
        try:
            self._replace([*fresh, _definitions(self._config), ruleset], commands)
        except FilterFailed as failure:
            raise ProcessFailed(self._why_not(failure)) from failure
        finally:
            self._nftables = once
        self._leased, self._blocked = pairs, kept_out

    def admit(self, stations: Sequence[Admit]) -> None:
        """Puts stations into both sets, with time, counts and leases. Who is there already gets the new ones.
        Both directions open in one transaction."""
        fresh = _pairs(stations) - self._leased
        self._change(self._leasing(set(), fresh))
        self._leased |= fresh
        for some in _few_at_once(stations):
            up = ((each.mac, Counted(max(1, each.seconds), each.bytes_up)) for each in some)
            down = ((each.mac, Counted(max(1, each.seconds), each.bytes_down)) for each in some)
            self._tell([*put_members(UP, up), *put_members(DOWN, down)])

    def expel(self, macs: Sequence[Mac]) -> None:
        """Takes stations out of both sets; who is not there does not matter."""
        for some in _few_at_once(macs):
            self._tell([*take_members(UP, some), *take_members(DOWN, some)])

    def lease(self, pairs: Iterable[Pair]) -> None:
        """These leases hold and no others. An admitted station passes with a leased address only."""
        after = set(pairs)
        gone, fresh = self._leased - after, after - self._leased
        self._change(self._leasing(gone, fresh, after if gone else frozenset()))
        self._leased = after

    def block(self, macs: Collection[Mac]) -> None:
        """These stations get DHCP, DNS and the portal only, and no others are kept out so."""
        after = frozenset(macs)
        gone, fresh = sorted(self._blocked - after), sorted(after - self._blocked)
        where = "inet yingke blocked"
        self._change([*elements.take(where, gone), *elements.put(where, fresh)])
        self.expel(fresh)
        self._blocked = after

    def answer_names_ourselves(self, on: bool) -> None:
        """Whether DNS of captive stations goes to the gate's own answerer instead of dnsmasq."""
        self._change(["flush map inet yingke names", *_answered_by(on)])
        self._answering = on

    def prefixes(self, networks: Iterable[IPv6Network]) -> None:
        """The /64s of the uplink's provider that stations have addresses of, beside our own."""
        after = frozenset(networks)
        self._change(["flush set netdev yingke prefixes", *_prefixed(after)])
        self._prefixes = after

    def members(self) -> dict[Mac, Member] | None:
        """Who is in the sets right now; None when our tables are not loaded."""
        try:
            return merged(list_members(self._kernel, UP), list_members(self._kernel, DOWN))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FilterFailed(f"the sets cannot be listed: {error}") from error

    def member(self, mac: Mac) -> Member | None:
        """This station as it is in the sets right now: no listing of everybody. None: in neither."""
        try:
            up, down = (find_member(self._kernel, where, mac) for where in (UP, DOWN))
        except OSError as error:
            raise FilterFailed(f"a station cannot be looked up: {error}") from error
        return merged({mac: up} if up else {}, {mac: down} if down else {}).get(mac)

    def close(self) -> None:
        self._kernel.close()

    def attempt(self, feature: Feature) -> None:
        """Raises FilterFailed when the kernel cannot do it. Leaves nothing behind."""
        before = [f"add table {table}" for table in feature.tables()]
        after = [f"delete table {table}" for table in feature.tables()]
        self._run("\n".join([*before, feature.attempt, *after]))

    def _leasing(self, gone: Set[Pair], fresh: Set[Pair], after: Set[Pair] = frozenset()) -> list[str]:
        return elements.leasing(gone, fresh, after, between_ports=self._config.network.isolate_ports == "off")

    def _garden(self, where: str) -> list[str]:
        """What dnsmasq has put there: it would do so again only after its own cache has run out."""
        try:
            return parse_timed(self._list(where))
        except FilterFailed:  # the first load, or a kernel that lacks something: `load` says what
            return []

    def _list(self, where: str) -> dict[str, Any]:
        self._nftables.set_json_output(True)
        try:
            listed: dict[str, Any] = json.loads(self._run(f"list set {where}") or '{"nftables": []}')
            return listed
        finally:
            self._nftables.set_json_output(False)

    def _replace(self, ruleset: Sequence[str], members: Sequence[str]) -> None:
        try:
            if not _fits(members):
                raise FilterFailed(_TOO_LONG)
            self._run("\n".join([*ruleset, *members]))
        except FilterFailed as failure:
            if _TOO_LONG not in str(failure):
                raise
            self._nftables = self._library()
            self._run("\n".join(ruleset))
            self._change(members)

    def _change(self, commands: Sequence[str]) -> None:
        """In one transaction, or where that is longer than the kernel takes (only init's own namespace may
        send more than net.core.wmem_max at once), one after the other."""
        if not commands:
            return
        try:
            if len(commands) > 1 and not _fits(commands):
                raise FilterFailed(_TOO_LONG)
            self._run("\n".join(commands))
        except FilterFailed as failure:
            if _TOO_LONG not in str(failure) or len(commands) == 1:
                raise
            for command in commands:
                self._run(command)

    def _tell(self, messages: Sequence[bytes]) -> None:
        try:
            self._kernel.change(messages)
        except OSError as error:
            raise FilterFailed(f"the sets cannot be changed: {error}") from error

    def _run(self, commands: str) -> str:
        code, output, error = self._nftables.cmd(commands)
        if code != 0:
            raise FilterFailed(error.strip() or "nftables refused without a word")
        return str(output)

    def _why_not(self, failure: FilterFailed) -> str:
        if "Operation not permitted" in str(failure):
            return "The packet filter cannot be changed: start the gate by systemd or as root (CAP_NET_ADMIN)"
        for feature in FEATURES:
            try:
                self.attempt(feature)
            except FilterFailed:
                return f"This kernel cannot do {feature.name}: {feature.remedy}"
        return f"The packet filter did not take the ruleset: {first_complaint(str(failure))}"


def libnftables(file: str = "libnftables.so.1") -> Any:
    """A context of its own. Raises ProcessFailed when the library is not installed."""
    import nftables

    try:
        # First on its own: the binding's destructor stumbles over a library that was not found.
        ctypes.CDLL(file)
    except OSError:
        raise ProcessFailed(f"{file} is missing: apt install libnftables1 nftables") from None
    library = nftables.Nftables(sofile=file)
    library.set_json_output(False)
    return library


def _fits(commands: Sequence[str]) -> bool:
    """Whether a try in one piece is worth its time: in a user namespace ten thousand members never fit."""
    return sum(map(len, commands)) < _SURELY_SHORT or "4294967295" in _UID_MAP.read_text()


def _definitions(config: Config) -> str:
    network = config.network
    ours4, ours6 = IPv4Interface(network.lan_address), IPv6Interface(network.lan_ula)
    # The bridge itself is never its own port: it keeps the list from being empty.
    ports = [network.bridge, *network.lan_interfaces, *filter(None, [config.wifi.interface])]
    return "\n".join(
        [
            f'define LAN = "{network.bridge}"',
            f"define PORTS = {{ {', '.join(json.dumps(port) for port in dict.fromkeys(ports))} }}",
            f"define BETWEEN_PORTS = {'apart' if network.isolate_ports == 'on' else 'watched'}",
            f'define UPLINK = "{network.uplink}"',
            f'define OWNER = "{network.owner_bridge}"',
            f"define LAN_IPV4 = {ours4.ip}",
            f"define LAN_IPV6 = {ours6.ip}",
            f"define LAN_IPV6_BITS = {int(ours6.ip):#x}",
            f"define LAN_NET4 = {ours4.network}",
            f"define PLAIN4_MASK = {_plain4(0xFF, 0x3FFF, int(ours4.netmask)):#x}",
            f"define PLAIN4 = {_plain4(0x45, 0, int(ours4.network.network_address)):#x}",
            f"define LAN_NET6 = {ours6.network}",
            f"define INTERCEPT = {config.portal.intercept_port}",
            f"define ANSWERER = {ANSWERER_PORT}",
            f"define OUR_WORD = {OUR_WORD}",
            f"define STRANGER = {_STRANGER}",
            f"define GARDEN = {_GARDEN}",
        ]
    )


def _plain4(first_byte: int, fragment: int, source: int) -> int:
    """The first 16 bytes of an IPv4 header as a number (RFC 791 section 3.1)."""
    return first_byte << 120 | fragment << 64 | source


def _few_at_once(things: Sequence[T]) -> Iterator[Sequence[T]]:
    return (things[at : at + _STATIONS_AT_ONCE] for at in range(0, len(things), _STATIONS_AT_ONCE))


def _pairs(stations: Iterable[Admit]) -> frozenset[Pair]:
    return frozenset((station.mac, address) for station in stations for address in station.addresses)


def _private(config: Config) -> list[str]:
    if config.network.guests_reach_private == "on":
        return []
    return [
        *elements.put("inet yingke private4", _PRIVATE4),
        *elements.put("inet yingke private6", _PRIVATE6),
    ]


def _overheard(config: Config) -> list[str]:
    """Where guests meet, the bridge learns from what the box announces which addresses are the router's."""
    if config.network.isolate_ports == "on":
        return []
    return [
        "add chain bridge yingke output { type filter hook output priority filter; policy accept; }",
        "add rule bridge yingke output goto announced",
    ]


def _answered_by(gate: bool) -> list[str]:
    return elements.put("inet yingke names", [f"53 : {ANSWERER_PORT if gate else 53}"])


def _prefixed(networks: Iterable[IPv6Network]) -> list[str]:
    firsts = sorted({int(network.network_address) >> 64 for network in networks})
    return elements.put("netdev yingke prefixes", [f"{first:#x}" for first in firsts])


def first_complaint(error: str) -> str:
    """What libnftables said, as one line without the place in a file nobody wrote."""
    return re.sub(r"^\S*:\d+:\d+-\d+: ", "", error.splitlines()[0]) if error else "no reason given"
