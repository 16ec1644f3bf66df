"""Who won follows and registrations, by week, and each member's badge to print."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from portal.endings import words_of
from portal.errors import Refused
from portal.owner_door import SignedIn
from portal.owner_sign_in import SHEETS
from portal.owner_words import Words
from portal.qr import qr_svg
from portal.site import SITE
from sync.records import follow_staff
from sync.records.follow_staff import Board, Credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week as the owner reads it; `monday` in her words."""

    monday: str
    rows: Sequence[Credit]


def week_of(board: Board, words: Words) -> Week:
    """Pure."""
    year, week = board.week.split("-W")
    return Week(monday=words.day(date.fromisocalendar(int(year), int(week), 1)), rows=board.rows)


async def staff_page(request: web.Request, signed_in: SignedIn) -> web.Response:
    """GET /owner/staff."""
    site, words = request.app[SITE], words_of(request)
    boards = await site.records.read(follow_staff.boards)
    return site.pages.render(
        request,
        "owner/staff.html",
        sheets=SHEETS,
        words=words,
        weeks=[week_of(board, words) for board in boards],
        members=await site.records.read(follow_staff.members),
        form_token=signed_in.form_token,
    )


async def badge(request: web.Request, signed_in: SignedIn) -> web.Response:
    """GET /owner/staff/{staff_ref}: to print; her QR to follow us, and one to register with her."""
    site = request.app[SITE]
    wanted = request.match_info["staff_ref"]
    members = await site.records.read(follow_staff.members)
    member = next((each for each in members if each.staff_ref == wanted), None)
    if member is None:
        raise Refused(404)
    return site.pages.render(
        request,
        "owner/badge.html",
        sheets=SHEETS,
        member=member,
        follow_qr=qr_svg(member.poster_url) if member.poster_url else "",
        register_qr=qr_svg(f"{site.portal_url}?staff={member.staff_ref}"),
        ssid=site.config.wifi.ssid,
        form_token=signed_in.form_token,
    )
