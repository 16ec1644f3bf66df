"""The exact notice, and the way to withdraw: as easy as agreeing was."""

from contextlib import suppress
from typing import Final

from aiohttp import web

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
EVERYTHING: Final[tuple[Purpose, ...]] = ("access_terms", "marketing")


async def privacy(request: web.Request) -> web.Response:
    """GET /privacy. Shows which consents stand, nothing of who gave them: the station may be shared."""
    site = request.app[SITE]
    try:
        lead_id = await _lead_here(request)
    except GateUnavailable:
        lead_id = None
    agreed = await site.records.read(leads.agreed_purposes, lead_id) if lead_id else []
    return site.pages.render(
        request,
        "privacy.html",
        notice=site.privacy_notices[site.pages.language(request).code],
        agreed=agreed,
        withdrawn=request.query.get("withdrawn") == "yes",
    )


async def withdraw(request: web.Request) -> web.Response:
    """POST /privacy/withdraw: all consents, or with `purpose=marketing` that one. Without the terms the
    access ends too.
    """
    site = request.app[SITE]
    fields = await read_form(request)
    lead_id = await _lead_here(request)
    if lead_id is None:
        raise Refused(409, NOBODY)
    await refuse_too_often(request)
    purposes: tuple[Purpose, ...] = ("marketing",) if fields.get("purpose") == "marketing" else EVERYTHING
    await site.records.write(leads.withdraw_consents, lead_id, purposes, site.clock)
    if "access_terms" in purposes:
        # Should the gate be silent, the consents are withdrawn all the same: only the way is still open.
        with suppress(GateRefused):
            await site.gate.sign_out(station_ip(request))
    return see_other(request, "/privacy", withdrawn="yes")


async def _lead_here(request: web.Request) -> LeadId | None:
    """Whose session this station has. Raises GateUnavailable."""
    try:
        station = await request.app[SITE].gate.station(station_ip(request))
    except GateRefused:
        return None
    session = station.session
    return LeadId(session.lead_id) if session and session.lead_id and not station.captive else None
