"""A code as it is typed -> the code it is (pure).

How hopeless guessing is. A voucher has nine characters out of twenty: 20**9 = 512,000,000,000. All stations
together get 60 tries at once and one every two seconds after that, 43,260 on the first day: against 1000
vouchers that are good, the chance of one hit in a whole day of guessing is 43,260 * 1000 / 20**9 = 0.00008,
one hit in 32 years. The staff code has six digits, is one of a million and lasts a day: all stations together
get 30 tries at once and one every five minutes, 318 on the first day: 0.0003 a day, one hit in nine years.
One station gets five tries and one a minute; making up stations does not help, because all share the rest.
What a hit opens, a registration of twenty seconds opens too.

Who guesses can use up the tries of all others: then the owner admits her staff on her page.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from sync.rate import RateLimit
from sync.records.vouchers import ALPHABET, LENGTH

STAFF_DIGITS: Final = 6
LONGEST_TYPED: Final = 60
GROUP: Final = 3

_SEPARATORS: Final = frozenset(" -‐‑‒–—―_.·/:")
# What may be read for a character of the alphabet; the others in it are taken for none.
_READ_AS: Final = str.maketrans(
    {"0": "D", "O": "D", "Q": "D", "2": "Z", "5": "S", "6": "G", "8": "B", "U": "V"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """`text`: nine characters of the vouchers' alphabet, or six digits."""

    kind: Literal["voucher", "staff"]
    text: str


def read_code(typed: str) -> Code | None:
    """In any case and width, with blanks and dashes wherever, and letters mistaken; None: no code of ours."""
    plain = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).upper()
    joined = "".join(each for each in plain if each not in _SEPARATORS and not each.isspace())
    if len(joined) == STAFF_DIGITS and joined.isascii() and joined.isdigit():
        return Code(kind="staff", text=joined)
    read = joined.translate(_READ_AS)
    if len(read) == LENGTH and set(read) <= set(ALPHABET):
        return Code(kind="voucher", text=read)
    return None


def shown(code: str) -> str:
    """A voucher's code in groups, as it is printed: `BCD-FGH-KMN`."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


class Tries:
    """How often codes may be tried. `seconds()` never jumps (CLOCK_BOOTTIME)."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._of_station = RateLimit(burst=5, refill_seconds=60, seconds=seconds)
        self._of_all = {
            "voucher": RateLimit(burst=60, refill_seconds=2, seconds=seconds, keys=1),
            "staff": RateLimit(burst=30, refill_seconds=300, seconds=seconds, keys=1),
        }

    def take(self, code: Code, station: str) -> float:
        """Seconds to wait before the next try; 0.0 when this one is granted. A station that has to wait
        takes nothing from the others."""
        return self._of_station.take(station) or self._of_all[code.kind].take("")
