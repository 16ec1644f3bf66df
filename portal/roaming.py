"""From another store of the brand: her code and her contact, and the wait for head office's word."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal import forms
from portal.errors import Refused, log
from portal.forms import FORM_RENEWED, LONGEST_KEPT, Wrong
from portal.pages import see_other
from portal.posted import read_form, refuse_too_often
from portal.registration import NOT_KEPT
from portal.shopper import NO_STATION
from portal.site import SITE, Site
from portal.standing import is_on_pass
from portal.where import station_ip
from sync import roaming_code
from sync.i18n import mark
from sync.model import new_id
from sync.records import RecordsUnavailable, grants, roaming
from sync.records.roaming import UNREACHABLE, RoamingRequest

CODE_UNREADABLE: Final = mark("A code has ten letters and digits, like 7KQ2M-X0D4T.")
CONTACT_MISSING: Final = mark("Please give the mobile number or e-mail you gave us there.")
_ROAMING_OFF: Final = mark("Codes of our other stores do not work here at present. Please register here.")
SENTENCES: Final[Mapping[str, str]] = {
    "unknown": mark(
        "We do not know this code. Please check it. If you came online there only just now, wait a minute."
    ),
    "wrong_contact": mark("This is not what you registered with in the other store. Please check it."),
    "over": mark("Your time in the other store is over. Please register here: it takes a moment."),
    "other_brand": mark("This code is from a store that is not one of ours. Please register here."),
    "same_store": mark("This code is from this very store. Please register here."),
    "moved": mark("You went on to another of our stores since. Please type your code once more."),
    "too_often": mark("This was tried too often. Please wait a few minutes, or register here."),
    "roaming_off": _ROAMING_OFF,
}
"""What head office's no means for her. A key that a newer head office adds is told like roaming_off."""

LOOK_AGAIN_SECONDS: Final = 2
_SEALED_FOR: Final = "roaming"
# The gate does these by itself when it can.
_SOON: Final = frozenset({"filter_failed", "records_unavailable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What came back in the fields, and a sentence at each wrong one."""

    code: str = ""
    contact: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


async def form(request: web.Request) -> web.Response:
    """GET /roaming."""
    _refuse_where_it_is_off(request)
    request.app[SITE].trace.opened(station_ip(request), "portal", "roaming page")
    return _show(request, Typed())


async def ask(request: web.Request) -> web.Response:
    """POST /roaming: the wish is written down; sync, which alone may talk to head office, finds it."""
    _refuse_where_it_is_off(request)
    site, ip = request.app[SITE], str(station_ip(request))
    fields = await read_form(request, sealed=True)
    code = roaming_code.read(fields.get("code", ""))
    contact = read_contact(fields.get("contact", ""), site.config.venue.country)
    request_id = _request_id(site, fields.get("form", ""), ip)
    mistaken = code is None or isinstance(contact, Wrong) or request_id is None
    site.trace.opened(station_ip(request), "form", "mistakes" if mistaken else "store code")
    if code is None or isinstance(contact, Wrong) or request_id is None:
        errors = {"code": CODE_UNREADABLE} if code is None else {}
        errors |= {"contact": contact.sentence} if isinstance(contact, Wrong) else {}
        return _show(request, _typed(fields, errors), status=422, remark="" if request_id else FORM_RENEWED)
    await refuse_too_often(request)
    wish = RoamingRequest(
        request_id=request_id, ip=ip, code_sha256=roaming_code.digest(code), contact=contact
    )
    try:
        await site.records.write(roaming.ask, wish, site.clock)
    except RecordsUnavailable as error:
        log.error("a wish to roam could not be kept: %s", error)
        return _show(request, _typed(fields, {}), status=503, remark=NOT_KEPT)
    return see_other(request, "/roaming/wait")


async def wait(request: web.Request) -> web.Response:
    """GET /roaming/wait: looks again by itself until head office has spoken, and always shows another way."""
    _refuse_where_it_is_off(request)
    site, ip = request.app[SITE], station_ip(request)
    with suppress(GateRefused, GateUnavailable):
        station = await site.gate.station(ip)
        if not station.captive and not is_on_pass(station):
            return see_other(request, "/online")
    wish = await site.records.read(roaming.latest_from, str(ip), site.clock)
    if wish is None:
        return see_other(request, "/roaming")
    if await site.records.read(grants.find, wish.request_id, site.clock) is not None:
        return await _let_in(request, wish)
    refusal = await site.records.read(roaming.refusal_of, wish.request_id)
    if refusal is not None and refusal.key != UNREACHABLE:
        return _show(request, Typed(), remark=SENTENCES.get(refusal.key, _ROAMING_OFF))
    return _wait(request, unreachable=refusal is not None)


async def _let_in(request: web.Request, wish: RoamingRequest) -> web.Response:
    """Head office has said yes. Raises Refused."""
    try:
        await request.app[SITE].gate.admit(request_id=wish.request_id, ip=station_ip(request))
    except GateUnavailable:
        return _wait(request)
    except GateRefused as refusal:
        if refusal.key in _SOON:
            return _wait(request)
        if refusal.key == "unknown_station":
            raise Refused(409, NO_STATION, detail=f"{refusal.key}: {refusal.message}") from None
        # The splash says why: closed, blocked, or over meanwhile.
        return see_other(request, "/")
    return see_other(request, "/online")


def read_contact(typed: str, country: str) -> str | Wrong:
    """A mobile number in E.164 or an e-mail address, as the other store keeps it. Pure."""
    if not typed.strip():
        return Wrong(CONTACT_MISSING)
    is_email = "@" in typed or "\N{FULLWIDTH COMMERCIAL AT}" in typed
    read = (
        forms.check_email(typed, required=True)
        if is_email
        else forms.check_phone(typed, country, required=True)
    )
    return read or Wrong(CONTACT_MISSING)


def _refuse_where_it_is_off(request: web.Request) -> None:
    if request.app[SITE].config.registration.roaming != "on":
        raise Refused(404)


def _typed(fields: Mapping[str, str], errors: Mapping[str, str]) -> Typed:
    code, contact = (fields.get(name, "")[:LONGEST_KEPT] for name in ("code", "contact"))
    return Typed(code=code, contact=contact, errors=errors)


def _show(request: web.Request, given: Typed, *, status: int = 200, remark: str = "") -> web.Response:
    site = request.app[SITE]
    return site.pages.render(
        request,
        "roaming.html",
        status=status,
        given=given,
        remark=remark,
        sealed=site.seal.seal(f"{new_id()}-{_SEALED_FOR}", str(station_ip(request))),
    )


def _request_id(site: Site, sealed: str, ip: str) -> str | None:
    """The id born with the form, so that a second tap is the same wish."""
    request_id, _, purpose = (site.seal.open(sealed, ip) or "").partition("-")
    return request_id if purpose == _SEALED_FOR else None


def _wait(request: web.Request, *, unreachable: bool = False) -> web.Response:
    return request.app[SITE].pages.render(
        request,
        "roaming_wait.html",
        status=202,
        look_again_seconds=LOOK_AGAIN_SECONDS,
        unreachable=unreachable,
    )
