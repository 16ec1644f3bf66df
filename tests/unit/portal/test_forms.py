"""What was typed, and what it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import forms
from portal.forms import (
    FORM_TYPE,
    Checked,
    Typed,
    Unreadable,
    Wrong,
    check,
    check_email,
    check_name,
    check_phone,
)
from sync.config import Registration

OPEN = Registration(name="optional", phone="optional", email="optional", session_minutes=60, roaming="off")
ANYTHING = st.text(max_size=400)


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("13800138000", "CN", "+8613800138000"),
        ("138 0013-8000", "CN", "+8613800138000"),
        ("+86 138 0013 8000", "JP", "+8613800138000"),
        ("１３８００１３８０００", "CN", "+8613800138000"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("0912345678", "VN", "+84912345678"),
        ("(201) 555-0123", "US", "+12015550123"),
    ],
)
def test_a_mobile_number_is_kept_in_e164(typed: str, country: str, kept: str) -> None:
    assert check_phone(typed, country, required=True) == kept


@pytest.mark.parametrize(
    ("typed", "country", "sentence"),
    [
        ("12345", "CN", forms.PHONE_UNREADABLE),
        ("hello", "CN", forms.PHONE_UNREADABLE),
        ("13800138000 ext. 5", "CN", forms.PHONE_UNREADABLE),
        ("1" * 250, "CN", forms.PHONE_UNREADABLE),
        ("010 6552 9988", "CN", forms.PHONE_NOT_MOBILE),
        ("13800\u202e138000", "CN", forms.STRANGE_CHARACTERS),
        ("13800138000\x00", "CN", forms.STRANGE_CHARACTERS),
        ("  ", "CN", forms.PHONE_MISSING),
    ],
)
def test_another_number_is_told_what_is_wrong(typed: str, country: str, sentence: str) -> None:
    assert check_phone(typed, country, required=True) == Wrong(sentence)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Mei@Example.COM", "mei@example.com"),
        (" a@b.cn ", "a@b.cn"),
        ("ａ＠b.cn", "a@b.cn"),
        ("李@例え.jp", "李@例え.jp"),
    ],
)
def test_a_mail_address_is_kept_normalised(typed: str, kept: str) -> None:
    assert check_email(typed, required=True) == kept


@pytest.mark.parametrize(
    "typed", ["me", "me@", "@b.cn", "a@b", "a b@c.cn", "a@b.cn\x00", "a" * 250 + "@b.cn", "a@@b.cn"]
)
def test_another_mail_address_is_told_what_is_wrong(typed: str) -> None:
    assert isinstance(check_email(typed, required=False), Wrong)


@pytest.mark.parametrize(
    "typed", ["梅", "Ánh  Nguyễn", "O'Neil", "عمر", "می‌خواهم", "Renée 👩‍👧", "D'Arcy-Smith Jr."]
)
def test_people_are_called_what_they_are_called(typed: str) -> None:
    assert isinstance(check_name(typed, required=True), str)


@pytest.mark.parametrize(
    "typed", ["Mei\u202eniL", "a\x00b", "\ud800a", "\u200b", "x\ue000", "123", "!!!", "m" * 81]
)
def test_what_is_no_name_is_told_so(typed: str) -> None:
    assert isinstance(check_name(typed, required=False), Wrong)


def test_one_of_number_and_mail_is_enough_but_one_there_must_be() -> None:
    assert check(Typed(terms=True), OPEN, "CN").errors == {"phone": forms.CONTACT_MISSING}
    assert check(Typed(terms=True, email="a@b.cn"), OPEN, "CN") == Checked(email="a@b.cn")


def test_a_wrong_number_is_told_even_beside_a_right_mail_address() -> None:
    errors = check(Typed(terms=True, email="a@b.cn", phone="12"), OPEN, "CN").errors
    assert errors == {"phone": forms.PHONE_UNREADABLE}


def test_what_a_store_does_not_ask_for_is_not_kept() -> None:
    asked = Registration(name="hidden", phone="required", email="hidden", session_minutes=60, roaming="off")
    typed = Typed(name="Mei", phone="13800138000", email="nonsense", terms=True)
    assert check(typed, asked, "CN") == Checked(phone="+8613800138000")


@given(name=ANYTHING, phone=ANYTHING, email=ANYTHING, terms=st.booleans())
def test_anything_typed_is_kept_clean_or_told_wrong(name: str, phone: str, email: str, terms: bool) -> None:
    checked = check(Typed(name=name, phone=phone, email=email, terms=terms), OPEN, "CN")
    for kept in (checked.name, checked.phone, checked.email):
        assert kept is None or not forms.has_strange_characters(kept)
        assert kept is None or kept == kept.strip()
    if not checked.errors:
        assert terms
        assert checked.phone or checked.email
    assert checked.phone is None or checked.phone[1:].isdecimal()


@given(body=st.binary(max_size=300))
def test_any_bytes_are_a_form_or_unreadable(body: bytes) -> None:
    try:
        fields = forms.parse(FORM_TYPE, body)
    except Unreadable:
        return
    assert all(isinstance(text, str) for text in fields.values())


def test_what_is_shown_again_has_an_end() -> None:
    assert len(forms.typed({"name": "m" * 10_000}).name) == forms.LONGEST_KEPT


def test_a_tick_is_a_tick_only_as_our_form_sends_it() -> None:
    assert forms.typed({"terms": "yes"}).terms
    assert not forms.typed({"terms": "no"}).terms
