"""Where a request comes from. Only addresses of sockets count: headers say what their sender likes."""

from ipaddress import ip_address, ip_interface
from urllib.parse import urlsplit

from aiohttp import web

from netctl.api import Ip, parse_ip
from sync.config import Config


def portal_url(config: Config) -> str:
    """The portal's address towards phones. The LAN address as it is: with strict private DNS a phone cannot
    resolve a name of ours; with a certificate the name it is for, which public DNS knows.
    """
    if config.portal.certificate:
        return f"https://{config.portal.domain}/"
    return f"http://{ip_interface(config.network.lan_address).ip}/"


def station_ip(request: web.BaseRequest) -> Ip:
    """The address of the phone that asks."""
    return parse_ip(request.remote or "0.0.0.0")  # noqa: S104 — nobody's address, not one to listen on


def local_ip(request: web.BaseRequest) -> Ip | None:
    """Our own address that the phone spoke to."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return parse_ip(name[0]) if isinstance(name, tuple) else None


def is_own_loopback(request: web.BaseRequest) -> bool:
    """Whether the box asks itself."""
    local = local_ip(request)
    return local is not None and local.is_loopback and station_ip(request).is_loopback


def is_https(request: web.BaseRequest) -> bool:
    """Whether TLS ends in this process."""
    return request.transport is not None and request.transport.get_extra_info("sslcontext") is not None


def is_owner_network(request: web.BaseRequest, config: Config) -> bool:
    """Whether who asks is on the owner's own network.

    The packet filter drops guests' packets to the owner address, so the local address proves the network.
    """
    return local_ip(request) == ip_interface(config.network.owner_address).ip


def may_carry_password(request: web.BaseRequest, config: Config) -> bool:
    """The owner's own network, or HTTPS that ends in this process: never open WiFi in clear."""
    return is_https(request) or is_owner_network(request, config)


def is_foreign_form(request: web.BaseRequest, config: Config, *, sealed: bool = False) -> bool:
    """Whether another site's page made the browser send this form (RFC 6454 section 7).

    A bare request without Origin is no browser's form. A phone is known by its address alone, so without
    this any web page could sign it out. A page that sends no referrer posts with `Origin: null` (Fetch,
    "append a request Origin header"): only a form that is `sealed`, which no other page can have, may say so.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    if origin == "null":
        return not sealed
    try:
        said = urlsplit(origin)
        is_host = said.netloc.lower() == request.headers.get("Host", "").lower()
        return not (is_host and _is_our_name(said.hostname or "", config))
    except ValueError:
        return True


def _is_our_name(name: str, config: Config) -> bool:
    """Not any name: another site's may be made to lead to our address (DNS rebinding). An address cannot."""
    if name in ("localhost", config.portal.domain.lower(), config.follow.link_host):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
