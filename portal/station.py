"""The station that asks: what the gate says of it, and under which name it is counted."""

from ipaddress import IPv6Address, IPv6Network
from typing import Final

from aiohttp import web

from netctl.api import Ip, Station
from netctl.client import GateRefused, GateUnavailable
from portal.errors import log
from portal.site import SITE
from portal.where import station_ip

NOBODY: Final = "nobody the gate knows"


async def find_station(request: web.Request) -> Station | None:
    """None: the gate knows nobody at this address. Raises GateUnavailable."""
    try:
        return await request.app[SITE].gate.station(station_ip(request))
    except GateRefused:
        return None


async def name_for_limits(request: web.Request) -> str:
    """Under which name a station's tries are counted: the gate's word for it, since one phone has as many
    IPv6 addresses as it likes. Addresses that are nobody's share one name. While the gate is silent: the
    address, of IPv6 the network.
    """
    try:
        station = await find_station(request)
    except GateUnavailable:
        return network_of(station_ip(request))
    return station.station_code if station else NOBODY


def network_of(ip: Ip) -> str:
    """An IPv4 address, or the /64 that an IPv6 address lies in."""
    return str(IPv6Network((int(ip) >> 64 << 64, 64))) if isinstance(ip, IPv6Address) else str(ip)


async def open_gate(request: web.Request, request_id: str) -> None:
    """Asks the gate to grant what was just kept. If it does not, /online looks again and says how it is."""
    try:
        await request.app[SITE].gate.admit(request_id=request_id, ip=station_ip(request))
    except (GateRefused, GateUnavailable) as error:
        log.warning("asked for, but not admitted yet: %s", error)
