"""What each law asks for."""

from typing import Any

import pytest

from netctl.legal.profiles import PROFILES
from sync.config import Privacy


def test_every_country_of_the_settings_has_a_profile() -> None:
    choices: Any = Privacy.SETTINGS["legal_log"].choices
    assert set(choices) == {"off", *PROFILES}


def test_six_months_are_six_months_whichever_they_are() -> None:
    assert PROFILES["cn"].kept_days(0) >= 184


@pytest.mark.parametrize(
    ("country", "wished", "kept"), [("cn", 30, 184), ("cn", 400, 400), ("eu", 3, 3), ("th", 120, 120)]
)
def test_the_owner_may_keep_it_longer_and_shorter_only_where_no_sure_law_is_against_it(
    country: str, wished: int, kept: int
) -> None:
    assert PROFILES[country].kept_days(wished) == kept
