"""The privacy notice and the sentences beside the boxes, exactly as they are shown, with their version."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netctl.legal.profiles import PROFILES
from sync.config import Config
from sync.i18n import Language, mark
from sync.records.leads import Agreement

VERSION: Final = "2026-11-23"
"""Changes with every change of the sentences below; the hash tells two stores' settings apart."""

TERMS = mark(
    "I want to use the free WiFi of %(store)s and accept the terms: I use it lawfully and at"
    " my own risk, and I have been told how my data are used."
)
MARKETING = mark(
    "Optional: %(controller)s may send me news and offers to the contact above. I can"
    " withdraw this at any time."
)
_PARTS: Final = (
    (
        mark("Who answers for your data"),
        mark("%(controller)s answers for the data described here. %(contact)s"),
    ),
    (
        mark("What we keep"),
        mark(
            "What you type into the form, the language of the page, what you agreed to and when; and"
            " when your device was connected and how much it transferred. We do not record which"
            " pages you visit."
        ),
    ),
    (
        mark("What for"),
        mark(
            "To give you access to the WiFi and to be able to prove what was agreed. We write to you"
            " only if you tick the separate box; the WiFi works the same without it."
        ),
    ),
    (
        mark("Your device"),
        mark(
            "While you are connected, and for a limited time after, the store's router keeps the"
            " hardware address of your device, because it opens the way for it. The router also"
            " counts how many devices are near by their radio signals. What it hears there is"
            " replaced by changing pseudonyms in its memory and never written down, so nobody is"
            " recognised by it."
        ),
    ),
    (
        mark("Where and for how long"),
        mark(
            "Your data lie on the router of the store, which deletes them %(lead_days)d days after"
            " your last registration, and records of connections after %(visit_days)d days."
            " %(passed_on)s"
        ),
    ),
    (
        mark("Your rights"),
        mark(
            "You can withdraw each consent on the page “Privacy” while you are connected. You can ask"
            " to see, correct or delete your data, and complain to the data protection authority."
        ),
    ),
)
_PASSED_ON = mark("They are passed on to the head office of %(controller)s.")
_NOT_PASSED_ON = mark("They do not leave it.")
_LOG: Final = mark("Log of connections")
_LOG_TEXT: Final = mark(
    "%(why)s In it are: when your device was connected, its hardware address and the addresses it was given,"
    " when each of its connections began and ended, and from which address and port it went out. %(where)s"
    " %(account)s No page, no name you looked up and no content is in it. It lies encrypted on the router,"
    " apart from everything else, and is deleted after %(days)d days; single entries cannot be taken out"
    " before."
)
_LOG_BY_LAW: Final = mark("The law asks us to keep a log of connections.")
_LOG_BY_CHOICE: Final = mark("To be able to trace misuse we keep a log of connections.")
_LOG_WHERE: Final = mark("It also says to which address each connection went.")
_LOG_NOT_WHERE: Final = mark("It does not say where your connections went.")
_LOG_ACCOUNT: Final = mark("The contact you gave us is in it, too.")
_LOG_NO_ACCOUNT: Final = mark("The contact you gave us is not in it.")
_ROAMING: Final = mark("Coming from another of our stores")
_ROAMING_CONTACT: Final = mark(
    "If you are online in another of our stores and go on here, your code and the contact you type with it go"
    " to the head office of %(controller)s, which compares them with your registration there. The router here"
    " deletes them after a day."
)
_WRITE_TO = mark("Write to: %(contact)s")
_ASK_STAFF = mark("Please ask our staff in the store.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyNotice:
    """`parts`: headings and paragraphs. `terms.text` holds the sentence and the whole notice, since both
    are on the form; `marketing.text` is its sentence.
    """

    parts: tuple[tuple[str, str], ...]
    terms_sentence: str
    terms: Agreement
    marketing: Agreement

    @property
    def stamp(self) -> str:
        """Which texts these are; a form carries it, so that nobody agrees to texts she was not shown."""
        return f"{self.terms.language}-{self.terms.sha256[:16]}-{self.marketing.sha256[:16]}"


def privacy_notice(config: Config, language: Language) -> PrivacyNotice:
    """The notice of this store in this language."""
    contact = config.privacy.contact
    controller = config.privacy.controller or config.portal.brand_name or config.venue.name
    head_office = config.sync.head_office_url
    values = {
        "store": config.venue.name,
        "controller": controller,
        "passed_on": language.say(_PASSED_ON, controller=controller)
        if head_office
        else language.say(_NOT_PASSED_ON),
        "contact": language.say(_WRITE_TO, contact=contact) if contact else language.say(_ASK_STAFF),
        "lead_days": config.privacy.lead_days,
        "visit_days": config.privacy.visit_days,
    }
    parts = [(language.say(heading), language.say(text, **values)) for heading, text in _PARTS]
    parts[-1:-1] = [*_of_the_log(config, language), *_of_roaming(config, language, controller)]
    sentence = language.say(TERMS, **values)
    whole = "\n\n".join([sentence, *(f"{heading}\n{text}" for heading, text in parts)])
    return PrivacyNotice(
        parts=tuple(parts),
        terms_sentence=sentence,
        terms=Agreement(purpose="access_terms", version=VERSION, language=language.code, text=whole),
        marketing=Agreement(
            purpose="marketing",
            version=VERSION,
            language=language.code,
            text=language.say(MARKETING, **values),
        ),
    )


def _of_the_log(config: Config, language: Language) -> Iterator[tuple[str, str]]:
    """What is recorded in this country, and no more: the log's own profiles say it."""
    profile = PROFILES.get(config.privacy.legal_log)
    if profile is None:
        return
    values = {
        "why": language.say(_LOG_BY_LAW if profile.is_duty else _LOG_BY_CHOICE),
        "where": language.say(_LOG_WHERE if profile.destinations else _LOG_NOT_WHERE),
        "account": language.say(_LOG_ACCOUNT if profile.account else _LOG_NO_ACCOUNT),
        "days": profile.kept_days(config.privacy.legal_log_days),
    }
    yield language.say(_LOG), language.say(_LOG_TEXT, **values)


def _of_roaming(config: Config, language: Language, controller: str) -> Iterator[tuple[str, str]]:
    if config.registration.roaming == "on":
        yield language.say(_ROAMING), language.say(_ROAMING_CONTACT, controller=controller)
