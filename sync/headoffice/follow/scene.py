"""What stands in a QR or a link, and the six digits that say the same. Pure, but for the chance."""

import base64
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

SceneKind = Literal["session", "poster", "staff"]
CODE_DIGITS: Final = 6
_REF: Final = r"[A-Za-z0-9_-]{16}"
# Telegram's start parameter may hold no dot (core.telegram.org/bots/features#deep-linking): "-" is read too.
_SESSION: Final = re.compile(rf"(?:s(\d{{1,10}})[.-])?({_REF})")
_POSTER: Final = re.compile(r"st[.-](\d{1,10})")
_STAFF: Final = re.compile(rf"sm[.-](\d{{1,10}})[.-]({_REF})")
_CODE: Final = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")
# Full-width digits are what a Chinese keyboard writes when it was left so.
_PLAIN_DIGITS: Final = {ord("０") + digit: str(digit) for digit in range(10)}
# Their links carry what she will send, so the code is the scene.
_SEND_THE_CODE: Final = ("line", "whatsapp", "instagram")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A session of somebody at a store, the store's poster, or the badge of a member of its staff."""

    kind: SceneKind
    venue_number: int | None = None
    ref: str | None = None

    def __str__(self) -> str:
        if self.kind == "poster":
            return f"st.{self.venue_number}"
        return f"{'sm.' if self.kind == 'staff' else 's'}{self.venue_number}.{self.ref}"


def read_scene(text: str) -> Scene | None:
    """None: none of ours. A bare ref is a session whose store is to be looked up."""
    if match := _STAFF.fullmatch(text):
        return Scene(kind="staff", venue_number=int(match[1]), ref=match[2])
    if match := _POSTER.fullmatch(text):
        return Scene(kind="poster", venue_number=int(match[1]))
    if match := _SESSION.fullmatch(text):
        return Scene(kind="session", venue_number=int(match[1]) if match[1] else None, ref=match[2])
    return None


def read_code(text: str) -> str | None:
    """Six digits as people send them: with blanks around or between, or full-width."""
    digits = re.sub(r"[\s-]", "", text.translate(_PLAIN_DIGITS))
    return digits if _CODE.fullmatch(digits) else None


def to_mint(platform: str, scene: Scene, code: str) -> str:
    """What a platform is asked to put into its QR or link."""
    return code if platform in _SEND_THE_CODE else str(scene)


def new_ref() -> str:
    """96 bits of chance as 16 characters. None begins like an option, since people type those of badges."""
    while (ref := base64.urlsafe_b64encode(secrets.token_bytes(12)).decode()).startswith("-"):
        pass
    return ref


def new_code(is_taken: Callable[[str], bool]) -> str | None:
    """Six digits that nobody holds; None when hardly any are left."""
    for _ in range(64):
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        if not is_taken(code):
            return code
    return None
