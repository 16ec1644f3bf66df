"""The exact notice, and the way to withdraw: as easy as agreeing was."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from netctl.api import Session
from netctl.client import GateRefused, GateUnavailable
from portal.errors import Refused
from portal.pages import see_other
from portal.posted import read_form, refuse_too_often
from portal.site import SITE
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
EVERYTHING: Final[tuple[Purpose, ...]] = ("access_terms", "marketing")


async def privacy(request: web.Request) -> web.Response:
    """GET /privacy. Shows which consents stand, nothing of who gave them: the station may be shared."""
    site = request.app[SITE]
    try:
        session = await _session_here(request)
    except GateUnavailable:
        session = None
    lead_id = LeadId(session.lead_id) if session and session.lead_id else None
    agreed = await site.records.read(leads.agreed_purposes, lead_id) if lead_id else []
    return site.pages.render(
        request,
        "privacy.html",
        notice=site.privacy_notices[site.pages.language(request).code],
        agreed=agreed,
        elsewhere=ELSEWHERE if session and _is_of_another_store(session) else "",
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
    if _is_of_another_store(session):
        raise Refused(409, ELSEWHERE)
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


def _is_of_another_store(session: Session) -> bool:
    """Then her consents lie in that store's records and not in ours."""
    return session.method == "roaming"
