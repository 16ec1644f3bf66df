"""Badges to print: a name and a QR each. Pure."""

import io
from collections.abc import Sequence
from html import escape
from typing import Final

import qrcode
from qrcode.image.svg import SvgPathImage

from sync.headoffice.follow.storage import Member
from sync.i18n import Language, mark

_TITLE: Final = mark("Badges of the staff")
_SCAN: Final = mark("Scan me, follow us, and go online.")
_SEND: Final = mark("Follow us, send us these digits, and go online.")
_PAGE: Final = """<!doctype html>
<html lang="{tag}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
@page {{ size: A4; margin: 12mm; }}
body {{ margin: 0; font-family: system-ui, sans-serif; display: flex; flex-wrap: wrap; gap: 6mm; }}
.badge {{ width: 85mm; height: 55mm; box-sizing: border-box; padding: 4mm; border: 0.3mm dashed #999;
  display: flex; gap: 4mm; align-items: center; break-inside: avoid; }}
.badge svg {{ width: 44mm; height: 44mm; flex: none; }}
.badge b {{ display: block; font-size: 6mm; overflow-wrap: anywhere; }}
.badge .code {{ font-size: 7mm; letter-spacing: 0.15em; }}
</style>
</head>
<body>
{badges}
</body>
</html>
"""


def badges_page(members: Sequence[Member], language: Language) -> str:
    """HTML, business cards of 85 by 55 mm to cut out; digits where there is no QR."""
    badges = "\n".join(_badge(member, language) for member in members)
    return _PAGE.format(badges=badges, tag=language.tag, title=escape(language.say(_TITLE)))


def _badge(member: Member, language: Language) -> str:
    shows = (
        _svg(member.poster_url)
        if member.poster_url
        else f'<span class="code">{escape(member.code or "")}</span>'
    )
    says = language.say(_SCAN if member.poster_url else _SEND)
    return f'<div class="badge">{shows}<div><b>{escape(member.name)}</b>{escape(says)}</div></div>'


def _svg(url: str) -> str:
    image = qrcode.make(url, image_factory=SvgPathImage, error_correction=qrcode.ERROR_CORRECT_M, border=2)
    written = io.BytesIO()
    image.save(written)
    # Inline in HTML, an XML declaration is no longer one.
    return written.getvalue().decode().partition("?>")[2].strip()
