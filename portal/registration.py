"""The form: shown, checked, kept, and the gate asked. Two taps on the button are one registration."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from portal import forms
from portal.badge import staff_ref
from portal.errors import log
from portal.forms import FORM_RENEWED, Checked, Typed
from portal.pages import see_other
from portal.posted import read_form, refuse_too_often
from portal.privacy_notice import PrivacyNotice
from portal.site import SITE, Site
from portal.station import open_gate
from portal.where import station_ip
from sync.i18n import Language, mark
from sync.model import new_id
from sync.records import RecordsUnavailable, leads
from sync.records.leads import Registration

NOT_KEPT: Final = mark(
    "We could not save this just now. We kept what you typed: please try again in a moment."
)
FIELDS: Final = ("name", "phone", "email", "terms")


async def form(request: web.Request) -> web.Response:
    """GET /register."""
    request.app[SITE].trace.opened(station_ip(request), "portal", "form page")
    return _show(request, Typed(), Checked())


async def register(request: web.Request) -> web.Response:
    """POST /register: what happened is durable before the gate is asked, and she goes on either way."""
    site = request.app[SITE]
    given = forms.typed(await read_form(request, sealed=True))
    language = site.pages.language(request)
    ip = str(station_ip(request))
    checked = forms.check(given, site.config.registration, site.config.venue.country)
    form_id = _form_id(site, given.form, ip, site.privacy_notices[language.code])
    mistaken = checked.errors or form_id is None
    site.trace.opened(station_ip(request), "form", "mistakes" if mistaken else "sent")
    if checked.errors or form_id is None:
        return _show(request, given, checked, status=422, remark=FORM_RENEWED if form_id is None else "")
    await refuse_too_often(request)
    registration = _registration(site, given, checked, language, form_id, ip)
    registration = replace(registration, staff_ref=await staff_ref(request))
    try:
        await site.records.write(leads.register, registration, site.clock)
    except RecordsUnavailable as error:
        log.error("a registration could not be kept: %s", error)
        return _show(request, given, checked, status=503, remark=NOT_KEPT)
    await open_gate(request, form_id)
    return see_other(request, "/online")


def _registration(
    site: Site, given: Typed, checked: Checked, language: Language, form_id: str, ip: str
) -> Registration:
    shown = site.privacy_notices[language.code]
    return Registration(
        form_id=form_id,
        ip=ip,
        name=checked.name,
        phone=checked.phone,
        email=checked.email,
        locale=language.code,
        agreements=(shown.terms, shown.marketing) if given.marketing else (shown.terms,),
        session_seconds=site.config.registration.session_minutes * 60,
    )


def _show(
    request: web.Request, given: Typed, checked: Checked, *, status: int = 200, remark: str = ""
) -> web.Response:
    site = request.app[SITE]
    ip = str(station_ip(request))
    shown = site.privacy_notices[site.pages.language(request).code]
    sealed = given.form if _form_id(site, given.form, ip, shown) else _new_form(site, ip, shown)
    asked = site.config.registration
    return site.pages.render(
        request,
        "register.html",
        status=status,
        given=given,
        errors=dict.fromkeys(FIELDS, "") | dict(checked.errors),
        remark=remark,
        sealed=sealed,
        notice=shown,
        asked={"name": asked.name, "phone": asked.phone, "email": asked.email},
        longest=forms.LONGEST,
        first_wrong=next(iter(checked.errors), ""),
    )


def _new_form(site: Site, ip: str, shown: PrivacyNotice) -> str:
    return site.seal.seal(f"{new_id()}-{shown.stamp}", ip)


def _form_id(site: Site, sealed: str, ip: str, shown: PrivacyNotice) -> str | None:
    """The id born with the form, if it was ours, for this station, and with the texts as they are now."""
    form_id, _, stamp = (site.seal.open(sealed, ip) or "").partition("-")
    return form_id if stamp == shown.stamp else None
