"""The exact notice, and the way to withdraw: as easy as agreeing was."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from netctl.api import Session
from netctl.client import GateRefused, GateUnavailable
from portal.errors import Refused
from portal.follows import choices
from portal.pages import see_other
from portal.posted import read_form, refuse_too_often
from portal.site import SITE, Site
from portal.where import station_ip
from sync.i18n import mark
from sync.model import LeadId, Purpose
from sync.records import leads

NOBODY: Final = mark(
    "We only know whose consents these are while your device is online here. Please connect first,"
    " or ask our staff."
)
ELSEWHERE: Final = mark(
    "You registered in another of our stores. Please withdraw there what you agreed to, or ask our staff."
)
FOLLOWER: Final = mark(
    "You came in by following us, and what we know of you lies at our head office. Unfollow us there, and"
    " what the platform told us of you is deleted; or ask our staff."
)
EVERYTHING: Final[tuple[Purpose, ...]] = ("access_terms", "marketing")


async def privacy(request: web.Request) -> web.Response:
    """GET /privacy. Shows which consents stand, nothing of who gave them: the station may be shared."""
    site = request.app[SITE]
    try:
        session = await _session_here(request)
    except GateUnavailable:
        session = None
    lead_id = LeadId(session.lead_id) if session and session.lead_id else None
    elsewhere = await _why_not_here(site, session) if session else ""
    agreed = await site.records.read(leads.agreed_purposes, lead_id) if lead_id else []
    return site.pages.render(
        request,
        "privacy.html",
        notice=site.privacy_notices[site.pages.language(request).code],
        agreed=agreed,
        elsewhere=elsewhere,
        controller=site.config.privacy.controller or site.config.portal.brand_name or site.config.venue.name,
        follows=await choices(site),
        withdrawn=request.query.get("withdrawn") == "yes",
    )


async def withdraw(request: web.Request) -> web.Response:
    """POST /privacy/withdraw: all consents, or with `purpose=marketing` that one. Without the terms the
    access ends too.
    """
    site = request.app[SITE]
    fields = await read_form(request)
    session = await _session_here(request)
    if session is None or session.lead_id is None:
        raise Refused(409, NOBODY)
    if elsewhere := await _why_not_here(site, session):
        raise Refused(409, elsewhere)
    await refuse_too_often(request)
    purposes: tuple[Purpose, ...] = ("marketing",) if fields.get("purpose") == "marketing" else EVERYTHING
    await site.records.write(leads.withdraw_consents, LeadId(session.lead_id), purposes, site.clock)
    if "access_terms" in purposes:
        # Should the gate be silent, the consents are withdrawn all the same: only the way is still open.
        with suppress(GateRefused):
            await site.gate.sign_out(station_ip(request))
    return see_other(request, "/privacy", withdrawn="yes")


async def _session_here(request: web.Request) -> Session | None:
    """The session this station has, if it is somebody's. Raises GateUnavailable."""
    try:
        station = await request.app[SITE].gate.station(station_ip(request))
    except GateRefused:
        return None
    return station.session if station.session and station.session.lead_id and not station.captive else None


async def _why_not_here(site: Site, session: Session) -> str:
    """A sentence where her consents do not lie in our records; empty where they do."""
    if session.method == "roaming":
        return ELSEWHERE
    if session.method == "follow" and session.lead_id is not None:
        # Who followed may have registered here too, before or since.
        here = await site.records.read(leads.contact_of, session.lead_id)
        return "" if here else FOLLOWER
    return ""
