"""Phones on the WiFi: how each stands and why, and the owner's word on it. Their four letters name them."""

import asyncio
import re
from typing import Final

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal.endings import words_of
from portal.errors import Refused, log
from portal.owner_door import SignedIn
from portal.owner_sign_in import SHEETS, refuse_forged
from portal.owner_trace import StationLine, by_need, station_line
from portal.pages import see_other
from portal.posted import read_fields
from portal.site import SITE, Site
from sync.i18n import mark

MOST_SHOWN: Final = 100
LONGEST_NAME: Final = 40
_CODE: Final = re.compile(r"[A-Z]{4}")
_DEVICE_ID: Final = re.compile(r"[0-9A-Z]{26}")

DONE: Final = {
    "expel": mark("Done. %(code)s is offline and may sign in again."),
    "block": mark("Done. %(code)s is blocked from now on."),
    "allow": mark("Done. %(code)s is always let in from now on."),
    "forget": mark("Done. It is a device like any other again."),
}
FAILED: Final = {
    "gone": mark("That device is not here any more."),
    "too_many": mark("The list is full. Please remove devices that are gone."),
    "not_kept": mark("The box could not write that down. Please try again in a moment."),
}
_FAILED_BY_KEY: Final = {"too_many_devices": "too_many", "not_kept": "not_kept"}


async def stations_page(request: web.Request, signed_in: SignedIn) -> web.Response:
    """GET /owner/stations. `?code=` finds one by the letters a shopper reads out. Raises GateUnavailable."""
    site, words = request.app[SITE], words_of(request)
    wanted = request.query.get("code", "").strip().upper()[:4]
    try:
        stations, devices = await asyncio.gather(site.gate.stations(), site.gate.devices())
    except GateRefused as refusal:
        raise GateUnavailable(f"the gate refused: {refusal.message}") from refusal
    lines = by_need([station_line(station, words) for station in stations])
    found = _matching(lines, wanted)
    return site.pages.render(
        request,
        "owner/stations.html",
        sheets=SHEETS,
        words=words,
        lines=found[:MOST_SHOWN],
        present=len(lines),
        hidden=len(found) - len(found[:MOST_SHOWN]),
        wanted=wanted,
        devices=devices,
        form_token=signed_in.form_token,
        has_own_access_point=bool(site.config.wifi.interface),
        longest_name=LONGEST_NAME,
        done=DONE.get(request.query.get("done", ""), ""),
        failed=FAILED.get(request.query.get("failed", ""), ""),
        done_code=_code_or_nothing(request.query.get("about", "")),
    )


def _matching(lines: list[StationLine], wanted: str) -> list[StationLine]:
    return [line for line in lines if line.code.startswith(wanted)]


def _code_or_nothing(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""


async def change_station(request: web.Request, signed_in: SignedIn) -> web.Response:
    """POST /owner/stations: `action` expel, block or allow of the station `code`, or forget of a device.

    Raises Refused (a foreign form, or one that is none of ours), GateUnavailable.
    """
    fields = await read_fields(request)
    refuse_forged(request, fields, signed_in)
    action, code = fields.get("action", ""), fields.get("code", "")
    # A code and nothing else: the gate would take an address, too.
    if action not in DONE or not (_CODE.fullmatch(code) or action == "forget"):
        raise Refused(400, detail="no action of ours")
    try:
        await _carry_out(request.app[SITE], action, code, fields)
    except GateRefused as refusal:
        log.info("the owner's wish was refused: %s", refusal.key)
        return see_other(request, "/owner/stations", failed=_FAILED_BY_KEY.get(refusal.key, "gone"))
    about = {} if action == "forget" else {"about": code}
    return see_other(request, "/owner/stations", done=action, **about)


async def _carry_out(site: Site, action: str, code: str, fields: dict[str, str]) -> None:
    name = " ".join(fields.get("name", "").split())[:LONGEST_NAME]
    if action == "expel":
        try:
            await site.gate.expel(code)
        except GateRefused as refusal:
            # It was asked to join again, though there was nothing to end.
            if refusal.key != "no_session":
                raise
    elif action == "block":
        await site.gate.set_device(code, "blocked", name)
    elif action == "allow":
        await site.gate.set_device(code, "allowed", name)
    elif _DEVICE_ID.fullmatch(fields.get("device_id", "")):
        await site.gate.forget_device(fields["device_id"])
    else:
        raise Refused(400, detail="no device of ours")
