"""Template + values + language -> one HTML document that needs nothing else.

A captive mini browser may load nothing from elsewhere and forgets cookies: the style is inlined, the
language chosen by a link stays in the links, and nothing needs a script.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.brand import Palette, palette
from sync.config import Config
from sync.i18n import Language, choose, read_languages, speak

HERE: Final = Path(__file__).parent
LOCALES: Final = HERE / "locales"
BADGE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What stands for a member of staff in our addresses."""
LARGEST_LOGO_BYTES: Final = 16 * 1024
_LOGO_TYPES: Final = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


class LogoUnusable(Exception):
    """The logo cannot be shown; the text says why and what to do."""


class Pages:
    """The pages of one store. `render` is all a handler needs."""

    def __init__(self, config: Config) -> None:
        self._default_language = config.portal.default_language
        self.languages = read_languages(LOCALES)
        self._sheets = _read_sheets(palette(config.portal.colour))
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        speak(self._environment)
        self._environment.globals.update(
            brand=config.portal.brand_name or config.venue.name,
            store=config.venue.name,
            logo=read_logo(config.portal.logo),
            colour=config.portal.colour,
            roaming=config.registration.roaming == "on",
        )

    def language(self, request: web.BaseRequest) -> Language:
        """The language this request is answered in."""
        accepted = request.headers.get("Accept-Language")
        return self.languages[choose(request.query.get("lang"), accepted, self._default_language)]

    def render(
        self,
        request: web.BaseRequest,
        template: str,
        *,
        status: int = 200,
        sheets: tuple[str, ...] = ("page",),
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> web.Response:
        """A page. `sheets` names the style sheets of portal/static/ that it inlines."""
        language = self.language(request)
        body = self.document(
            template,
            language,
            sheets=sheets,
            languages=self.languages.values(),
            link=lambda path, **query: _link(request, path, query),
            # As it was sent: `//name` and `/\name`, decoded, would lead to another site.
            here="/" + request.rel_url.raw_path.lstrip("/"),
            **values,
        )
        response = web.Response(text=body, status=status, content_type="text/html", charset="utf-8")
        response.headers["Content-Language"] = language.tag
        response.headers["Content-Security-Policy"] = self._policy(sheets)
        response.headers["Vary"] = "Accept-Language"
        response.headers.update(headers or {})
        return response

    def document(self, template: str, language: Language, *, sheets: tuple[str, ...], **values: Any) -> str:
        """The document itself, for whoever is not a browser with a request."""
        inlined = [self._sheets[name] for name in sheets]
        return self._environment.get_template(template).render(
            values | {"language": language, "sheets": inlined}
        )

    def _policy(self, sheets: tuple[str, ...]) -> str:
        hashes = " ".join(f"'sha256-{_sha256(self._sheets[name])}'" for name in sheets)
        return (
            f"default-src 'none'; style-src {hashes}; img-src 'self' data:; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        )


def secure(headers: MutableMapping[str, str]) -> None:
    """What every answer carries, page or not."""
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers["Server"] = "Yingke"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # same-origin, not no-referrer: that would send `Origin: null` with our own forms (Fetch, 3.2).
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"


def see_other(request: web.BaseRequest, path: str, **query: str) -> web.Response:
    """303 to a page of ours. A full navigation: iOS looks again whether it is online only then."""
    return web.Response(status=303, headers={"Location": _link(request, path, query)})


def _link(request: web.BaseRequest, path: str, query: Mapping[str, str]) -> str:
    """`path` in the language the shopper chose; a language the browser chose needs no word in the link. By
    whose badge she came goes along too."""
    badge = request.query.get("staff", "")
    if "staff" not in query and BADGE.fullmatch(badge):
        query = {**query, "staff": badge}
    asked = request.query.get("lang")
    if asked and "lang" not in query:
        query = {"lang": choose(asked, None, "en").replace("_", "-"), **query}
    return f"{path}?{urlencode(query)}" if query else path


def _read_sheets(colours: Palette) -> dict[str, str]:
    sheets = {file.stem: _squeezed(file.read_text()) for file in (HERE / "static").glob("*.css")}
    variables = "".join(f"--{name.replace('_', '-')}:{value};" for name, value in asdict(colours).items())
    sheets["page"] = f":root{{{variables}}}{sheets['page']}"
    return sheets


def _squeezed(css: str) -> str:
    """Without comments and indentation: each byte is sent with each page."""
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def read_logo(path: str) -> str:
    """The logo as a data: address, or nothing without one. Raises LogoUnusable."""
    if not path:
        return ""
    kind = _LOGO_TYPES.get(Path(path).suffix.lower())
    try:
        image = Path(path).read_bytes()
    except OSError as error:
        raise LogoUnusable(f"portal.logo: {path} cannot be read: {error.strerror}") from error
    if kind is None or len(image) > LARGEST_LOGO_BYTES:
        raise LogoUnusable(
            f"portal.logo: {path} must be an SVG, PNG, JPEG or WebP file of up to {LARGEST_LOGO_BYTES} bytes"
        )
    return f"data:{kind};base64,{base64.b64encode(image).decode()}"
