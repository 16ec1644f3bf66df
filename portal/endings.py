"""Why the access ended, and the way back in."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from netctl.api import Station
from netctl.client import GateUnavailable
from portal.owner_words import Words
from portal.pages import see_other
from portal.site import SITE
from portal.station import find_station
from sync.i18n import mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What happened and what it means, marked for translation. `opens`: the sentence holds that time."""

    title: str
    sentence: str
    registers: bool = True
    opens: bool = False


EXPIRED: Final = Ending(
    title=mark("Your time is up"),
    sentence=mark(
        "Each sign-in lasts for a while, and yours has run out. You are welcome to go on: it takes a moment."
    ),
)
CLOSED: Final = Ending(
    title=mark("We are closed"),
    sentence=mark("The WiFi closes with the store. It opens again: %(opens)s."),
    registers=False,
    opens=True,
)
OPEN_AGAIN: Final = Ending(
    title=mark("We closed in between"),
    sentence=mark("The WiFi closes with the store. It is open again: going on takes a moment."),
)
ENDINGS: Final = {
    "expired": EXPIRED,
    "closed": OPEN_AGAIN,
    "idle": Ending(
        title=mark("You were away for a while"),
        sentence=mark(
            "Your device sent nothing for so long that we signed it out. Coming back takes a moment."
        ),
    ),
    "expelled": Ending(
        title=mark("Our staff ended your access"),
        sentence=mark("Please ask them why. If it was a mistake, just register again."),
    ),
    "signed_out": Ending(
        title=mark("You have signed out"), sentence=mark("You are welcome to come back: it takes a moment.")
    ),
    "pass_over": Ending(
        title=mark("Your few minutes are over"),
        sentence=mark("We hope they were enough. Register, and you are online for longer."),
    ),
    "blocked": Ending(
        title=mark("This device cannot use our WiFi"),
        sentence=mark("Please ask our staff; the code below tells them which device it is."),
        registers=False,
    ),
}


def ending(station: Station | None) -> Ending:
    """How it ended for this station; as usual, where nobody knows. Pure."""
    if station is None:
        return EXPIRED
    if station.why == "closed" and station.opens_at is not None:
        return CLOSED
    return ENDINGS.get(station.why, EXPIRED)


def next_day(now: datetime, zone: ZoneInfo) -> datetime:
    """When the store's next day begins, and with it the data of that day. Pure."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone)


async def expired(request: web.Request) -> web.Response:
    """GET /expired. Works without the gate too. Whoever was never online has nothing that ended."""
    station = await _station_or_none(request)
    if station is not None and station.why == "quota":
        return see_other(request, "/quota")
    if station is not None and not station.captive:
        return see_other(request, "/online")
    if station is not None and station.why == "new":
        return see_other(request, "/")
    how = ending(station)
    opens = words_of(request).moment(station.opens_at) if station and station.opens_at else ""
    return request.app[SITE].pages.render(request, "expired.html", ending=how, opens=opens, station=station)


async def quota(request: web.Request) -> web.Response:
    """GET /quota: when there is data again. Whoever has some left is where she belongs at the start."""
    site = request.app[SITE]
    station = await _station_or_none(request)
    if station is not None and station.why != "quota":
        return see_other(request, "/")
    again = next_day(site.clock.now(), ZoneInfo(site.config.venue.timezone))
    return site.pages.render(
        request,
        "quota.html",
        station=station,
        again=words_of(request).moment(again),
        megabytes=site.config.limits.day_megabytes,
    )


def words_of(request: web.Request) -> Words:
    """Times as she reads them: her language, the store's clock."""
    site = request.app[SITE]
    language = site.pages.language(request)
    return Words.of(language.locale, ZoneInfo(site.config.venue.timezone), site.clock.now())


async def _station_or_none(request: web.Request) -> Station | None:
    try:
        return await find_station(request)
    except GateUnavailable:
        return None
