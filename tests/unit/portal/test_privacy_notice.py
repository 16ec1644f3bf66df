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
