"""The notice as people agree to it."""

from dataclasses import replace

import pytest

from portal.pages import LOCALES
from portal.privacy_notice import privacy_notice
from sync.config import Config
from sync.i18n import read_languages

LANGUAGES = read_languages(LOCALES)
PLAIN = Config.parse({"venue": {"name": "Jasmine 100% Tea"}})


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_text_agreed_to_is_all_that_is_shown(code: str) -> None:
    shown = privacy_notice(PLAIN, LANGUAGES[code])
    for heading, text in shown.parts:
        assert heading in shown.terms.text
        assert text in shown.terms.text
    assert shown.terms.text.startswith(shown.terms_sentence)
    assert "Jasmine 100% Tea" in shown.terms_sentence
    assert "%(" not in shown.terms.text + shown.marketing.text
    assert shown.terms.language == code


def test_another_setting_another_language_is_another_text() -> None:
    english = privacy_notice(PLAIN, LANGUAGES["en"])
    longer = replace(PLAIN, privacy=replace(PLAIN.privacy, lead_days=99))
    uploading = replace(PLAIN, sync=replace(PLAIN.sync, head_office_url="https://ho.example"))
    stamps = {
        english.stamp,
        privacy_notice(PLAIN, LANGUAGES["zh_CN"]).stamp,
        privacy_notice(longer, LANGUAGES["en"]).stamp,
        privacy_notice(uploading, LANGUAGES["en"]).stamp,
    }
    assert len(stamps) == 4
    assert privacy_notice(PLAIN, LANGUAGES["en"]).stamp == english.stamp


def test_the_notice_names_who_answers_and_says_where_the_data_go() -> None:
    named = replace(
        PLAIN, privacy=replace(PLAIN.privacy, controller="Tea Ltd.", contact="privacy@tea.example")
    )
    text = privacy_notice(named, LANGUAGES["en"]).terms.text
    assert "Tea Ltd. answers for the data described here. Write to: privacy@tea.example" in text
    assert "They do not leave it." in text
    uploading = replace(named, sync=replace(named.sync, head_office_url="https://ho.example"))
    assert "passed on to the head office of Tea Ltd." in privacy_notice(uploading, LANGUAGES["en"]).terms.text


def _text(code: str, **settings: dict[str, object]) -> str:
    return privacy_notice(Config.parse(settings), LANGUAGES[code]).terms.text


def test_while_the_legal_log_is_on_the_notice_says_what_is_in_it_and_for_how_long() -> None:
    china = _text("en", privacy={"legal_log": "cn"})
    assert "The law asks us to keep a log of connections" in china
    assert "deleted after 184 days" in china
    assert "The contact you gave us is in it, too" in china
    assert "to which address each connection went" in china
    assert "deleted after 400 days" in _text("en", privacy={"legal_log": "fr", "legal_log_days": 400})


def test_the_notice_claims_no_more_of_the_legal_log_than_that_country_records() -> None:
    brazil, europe = (_text("en", privacy={"legal_log": country}) for country in ("br", "eu"))
    assert "The contact you gave us is in it, too" in brazil
    assert "The law asks us" not in europe
    assert "The contact you gave us is not in it" in europe
    for text in (brazil, europe):
        assert "to which address each connection went" not in text
        assert "It does not say where your connections went" in text


@pytest.mark.parametrize("code", LANGUAGES)
def test_without_a_legal_log_and_without_roaming_there_is_no_word_of_them(code: str) -> None:
    plain = privacy_notice(PLAIN, LANGUAGES[code])
    settings: dict[str, dict[str, object]] = {
        "venue": {"name": PLAIN.venue.name},
        "privacy": {"legal_log": "cn"},
        "registration": {"roaming": "on"},
        "sync": {"head_office_url": "https://ho.example"},
    }
    full = privacy_notice(Config.parse(settings), LANGUAGES[code])
    assert len(full.parts) == len(plain.parts) + 2
    assert full.stamp != plain.stamp
    assert "%(" not in full.terms.text


def test_in_a_chain_the_notice_says_where_the_contact_of_another_store_goes() -> None:
    chain = _text(
        "en",
        privacy={"controller": "Tea Ltd."},
        registration={"roaming": "on"},
        sync={"head_office_url": "https://ho.example"},
    )
    assert "the contact you type with it go to the head office of Tea Ltd." in chain
    assert "deletes them after a day" in chain
