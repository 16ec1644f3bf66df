"""The poster beside the door: a QR that joins the WiFi, in every language we speak."""

import re
from typing import Final

from portal.pages import Pages
from portal.qr import qr_svg
from sync.config import Config
from sync.i18n import mark

WELCOME: Final = mark("Free WiFi")
HOW: Final = mark("Scan with your camera and join. Our page opens by itself.")


def wifi_address(ssid: str) -> str:
    """What phones' cameras take as "join this WiFi" (ZXing's notation, which Android and iOS follow)."""
    escaped = re.sub(r'([\\;,:"])', r"\\\1", ssid)
    return f"WIFI:T:nopass;S:{escaped};;"


def poster(config: Config) -> str:
    """A printable HTML page, whole in itself. Raises LogoUnusable."""
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
    )
