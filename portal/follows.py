"""What the store offers to follow, and how one sets about it on each platform. Pure but for the reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netctl.api import Station
from portal.site import Site
from portal.standing import NOT_HEARD_OF, is_on_pass
from sync.i18n import mark
from sync.records import RecordsUnavailable, follow
from sync.records.follow import FollowAccount, Offer

NAMES: Final = {
    "wechat": mark("WeChat"),
    "wecom": mark("WeCom"),
    "line": mark("LINE"),
    "telegram": mark("Telegram"),
    "kakao": mark("KakaoTalk"),
    "instagram": mark("Instagram"),
    "whatsapp": mark("WhatsApp"),
    "facebook": mark("Facebook"),
    "x": mark("X"),
    "tiktok": mark("TikTok"),
    "youtube": mark("YouTube"),
    "weibo": mark("Weibo"),
    "xiaohongshu": mark("Xiaohongshu"),
    "douyin": mark("Douyin"),
}
# Their QRs are links that any browser hands to the app. WeChat's and WeCom's are opened by their own camera
# alone, and no browser of a captive phone may call an app by a scheme of its own (AOSP CaptivePortalLogin).
_OPENS_BY_LINK: Final = frozenset({"line", "telegram", "whatsapp", "instagram", "kakao"})
# Kakao opens chats to its partners only, and WeCom's callback does not tell what is written to a contact.
_READS_NO_DIGITS: Final = frozenset({"kakao", "wecom"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One platform on a page: its word in our addresses, its name (marked), our name there."""

    platform: str
    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be followed, in head office's order: `verified` opens the WiFi, `claimed` proves nothing."""

    verified: Sequence[Choice] = ()
    claimed: Sequence[Choice] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HowTo:
    """How to follow one account. `qr` is an SVG element, `opens` a link that opens the app, `code` what can
    be sent instead; each empty where there is none. `waits`: the page looks again by
    itself."""

    choice: Choice
    is_claimed: bool
    qr: str = ""
    opens: str = ""
    code: str = ""
    waits: bool = False
    online: bool = False
    on_pass: bool = False
    passes: bool = False
    minutes_left: int = 0
    remark: str = ""

    @property
    def possible(self) -> bool:
        """Whether head office can tell that it was here that she followed."""
        return self.is_claimed or bool(self.qr or self.opens or self.code)


async def choices(site: Site) -> Choices:
    """Nothing where the records cannot be read: the page has other ways in."""
    try:
        accounts = await site.records.read(follow.accounts)
    except RecordsUnavailable:
        return Choices()
    return sorted_out(accounts)


def sorted_out(accounts: Sequence[FollowAccount]) -> Choices:
    """The first account of each platform: our addresses name the platform alone."""
    first: dict[str, FollowAccount] = {}
    for account in accounts:
        first.setdefault(account.platform, account)
    return Choices(
        verified=tuple(choice(each) for each in first.values() if each.proof == "verified"),
        claimed=tuple(choice(each) for each in first.values() if each.proof == "claimed" and each.link),
    )


def choice(account: FollowAccount) -> Choice:
    name = NAMES.get(account.platform, account.platform.capitalize())
    return Choice(platform=account.platform, name=name, title=account.title)


def what_the_qr_says(account: FollowAccount, offer: Offer | None) -> str:
    """Empty: there is no QR. Without an offer the store's own is as good: its answer holds the link."""
    if account.proof == "claimed":
        return account.link or ""
    return (offer.url if offer else account.poster_url) or ""


def how_to(
    account: FollowAccount, offer: Offer | None, station: Station | None, qr: str, remark: str = ""
) -> HowTo:
    """What the page shows to this station; `None`: the gate is silent, and nothing is claimed."""
    online = station is not None and not station.captive
    on_pass = station is not None and is_on_pass(station)
    over = station is not None and station.why == "pass_over" and station.captive
    session = station.session if station is not None and on_pass else None
    is_claimed = account.proof == "claimed"
    opens = account.platform in _OPENS_BY_LINK and not is_claimed
    hides_code = is_claimed or account.platform in _READS_NO_DIGITS
    code = "" if hides_code else (offer.code if offer else account.poster_code) or ""
    return HowTo(
        choice=choice(account),
        is_claimed=is_claimed,
        qr=qr,
        opens=what_the_qr_says(account, offer) if opens else "",
        code=code,
        waits=not is_claimed and (on_pass or not online),
        online=online and not on_pass,
        on_pass=on_pass,
        passes=station is not None and station.captive and station.uplink and station.passes_left > 0,
        minutes_left=(session.seconds_left + 59) // 60 if session else 0,
        remark=remark or (NOT_HEARD_OF if over and not is_claimed else ""),
    )
