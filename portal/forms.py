"""What was typed -> values, or a sentence at each wrong field (pure)."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from sync.config import Registration as Asked
from sync.i18n import mark

FORM_TYPE: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 16
LONGEST: Final[Mapping[str, int]] = {"name": 80, "phone": 32, "email": 254}
LONGEST_KEPT: Final = 300

NAME_MISSING = mark("Please tell us your name.")
NAME_TOO_LONG = mark("Please use at most 80 characters.")
NAME_WITHOUT_LETTER = mark("Please write a name with letters.")
STRANGE_CHARACTERS = mark("There are invisible characters in it. Please type it by hand.")
PHONE_MISSING = mark("Please tell us your mobile number.")
PHONE_UNREADABLE = mark(
    "This is not a complete phone number. Please check it, with the country code if needed."
)
PHONE_NOT_MOBILE = mark("This is not a mobile number. Please use one that can receive messages.")
EMAIL_MISSING = mark("Please tell us your e-mail address.")
EMAIL_UNREADABLE = mark("This is not a complete e-mail address. It looks like name@example.com.")
CONTACT_MISSING = mark("Please give a mobile number or an e-mail address. One of them is enough.")
TERMS_NOT_ACCEPTED = mark("Please tick this box to use the WiFi.")
FORM_RENEWED = mark("This page had become old. We kept what you typed: please press the button once more.")

# Joiners that names in Persian, in scripts of India and in emoji need; every other format character can
# reorder or hide text (Unicode TR 36, section 2.9).
_JOINERS: Final = "\u200c\u200d"
_MOBILE: Final = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


class Unreadable(ValueError):
    """The body is not a form of ours; the text says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What came back in the fields, as it was typed. `form` is the sealed hidden field."""

    name: str = ""
    phone: str = ""
    email: str = ""
    form: str = ""
    terms: bool = False
    marketing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Values that hold: `phone` is E.164, `email` normalised. `errors`: a sentence a wrong field."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


def parse(content_type: str, body: bytes) -> dict[str, str]:
    """A form's fields. Raises Unreadable for any other type, bad encoding, or a field given twice."""
    if content_type != FORM_TYPE:
        raise Unreadable(f"the form came as {content_type[:40]!r}")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise Unreadable(f"the form cannot be decoded: {type(error).__name__}") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("a field came twice")
    return fields


def typed(fields: Mapping[str, str]) -> Typed:
    """The registration form's fields. What is typed stays as it is, within reason: it is shown again."""
    return Typed(
        name=_kept(fields.get("name", "")),
        phone=_kept(fields.get("phone", "")),
        email=_kept(fields.get("email", "")),
        form=fields.get("form", ""),
        terms=fields.get("terms") == "yes",
        marketing=fields.get("marketing") == "yes",
    )


def _kept(text: str) -> str:
    return text[:LONGEST_KEPT]


def check(given: Typed, asked: Asked, country: str) -> Checked:
    """What was typed, against what this store asks for. `country` reads numbers without a country code."""
    errors: dict[str, str] = {}
    name = phone = email = None
    if asked.name != "hidden":
        name = _or_error(errors, "name", check_name(given.name, required=asked.name == "required"))
    if asked.phone != "hidden":
        required = asked.phone == "required"
        phone = _or_error(errors, "phone", check_phone(given.phone, country, required=required))
    if asked.email != "hidden":
        email = _or_error(errors, "email", check_email(given.email, required=asked.email == "required"))
    if not (phone or email or "phone" in errors or "email" in errors):
        errors["email" if asked.phone == "hidden" else "phone"] = CONTACT_MISSING
    if not given.terms:
        errors["terms"] = TERMS_NOT_ACCEPTED
    return Checked(name=name, phone=phone, email=email, errors=errors)


@dataclass(frozen=True, slots=True)
class Wrong:
    """The sentence for a wrong field."""

    sentence: str


def _or_error(errors: dict[str, str], name: str, found: str | Wrong | None) -> str | None:
    if isinstance(found, Wrong):
        errors[name] = found.sentence
        return None
    return found


def check_name(text: str, *, required: bool) -> str | Wrong | None:
    """Anyone's name in any script: one line, normalised (NFC), with something in it that is a letter."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        return Wrong(NAME_MISSING) if required else None
    if has_strange_characters(text):
        return Wrong(STRANGE_CHARACTERS)
    if len(name) > LONGEST["name"]:
        return Wrong(NAME_TOO_LONG)
    return name if any(letter.isalpha() for letter in name) else Wrong(NAME_WITHOUT_LETTER)


def check_phone(text: str, country: str, *, required: bool) -> str | Wrong | None:
    """A number that can receive messages, in E.164."""
    # Full-width digits and the plus sign of Chinese keyboards become plain ones.
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return Wrong(PHONE_MISSING) if required else None
    if len(plain) > LONGEST["phone"]:
        return Wrong(PHONE_UNREADABLE)
    if has_strange_characters(text):
        return Wrong(STRANGE_CHARACTERS)
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return Wrong(PHONE_UNREADABLE)
    if number.extension or not phonenumbers.is_valid_number(number):
        return Wrong(PHONE_UNREADABLE)
    if phonenumbers.number_type(number) not in _MOBILE:
        return Wrong(PHONE_NOT_MOBILE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_email(text: str, *, required: bool) -> str | Wrong | None:
    """An address that could exist; whether it does, nobody can ask while the phone is captive."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return Wrong(EMAIL_MISSING) if required else None
    if has_strange_characters(text):
        return Wrong(STRANGE_CHARACTERS)
    if len(plain) > LONGEST["email"]:
        return Wrong(EMAIL_UNREADABLE)
    try:
        # One mailbox is one contact: no provider tells A@ from a@ (RFC 5321 section 2.4 would let it).
        return validate_email(plain, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return Wrong(EMAIL_UNREADABLE)


def has_strange_characters(text: str) -> bool:
    """Control, reordering, private and unassigned characters; tabs and line ends count as blanks."""
    return any(
        unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn")
        and character not in _JOINERS
        and not character.isspace()
        for character in text
    )
