"""The owner's way in and out: the handlers of the password."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from portal.errors import Refused
from portal.owner_door import COOKIE, DOOR, SignedIn, is_forged
from portal.owner_password import wrong_with
from portal.pages import see_other
from portal.posted import FOREIGN_FORM, read_fields, refuse_foreign
from portal.site import SITE
from portal.station import network_of
from portal.where import is_https, station_ip
from sync.i18n import mark
from sync.passwords import LONGEST, SHORTEST
from sync.records import owner_account

SHEETS: Final = ("page", "owner")
_TOO_OFTEN: Final = mark("That was tried too often. Please wait a minute and try again.")


async def sign_in_page(request: web.Request) -> web.Response:
    password_hash = await request.app[SITE].records.read(owner_account.password_hash)
    return _sign_in_form(request, has_password=password_hash is not None)


async def sign_in(request: web.Request) -> web.Response:
    """Tries are counted before a hash is computed: it costs 19 MiB and a Pi's patience."""
    refuse_foreign(request)
    site, door = request.app[SITE], request.app[DOOR]
    password = (await read_fields(request)).get("password", "")
    password_hash = await site.records.read(owner_account.password_hash)
    if password_hash is None:
        return _sign_in_form(request, has_password=False, status=403)
    if wait := door.take_try(network_of(station_ip(request))):
        return _sign_in_form(request, status=429, wrong=_TOO_OFTEN, wait_seconds=wait)
    if not await door.passwords.match(password_hash, password):
        return _sign_in_form(request, status=422, wrong=mark("That is not the password."))
    answer = see_other(request, "/owner")
    _hand_out(request, answer, door.open(password_hash))
    return answer


def _sign_in_form(
    request: web.Request,
    *,
    has_password: bool = True,
    status: int = 200,
    wrong: str = "",
    wait_seconds: float = 0,
) -> web.Response:
    return request.app[SITE].pages.render(
        request,
        "owner/sign_in.html",
        status=status,
        sheets=SHEETS,
        headers=_retry_after(wait_seconds),
        has_password=has_password,
        longest=LONGEST,
        wrong=wrong,
    )


def _retry_after(seconds: float) -> Mapping[str, str]:
    return {"Retry-After": str(int(seconds) + 1)} if seconds else {}


def _hand_out(request: web.Request, answer: web.Response, token: str) -> None:
    """For this browser only, for no script, and for no request that another site started."""
    answer.set_cookie(
        COOKIE, token, path="/owner", httponly=True, samesite="Strict", secure=is_https(request)
    )


async def sign_out(request: web.Request, signed_in: SignedIn) -> web.Response:
    refuse_forged(request, await read_fields(request), signed_in)
    request.app[DOOR].close(request.cookies[COOKIE])
    answer = see_other(request, "/owner/sign-in")
    answer.del_cookie(COOKIE, path="/owner")
    return answer


async def password_page(request: web.Request, signed_in: SignedIn) -> web.Response:
    return _password_form(request, signed_in)


async def change_password(request: web.Request, signed_in: SignedIn) -> web.Response:
    """Everybody else who was signed in is signed out."""
    site, door = request.app[SITE], request.app[DOOR]
    typed = await read_fields(request)
    refuse_forged(request, typed, signed_in)
    new = typed.get("new", "")
    if wrong := wrong_with(new):
        return _password_form(request, signed_in, status=422, wrong_new=wrong)
    if new != typed.get("again", ""):
        wrong = mark("The two new passwords are not the same.")
        return _password_form(request, signed_in, status=422, wrong_again=wrong)
    if wait := door.take_try(network_of(station_ip(request))):
        return _password_form(request, signed_in, status=429, wrong_current=_TOO_OFTEN, wait_seconds=wait)
    if not await door.passwords.match(signed_in.password_hash, typed.get("current", "")):
        wrong = mark("That is not the password.")
        return _password_form(request, signed_in, status=422, wrong_current=wrong)
    password_hash = await door.passwords.hash(new)
    await site.records.write(owner_account.set_password_hash, password_hash, site.clock.now())
    answer = see_other(request, "/owner", changed="password")
    _hand_out(request, answer, door.open(password_hash))
    return answer


def _password_form(
    request: web.Request,
    signed_in: SignedIn,
    *,
    status: int = 200,
    wrong_current: str = "",
    wrong_new: str = "",
    wrong_again: str = "",
    wait_seconds: float = 0,
) -> web.Response:
    return request.app[SITE].pages.render(
        request,
        "owner/password.html",
        status=status,
        sheets=SHEETS,
        headers=_retry_after(wait_seconds),
        form_token=signed_in.form_token,
        shortest=SHORTEST,
        longest=LONGEST,
        wrong={"current": wrong_current, "new": wrong_new, "again": wrong_again},
    )


def refuse_forged(request: web.Request, typed: Mapping[str, str], signed_in: SignedIn) -> None:
    refuse_foreign(request)
    if is_forged(typed.get("form_token", ""), signed_in.form_token):
        raise Refused(403, FOREIGN_FORM)
