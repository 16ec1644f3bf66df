"""The field for a voucher or the staff code of the day: read forgivingly, tried seldom, used once."""

from typing import Final

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal.codes import LONGEST_TYPED, Code, read_code
from portal.errors import Refused, log
from portal.forms import FORM_RENEWED
from portal.pages import see_other
from portal.posted import read_form
from portal.registration import NOT_KEPT
from portal.shopper import NO_STATION
from portal.site import SITE, Site
from portal.station import find_station, network_of, open_gate
from portal.where import station_ip
from sync.i18n import mark
from sync.model import new_id
from sync.records import RecordsUnavailable, admission, vouchers
from sync.records.admission import AdmissionRequest
from sync.records.vouchers import Outcome, Redemption

CODE_MISSING: Final = mark("Please type the code from your voucher, or the staff code of today.")
NO_CODE: Final = mark("This is not a whole code. A voucher has nine characters, a staff code six digits.")
WRONG: Final[dict[Outcome, str]] = {
    "unknown": mark("We do not know this code. Please check it, or ask our staff."),
    "used": mark("This voucher has been used up. Please ask our staff for another."),
    "expired": mark("This voucher is too old. Please ask our staff for another."),
}
TOO_OFTEN: Final = mark("That was tried too often. Please wait a moment, or ask our staff.")
VOUCHERS_WAIT: Final = mark("The WiFi is closed just now. Your voucher is good when we open again.")
_PURPOSE: Final = "code"


async def form(request: web.Request) -> web.Response:
    """GET /voucher."""
    request.app[SITE].trace.opened(station_ip(request), "portal", "code page")
    return _show(request)


async def redeem(request: web.Request) -> web.Response:
    """POST /voucher: the use is durable together with the admission request, then the gate is asked; 303
    /online, which waits should the gate be down. Wrong codes: 422, too many of them: 429."""
    site, ip = request.app[SITE], str(station_ip(request))
    fields = await read_form(request, sealed=True)
    typed, form_id = fields.get("code", ""), _form_id(site, fields.get("form", ""), ip)
    code = read_code(typed)
    site.trace.opened(station_ip(request), "form", "code" if code and form_id else "mistakes")
    if form_id is None:
        return _show(request, typed=typed, status=422, remark=FORM_RENEWED)
    sealed = fields["form"]
    if code is None:
        return _show(
            request, sealed, typed=typed, status=422, wrong=NO_CODE if typed.strip() else CODE_MISSING
        )
    where = await _place(request, code)
    if isinstance(where, web.Response):
        return where
    if wait := site.code_tries.take(code, where):
        return _show(request, sealed, typed=typed, status=429, wrong=TOO_OFTEN, wait_seconds=wait)
    try:
        outcome = await _take(site, code, form_id, ip, request)
    except RecordsUnavailable as error:
        log.error("a code could not be taken: %s", error)
        return _show(request, sealed, typed=typed, status=503, remark=NOT_KEPT)
    if outcome != "redeemed":
        return _show(request, sealed, typed=typed, status=422, wrong=WRONG[outcome])
    await open_gate(request, form_id)
    return see_other(request, "/online")


async def _place(request: web.Request, code: Code) -> str | web.Response:
    """Under which name her tries are counted, or the answer where no code helps: it is not used up for
    nothing. Raises Refused."""
    try:
        station = await find_station(request)
    except GateUnavailable:
        return network_of(station_ip(request))
    if station is None:
        raise Refused(409, NO_STATION)
    if station.captive and station.why in ("blocked", "quota"):
        return see_other(request, "/")
    if code.kind == "voucher" and station.captive and station.why == "closed":
        return _show(request, typed="", status=409, remark=VOUCHERS_WAIT)
    return station.station_code


async def _take(site: Site, code: Code, form_id: str, ip: str, request: web.Request) -> Outcome:
    """What came of it, committed. Raises RecordsUnavailable."""
    if code.kind == "staff":
        if not site.staff_code.is_today(code.text):
            return "unknown"
        asked = AdmissionRequest(
            request_id=form_id,
            ip=ip,
            lead_id=None,
            method="staff_code",
            session_seconds=site.config.limits.staff_minutes * 60,
        )
        await site.records.write(admission.ask, asked, site.clock)
        return "redeemed"
    redemption = Redemption(form_id=form_id, ip=ip, code=code.text)
    outcome = await site.records.write(vouchers.redeem, redemption, site.clock)
    if outcome == "used" and await _give_back(site, code.text, request):
        outcome = await site.records.write(vouchers.redeem, redemption, site.clock)
    return outcome


async def _give_back(site: Site, code: str, request: web.Request) -> bool:
    """Whether a use was given back that the gate never granted: it was down until the request was too old,
    or the power failed. Only the gate knows; while it is silent the use stands."""
    for request_id in await site.records.read(vouchers.unproven_uses, code, site.clock):
        try:
            await site.gate.admit(request_id=request_id, ip=station_ip(request))
        except GateUnavailable:
            return False
        except GateRefused as refusal:
            if refusal.key == "no_such_request":
                await site.records.write(vouchers.give_back, request_id)
                return True
    return False


def _show(
    request: web.Request,
    sealed: str = "",
    *,
    typed: str = "",
    status: int = 200,
    wrong: str = "",
    remark: str = "",
    wait_seconds: float = 0,
) -> web.Response:
    site = request.app[SITE]
    return site.pages.render(
        request,
        "voucher.html",
        status=status,
        headers={"Retry-After": str(int(wait_seconds) + 1)} if wait_seconds else None,
        sealed=sealed or site.seal.seal(f"{new_id()}-{_PURPOSE}", str(station_ip(request))),
        typed=typed[:LONGEST_TYPED],
        longest=LONGEST_TYPED,
        wrong=wrong,
        remark=remark,
    )


def _form_id(site: Site, sealed: str, ip: str) -> str | None:
    """The id born with the form, if it was ours, for this station and for a code."""
    form_id, _, purpose = (site.seal.open(sealed, ip) or "").partition("-")
    return form_id if purpose == _PURPOSE else None
