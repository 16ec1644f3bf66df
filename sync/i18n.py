"""Which language a page speaks, and its words: the Babel catalogues, read as they are written (.po)."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.messages import mofile, pofile
from babel.support import Translations
from jinja2 import Environment, pass_context
from jinja2.runtime import Context

NAMES: Final[Mapping[str, str]] = {"en": "English", "zh_CN": "简体中文"}


def mark(sentence: str) -> str:
    """Marks a sentence that a template will translate, so that the catalogues must have it."""
    return sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language of the pages: `code` as the catalogues call it, `tag` as HTML and HTTP do (BCP 47)."""

    code: str
    translations: gettext.NullTranslations

    @property
    def tag(self) -> str:
        return self.code.replace("_", "-")

    @property
    def name(self) -> str:
        return NAMES[self.code]

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.code)

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language. For plain text: what goes into HTML is said by the templates."""
        said = self.translations.gettext(sentence)
        return said % values if values else said


def read_languages(locales: Path) -> dict[str, Language]:
    """Every language we speak. The .po files are small: compiling them at start costs a few milliseconds."""
    return {code: Language(code=code, translations=_read(locales / code / "LC_MESSAGES")) for code in NAMES}


def _read(folder: Path) -> Translations:
    """All catalogues of the folder as one."""
    # Not merged into an empty one: the plural rule comes with the first catalogue.
    first, *others = (_read_catalogue(path) for path in sorted(folder.glob("*.po")))
    for other in others:
        first.merge(other)
    return first


def _read_catalogue(path: Path) -> Translations:
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale=path.parent.parent.name)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def choose(asked: str | None, accepted: str | None, default: str) -> str:
    """The code of the language: what the link says, else what the browser likes best, else the default.

    Only the primary language counts (RFC 4647 section 3.4): any Chinese reads zh_CN better than English.
    """
    if asked and (code := _ours(asked)):
        return code
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate((accepted or "")[:256].split(",")):
        tag, _, parameters = part.partition(";")
        quality = _quality(parameters)
        code = _ours(tag.strip())
        if code and quality > 0:
            ranked.append((-quality, place, code))
    return min(ranked)[2] if ranked else default


def _ours(tag: str) -> str | None:
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return next((code for code in NAMES if code.partition("_")[0] == primary), None)


def _quality(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0


def speak(environment: Environment) -> None:
    """Teaches the templates `{% trans %}`, `_()` and `ngettext()`, in the `language` of each rendering."""

    @pass_context
    def say(context: Context, sentence: str) -> str:
        return _language(context).translations.gettext(sentence)

    @pass_context
    def say_number(context: Context, one: str, many: str, number: int) -> str:
        return _language(context).translations.ngettext(one, many, number)

    # The extension adds this method when it is loaded, out of a type checker's sight.
    extended: Any = environment
    extended.install_gettext_callables(say, say_number, newstyle=True)


def _language(context: Context) -> Language:
    language = context["language"]
    assert isinstance(language, Language)
    return language
