"""The walled garden: hosts that captive stations reach, by name. dnsmasq puts their addresses into the packet
filter's sets as it answers for them.

The packs are data files, `gardens/NAME.txt`: a domain a line, `*.example.com` being that domain with all
below it, lines beginning with # being comments. dnsmasq knows no narrower match than the latter and takes
both alike (man dnsmasq, nftset).
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from sync.config import Config

SETS: Final = "4#inet#yingke#garden4,6#inet#yingke#garden6"
"""The sets of ruleset.nft, as dnsmasq names them."""

# The addresses in the sets grow old, and dnsmasq renews none that it answers from its cache: it must ask
# again soon, or a host would be out of the sets while its address is still handed out.
_LONGEST_TTL_SECONDS = 60
_PACKS = Path(__file__).parent / "gardens"
_LINE = re.compile(rf"nftset=/[a-z0-9.-]+/{re.escape(SETS)}")


def packs() -> list[str]:
    """The names that network.walled_garden can hold."""
    return sorted(file.stem for file in _PACKS.glob("*.txt"))


@cache
def pack(name: str) -> tuple[str, ...]:
    """The domains of a pack, as its file spells them."""
    lines = (line.strip() for line in (_PACKS / f"{name}.txt").read_text().splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def domains(config: Config) -> list[str]:
    """What is reachable before admission; a domain whose parent is there too is left out."""
    spelled = [*config.network.walled_garden_domains]
    for name in config.network.walled_garden:
        spelled += pack(name)
    wanted = {domain.removeprefix("*.") for domain in spelled}
    return sorted(domain for domain in wanted if not wanted.intersection(_above(domain)))


def _above(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels))]


def dnsmasq_lines(config: Config) -> list[str]:
    """None without a walled garden."""
    wanted = domains(config)
    if not wanted:
        return []
    return [
        f"max-ttl={_LONGEST_TTL_SECONDS}",
        f"max-cache-ttl={_LONGEST_TTL_SECONDS}",
        *(f"nftset=/{domain}/{SETS}" for domain in wanted),
    ]


def is_ours(line: str) -> bool:
    """Whether a line `nftset=…` fills the walled garden and no other set of the packet filter."""
    return _LINE.fullmatch(line) is not None
