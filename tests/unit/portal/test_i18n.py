"""Every sentence in every language."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import extract, pofile

from portal.pages import LOCALES
from sync.i18n import NAMES, choose, read_languages

PORTAL = LOCALES.parent
PLACES = re.compile(r"%\((\w+)\)[sd]")


def said_in_the_source() -> Iterator[tuple[str, str]]:
    """Each sentence that a template or a `mark()` has, with the file it stands in."""
    methods = [("templates/**.html", "jinja2"), ("**.py", "python")]
    found = extract.extract_from_dir(
        PORTAL,
        method_map=methods,
        options_map={"templates/**.html": {"trimmed": "true"}},
        keywords={**extract.DEFAULT_KEYWORDS, "mark": None, "say": None},
    )
    for file, _, message, _, _ in found:
        for sentence in [message] if isinstance(message, str) else message:
            yield sentence, file


def catalogue(code: str) -> dict[str, list[str]]:
    sentences = {}
    for path in (LOCALES / code / "LC_MESSAGES").glob("*.po"):
        with path.open("rb") as file:
            for message in pofile.read_po(file, locale=code):
                ids = [message.id] if isinstance(message.id, str) else list(message.id)
                said = [message.string] if isinstance(message.string, str) else list(message.string or [])
                assert not message.fuzzy, message.id
                sentences[ids[0]] = said
                for other in ids[1:]:
                    sentences.setdefault(other, said)
    sentences.pop("", None)
    return sentences


@pytest.mark.parametrize("code", NAMES)
def test_no_sentence_of_the_pages_is_missing_in_a_language(code: str) -> None:
    known = catalogue(code)
    missing = {
        (sentence, file) for sentence, file in said_in_the_source() if not all(known.get(sentence, [""]))
    }
    assert missing == set()


def test_the_languages_say_the_same_things_with_the_same_values() -> None:
    english, chinese = catalogue("en"), catalogue("zh_CN")
    assert english.keys() == chinese.keys()
    for sentence in english:
        for said in (*english[sentence], *chinese[sentence]):
            assert set(PLACES.findall(said)) <= set(PLACES.findall(sentence)), sentence
            assert set(PLACES.findall(sentence)) - {"num"} <= set(PLACES.findall(said)), sentence


@pytest.mark.parametrize("code", NAMES)
def test_no_catalogue_keeps_a_sentence_nobody_says(code: str) -> None:
    said = {sentence for sentence, _ in said_in_the_source()}
    assert set(catalogue(code)) - said == set()


def test_the_catalogues_are_kept_as_text_only() -> None:
    assert list(Path(LOCALES).rglob("*.mo")) == []


@pytest.mark.parametrize(
    ("asked", "accepted", "spoken"),
    [
        ("zh-CN", "en", "zh_CN"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh_CN"),
        (None, "de-DE,de;q=0.9,en;q=0.5,zh;q=0.4", "en"),
        (None, "en;q=0.2, zh-Hans-CN;q=0.9", "zh_CN"),
        (None, "zh;q=0, en;q=0.1", "en"),
        (None, "fr", "en"),
        (None, None, "en"),
        ("xx", "zh", "zh_CN"),
        (None, "zh;q=nonsense,,;;,en;q=inf", "en"),
        (None, "," * 100_000, "en"),
    ],
)
def test_the_link_wins_then_what_the_browser_likes_best(
    asked: str | None, accepted: str | None, spoken: str
) -> None:
    assert choose(asked, accepted, "en") == spoken


def test_a_language_counts_in_its_own_way() -> None:
    languages = read_languages(LOCALES)
    one, many = (
        "Twenty seconds to register, then %(num)d hour online.",
        "Twenty seconds to register, then %(num)d hours online.",
    )
    assert languages["en"].translations.ngettext(one, many, 1) == one
    assert languages["en"].translations.ngettext(one, many, 2) == many
    assert "小时" in languages["zh_CN"].translations.ngettext(one, many, 2)
