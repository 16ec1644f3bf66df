"""What each country's law asks to be recorded, and for how long, as data.

Sources as far as known on 2026-11-22; no substitute for counsel. Where `is_certain` is False the days are
general knowledge, and `privacy.legal_log_days` may shorten them; elsewhere it may only lengthen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One country. Sessions, leases, addresses and connections with their translation are recorded in all.

    `account`: also the contact she signed in with. `destinations`: also where a connection went. `is_duty`:
    whether the law asks for it; shoppers are told.
    """

    law: str
    days: int
    is_certain: bool
    account: bool = True
    destinations: bool = True
    is_duty: bool = True

    def kept_days(self, wished_days: int) -> int:
        """How long a record is kept; `wished_days` is privacy.legal_log_days, 0: as the law says."""
        if not wished_days:
            return self.days
        return max(wished_days, self.days) if self.is_certain else wished_days


# Six months are up to 184 days, a year up to 366: a day too many is no breach, a day too few is one.
PROFILES: Final[Mapping[str, Profile]] = {
    "cn": Profile(
        law="公安部令第82号 (60 days, with the NAT mapping); Cybersecurity Law (network logs, 6 months)",
        days=184,
        is_certain=True,
    ),
    "fr": Profile(law="CPCE L34-1 (technical data, 1 year; no URLs, no content)", days=366, is_certain=True),
    "ru": Profile(law="decrees 758 and 801 of 2014 (6 months)", days=184, is_certain=True),
    "tr": Profile(law="law 5651 (2 years)", days=731, is_certain=False),
    "th": Profile(law="Computer Crime Act, section 26 (90 days)", days=90, is_certain=False),
    "in": Profile(law="DoT instructions of 2009 (1 year)", days=366, is_certain=False),
    # Article 14 forbids whoever gives access to record where it goes.
    "br": Profile(
        law="Marco Civil da Internet, articles 13 and 14 (1 year)",
        days=366,
        is_certain=False,
        destinations=False,
    ),
    # No duty since Digital Rights Ireland (2014): a few days against abuse, and as little as that takes.
    "eu": Profile(
        law="no duty to keep; legitimate interest (GDPR article 6.1 f)",
        days=7,
        is_certain=False,
        account=False,
        destinations=False,
        is_duty=False,
    ),
}
