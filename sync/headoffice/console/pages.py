"""The console's pages: sign in, the stores and the latest leads, sign out."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from sync.headoffice.console.view import view_follows, view_lead, view_venue
from sync.headoffice.follow.weeks import start_of_week
from sync.headoffice.parts import PARTS, Parts
from sync.headoffice.storage import Staff
from sync.i18n import NAMES, Language, choose, mark, read_languages, speak
from sync.passwords import LONGEST, Passwords
from sync.rate import RateLimit, Turnstile

_HERE: Final = Path(__file__).parent
_COOKIE: Final = "yingke_console"
_LANGUAGE_COOKIE: Final = "yingke_language"
_LATEST_LEADS: Final = 20
_BEST_STAFF: Final = 20
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    # Not no-referrer: with it, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Console:
    templates: Environment
    languages: dict[str, Language]
    passwords: Passwords
    by_login: RateLimit
    by_address: RateLimit
    at_the_door: Turnstile


_CONSOLE = web.AppKey("console", _Console)


def add_console(app: web.Application) -> None:
    """The pages on an application that has its parts."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    speak(templates)
    seconds = app[PARTS].clock.boottime
    app[_CONSOLE] = _Console(
        templates=templates,
        languages=read_languages(_HERE.parent / "locales"),
        passwords=Passwords(),
        by_login=RateLimit(burst=8, refill_seconds=15, seconds=seconds),
        by_address=RateLimit(burst=20, refill_seconds=5, seconds=seconds),
        at_the_door=Turnstile(8),
    )
    app.on_cleanup.append(_close)
    app.router.add_get("/", overview)
    app.router.add_get("/sign-in", sign_in_form)
    app.router.add_post("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)
    app.router.add_static("/static", _HERE / "static")


async def _close(app: web.Application) -> None:
    app[_CONSOLE].passwords.close()


async def overview(request: web.Request) -> web.Response:
    staff = await _signed_in(request)
    if staff is None:
        raise web.HTTPSeeOther("/sign-in")
    parts = request.app[PARTS]
    now = parts.clock.now()
    zone = ZoneInfo(parts.settings.console.timezone)
    venues = await parts.storage.venues_since(start_of_day(now, zone))
    leads = await parts.storage.latest_leads(_LATEST_LEADS)
    week = start_of_week(now, zone)
    follow = parts.storage.follow
    locale = _language(request).locale
    return render(
        request,
        "overview.html",
        staff=staff,
        venues=[view_venue(venue, now) for venue in venues],
        leads=[view_lead(lead, staff.role) for lead in leads],
        follows=[view_follows(store) for store in await follow.follows_since(week)],
        best=await follow.best_since(week, _BEST_STAFF),
        troubles=await follow.troubles(),
        today=format_date(now.astimezone(zone), "full", locale=locale),
        timezone=parts.settings.console.timezone,
        ago=lambda delta: format_timedelta(-delta, add_direction=True, locale=locale),
        length=lambda delta: format_timedelta(delta, locale=locale),
        # CLDR has no skeleton for both together.
        when=lambda at: " ".join(format_skeleton(part, at, zone, locale=locale) for part in ("MMMd", "Hm")),
        number=lambda value: format_decimal(value, locale=locale),
    )


def start_of_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Midnight of today's date in this zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


async def sign_in_form(request: web.Request) -> web.Response:
    if await _signed_in(request) is not None:
        raise web.HTTPSeeOther("/")
    return render(request, "sign_in.html", longest=LONGEST, login="", wrong="")


async def sign_in(request: web.Request) -> web.Response:
    _need_own_origin(request)
    try:
        form = await request.post()
    except (ValueError, LookupError):
        # Charsets, bytes and multipart borders nobody can read.
        raise web.HTTPBadRequest from None
    login, password = str(form.get("login", ""))[:100].strip(), str(form.get("password", ""))
    console, parts = request.app[_CONSOLE], request.app[PARTS]
    if _knocks_too_often(console, login, request.remote or ""):
        wrong = mark("Too many tries. Wait a minute, then try again.")
        return render(request, "sign_in.html", longest=LONGEST, status=429, login=login, wrong=wrong)
    try:
        staff = await parts.storage.find_staff(login)
        fits = await console.passwords.match(staff.password_hash if staff else None, password)
    finally:
        console.at_the_door.leave()
    if staff is None or not fits:
        wrong = mark("This name and password do not go together.")
        return render(request, "sign_in.html", longest=LONGEST, status=422, login=login, wrong=wrong)
    return await _let_in(request, parts, staff)


def _knocks_too_often(console: _Console, login: str, address: str) -> bool:
    """Before any hashing: by name, by address, and by how many wait. Enters the turnstile when it is not."""
    return bool(
        console.by_login.take(login.lower())
        or console.by_address.take(address)
        or not console.at_the_door.enter()
    )


async def _let_in(request: web.Request, parts: Parts, staff: Staff) -> web.Response:
    token = secrets.token_urlsafe(32)
    lasts = timedelta(minutes=parts.settings.console.signed_in_minutes)
    await parts.storage.add_sign_in(_sha256(token), staff.login, parts.clock.now() + lasts)
    response = web.HTTPSeeOther("/")
    response.set_cookie(
        _COOKIE,
        token,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=_is_https(request),
    )
    raise response


async def sign_out(request: web.Request) -> web.Response:
    _need_own_origin(request)
    token = request.cookies.get(_COOKIE)
    if token:
        await request.app[PARTS].storage.end_sign_in(_sha256(token))
    response = web.HTTPSeeOther("/sign-in")
    response.del_cookie(_COOKIE, httponly=True, samesite="Strict", secure=_is_https(request))
    raise response


async def _signed_in(request: web.Request) -> Staff | None:
    token = request.cookies.get(_COOKIE)
    if not token:
        return None
    parts = request.app[PARTS]
    return await parts.storage.find_sign_in(_sha256(token), parts.clock.now())


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _need_own_origin(request: web.Request) -> None:
    """Another site's form carries that site's Origin (RFC 6454); a proxy must pass Host on as it came."""
    if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
        raise web.HTTPForbidden


def _is_https(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto", "") == "https"


def _language(request: web.Request) -> Language:
    default = request.app[PARTS].settings.console.default_language
    asked = request.query.get("lang") or request.cookies.get(_LANGUAGE_COOKIE)
    return request.app[_CONSOLE].languages[choose(asked, request.headers.get("Accept-Language"), default)]


def render(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    language = _language(request)
    text = (
        request.app[_CONSOLE]
        .templates.get_template(template)
        .render(language=language, languages=NAMES, path=request.path, **values)
    )
    response = web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)
    if "lang" in request.query:
        year_seconds = 365 * 86400
        response.set_cookie(_LANGUAGE_COOKIE, language.code, max_age=year_seconds, samesite="Lax")
    return response


_SENTENCES: Final = {
    400: mark("Your browser sent something we cannot read."),
    403: mark("This form did not come from this page."),
    404: mark("There is no such page."),
    503: mark("The database cannot be used now. Try again in a moment."),
}


def error_page(request: web.Request, status: int, reference: str) -> web.Response:
    """One sentence, and the reference that stands in the log, empty when nothing was logged."""
    sentence = _SENTENCES.get(status) or mark("Something went wrong here.")
    return render(request, "error.html", status=status, sentence=sentence, reference=reference)
