"""Every route and every middleware of the portal, on one page."""

from typing import Final

from aiohttp import web

from netctl.client import GateClient
from portal.errors import errors_become_pages
from portal.owner_network import owner_network_only
from portal.pages import Pages
from portal.rate import RateLimit
from portal.seal import Seal
from portal.site import SITE, Site
from sync.config import Config
from sync.model import Clock
from sync.records import Records

LARGEST_BODY_BYTES: Final = 16 * 1024


def routes() -> list[web.RouteDef]:
    """What the portal answers to, and where that is written."""
    return []


def make_app(config: Config, records: Records, gate: GateClient, clock: Clock) -> web.Application:
    """The portal of one store. Raises OSError or ValueError (the form key), LogoUnusable."""
    app = web.Application(
        middlewares=[errors_become_pages, owner_network_only], client_max_size=LARGEST_BODY_BYTES
    )
    app[SITE] = Site(
        config=config,
        records=records,
        gate=gate,
        clock=clock,
        pages=Pages(config),
        seal=Seal.from_file(config.venue.data_dir / "portal" / "form.key"),
        registrations=RateLimit(burst=12, refill_seconds=20, seconds=clock.boottime),
    )
    app.add_routes(routes())
    app.on_response_prepare.append(_headers_of_every_answer)
    return app


async def _headers_of_every_answer(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # same-origin, not no-referrer: that would send `Origin: null` with our own forms (Fetch, 3.2).
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
