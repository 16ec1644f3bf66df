"""How fast stations may be, and who needs a class for that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from netctl.api import Mac


class ShaperFailed(Exception):
    """Rates cannot be kept here; the text is what is missing and the remedy. Access is not touched by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Limits in kbit/s, 0 for none."""

    down_kbit: int = 0
    up_kbit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one direction should be like: everybody together, and each station with a class, in kbit/s."""

    total_kbit: int
    ceilings: Mapping[Mac, int]

    @property
    def empty(self) -> bool:
        return not self.total_kbit and not self.ceilings


def wish(total_kbit: int, kbits: Mapping[Mac, int]) -> Wish:
    """With a total each station has a class, so that it gets its share; else only who has a limit."""
    ceilings = {mac: kbit or total_kbit for mac, kbit in kbits.items() if kbit or total_kbit}
    return Wish(total_kbit=total_kbit, ceilings=ceilings)
