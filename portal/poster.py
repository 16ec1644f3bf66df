"""The poster beside the door: a QR that joins the WiFi, in every language we speak."""

import re
from collections.abc import Sequence
from typing import Final

from portal.follows import choice
from portal.pages import Pages
from portal.qr import qr_svg
from sync.config import Config
from sync.i18n import Language, mark
from sync.records.follow import FollowAccount

WELCOME: Final = mark("Free WiFi")
HOW: Final = mark("Scan with your camera and join. Our page opens by itself.")


def wifi_address(ssid: str) -> str:
    """What phones' cameras take as "join this WiFi" (ZXing's notation, which Android and iOS follow)."""
    escaped = re.sub(r'([\\;,:"])', r"\\\1", ssid)
    return f"WIFI:T:nopass;S:{escaped};;"


FOLLOW: Final = mark("Or follow us on %(platform)s: scan this, then tap the link in our answer.")


def poster(config: Config, follows: FollowAccount | None = None) -> str:
    """A printable HTML page, whole in itself; `follows`: the account whose QR stands beside the WiFi's.
    Raises LogoUnusable."""
    pages = Pages(config)
    first = pages.languages[config.portal.default_language]
    others = [language for language in pages.languages.values() if language is not first]
    return pages.document(
        "poster.html",
        first,
        sheets=("page", "poster"),
        ssid=config.wifi.ssid,
        qr=qr_svg(wifi_address(config.wifi.ssid)),
        sayings=[(each.tag, each.say(WELCOME), each.say(HOW)) for each in (first, *others)],
        follow_qr=qr_svg(follows.poster_url) if follows and follows.poster_url else "",
        follow_sayings=_how_to_follow(follows, [first, *others]) if follows else [],
    )


def with_a_qr(accounts: Sequence[FollowAccount]) -> FollowAccount | None:
    """The first account that proves follows and has a QR for this store. Pure."""
    return next((each for each in accounts if each.proof == "verified" and each.poster_url), None)


def _how_to_follow(account: FollowAccount, languages: Sequence[Language]) -> list[tuple[str, str]]:
    name = choice(account).name
    return [(each.tag, each.say(FOLLOW, platform=each.say(name))) for each in languages]
