"""Every route and every middleware of the portal, on one page."""

from typing import Final

from aiohttp import web

from netctl.client import GateClient
from portal import (
    capport,
    endings,
    follow,
    grant_link,
    health,
    owner,
    privacy,
    registration,
    roaming,
    shopper,
    temporary_pass,
    voucher,
)
from portal.codes import Tries
from portal.errors import errors_become_pages
from portal.owner_door import DOOR, Door
from portal.owner_network import owner_network_only
from portal.pages import Pages, secure
from portal.patience import PATIENCE, Patience, whoever_asks_is_heard
from portal.privacy_notice import privacy_notice
from portal.seal import Seal
from portal.site import SITE, Site
from portal.staff_code import StaffCode
from portal.trace import Trace
from portal.where import portal_url
from sync.config import Config
from sync.model import Clock
from sync.passwords import Passwords
from sync.rate import RateLimit
from sync.records import Records

LARGEST_BODY_BYTES: Final = 16 * 1024


def routes() -> list[web.RouteDef]:
    """What the portal answers to, and where that is written."""
    return [
        web.get("/", shopper.splash),
        web.get("/register", registration.form),
        web.post("/register", registration.register),
        web.get("/online", shopper.online),
        web.post("/sign-out", shopper.sign_out),
        web.get("/roaming", roaming.form),
        web.post("/roaming", roaming.ask),
        web.get("/roaming/wait", roaming.wait),
        web.get("/voucher", voucher.form),
        web.post("/voucher", voucher.redeem),
        web.get("/pass", temporary_pass.wait),
        web.post("/pass", temporary_pass.start),
        web.get("/follow/{platform}", follow.page),
        web.post("/follow/{platform}/pass", follow.start_pass),
        web.get("/follow/{platform}/open", follow.open_claimed, allow_head=False),
        # Whoever only looks whether it is there must not use it up.
        web.get("/g/{grant}", grant_link.open_link, allow_head=False),
        web.get("/expired", endings.expired),
        web.get("/quota", endings.quota),
        web.get("/privacy", privacy.privacy),
        web.post("/privacy/withdraw", privacy.withdraw),
        web.get("/capport/api", capport.capport_api),
        web.get("/healthz", health.healthz),
        *owner.routes(),
    ]


def make_app(config: Config, records: Records, gate: GateClient, clock: Clock) -> web.Application:
    """The portal of one store. Raises OSError or ValueError (the keys), LogoUnusable."""
    app = web.Application(
        middlewares=[whoever_asks_is_heard, errors_become_pages, owner_network_only],
        client_max_size=LARGEST_BODY_BYTES,
    )
    pages, secrets = Pages(config), config.venue.data_dir / "portal"
    app[SITE] = Site(
        config=config,
        records=records,
        gate=gate,
        clock=clock,
        pages=pages,
        portal_url=portal_url(config),
        privacy_notices={
            code: privacy_notice(config, language) for code, language in pages.languages.items()
        },
        seal=Seal.from_file(secrets / "form.key"),
        kept_forms=RateLimit(burst=12, refill_seconds=20, seconds=clock.boottime),
        # One is good for half an hour on each platform; a store has two dozen, and each costs a call.
        offers=RateLimit(burst=8, refill_seconds=300, seconds=clock.boottime),
        code_tries=Tries(clock.boottime),
        staff_code=StaffCode.from_file(secrets / "staff_code.key", config.venue.timezone, clock),
        trace=Trace(),
    )
    app[DOOR] = Door(Passwords(), clock.boottime)
    app[PATIENCE] = Patience()
    app.add_routes(routes())
    app.on_response_prepare.append(_headers_of_every_answer)
    app.on_cleanup.append(_close)
    return app


async def _headers_of_every_answer(request: web.Request, response: web.StreamResponse) -> None:
    secure(response.headers)


async def _close(app: web.Application) -> None:
    app[DOOR].passwords.close()
