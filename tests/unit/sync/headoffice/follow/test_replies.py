"""What an account says back."""

from pathlib import Path
from typing import get_args

import pytest
from babel.messages import pofile
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir

from sync.headoffice import follow
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Says
from sync.headoffice.follow.replies import language_of, reply
from sync.i18n import NAMES, read_languages

FOLLOW = Path(follow.__file__).parent
LANGUAGES = read_languages(FOLLOW.parent / "locales")
LINK = "https://wifi.example.com/g/" + "A" * 56


def _account(platform: str, **options: str) -> Account:
    return Account(name="main", platform=platform, title="Tea House", id="x", options=options)


def test_wechat_shows_words_to_tap_and_the_code() -> None:
    answer = reply(_account("wechat"), LANGUAGES["zh_CN"], "online", LINK, "482913")
    assert answer.text is not None
    assert f'<a href="{LINK}">点我上网</a>' in answer.text
    assert "482913" in answer.text
    assert (answer.link, answer.code) == (LINK, "482913")


def test_elsewhere_the_link_is_plain() -> None:
    answer = reply(_account("line"), LANGUAGES["en"], "online", LINK, None)
    assert answer.text is not None
    assert LINK in answer.text
    assert "<" not in answer.text


@pytest.mark.parametrize("says", get_args(Says))
@pytest.mark.parametrize("code", NAMES)
def test_every_answer_has_a_sentence_in_every_language(says: Says, code: str) -> None:
    text = reply(_account("wechat"), LANGUAGES[code], says, None, None).text
    assert text is not None
    # Short enough for any platform, and nothing to tap without a grant.
    assert 0 < len(text) <= 300
    assert "<a" not in text


def test_an_account_speaks_its_own_language() -> None:
    assert language_of(_account("wechat"), "en") == "zh_CN"
    assert language_of(_account("line"), "en") == "en"
    assert language_of(_account("wechat", language="en"), "zh_CN") == "en"
    assert language_of(_account("line", language="klingon"), "en") == "en"


@pytest.mark.parametrize("code", NAMES)
def test_every_sentence_is_translated_and_none_is_left_over(code: str) -> None:
    found = extract_from_dir(FOLLOW, [("**.py", "python")], keywords=DEFAULT_KEYWORDS | {"mark": None})
    path = FOLLOW.parent / "locales" / code / "LC_MESSAGES" / "follow.po"
    with path.open("rb") as file:
        catalogue = pofile.read_po(file, locale=code)
    said = {message.id: message for message in catalogue if message.id}
    assert said.keys() == {message[2] for message in found}
    for message in said.values():
        assert message.string
        assert list(message.check()) == []
