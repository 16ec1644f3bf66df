"""The poster beside the door: a QR that joins the WiFi, in every language we speak."""

import io
import re
from typing import Final

from portal.pages import Pages
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


def qr_svg(text: str) -> str:
    """The text as one SVG element with a path, to be put into a page."""
    # Only posters need it: it stays off the start of the portal.
    import qrcode
    from qrcode.image.svg import SvgPathImage

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=0)
    code.add_data(text)
    drawn = io.BytesIO()
    code.make_image(image_factory=SvgPathImage).save(drawn)
    return re.sub(r"^<\?xml.*?\?>\s*", "", drawn.getvalue().decode(), flags=re.DOTALL)
