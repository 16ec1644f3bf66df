"""A store that offers two accounts to follow, as head office's commands make it one."""

from datetime import timedelta

from sync.grant_token import GrantToken, sign
from sync.records import Records, follow, follow_staff, grant_links
from sync.records.follow import FollowAccount, FollowCode
from sync.records.follow_staff import Member
from sync.records.grant_links import GrantKey
from tests.clock import FakeClock

KEY = b"\x07" * 32
NUMBER = 7
WECHAT = FollowAccount(
    account="main",
    platform="wechat",
    title="Jasmine Tea",
    proof="verified",
    poster_url="http://weixin.qq.com/q/poster",
    link=None,
)
LINE = FollowAccount(
    account="line", platform="line", title="Jasmine", proof="verified", poster_url=None, link=None
)
FACEBOOK = FollowAccount(
    account="fb",
    platform="facebook",
    title="Jasmine Tea House",
    proof="claimed",
    poster_url=None,
    link="https://facebook.example/jasmine",
)


async def set_up(sync: Records, clock: FakeClock, codes: int = 3) -> None:
    """`sync`: the records as sync writes them. Codes are 100001 and up for WeChat, 200001 and up for LINE."""
    await sync.write(follow.set_accounts, [WECHAT, LINE, FACEBOOK])
    for account, url, first in (
        ("main", "http://weixin.qq.com/q/", 100001),
        ("line", "https://line.me/R/oaMessage/%40tea/?", 200001),
    ):
        entries = [_code(first + number, url, clock) for number in range(codes)]
        await sync.write(follow.add_codes, account, entries)
    await sync.write(grant_links.set_key, GrantKey(key=KEY, venue_number=NUMBER), clock)
    await sync.write(follow_staff.set_members, [Member(staff_ref="mei", name="Mei", poster_url=None)])


def _code(number: int, url: str, clock: FakeClock) -> FollowCode:
    expires_at = clock.now() + timedelta(days=30)
    return FollowCode(ref=f"ref-{number}", code=f"{number:06}", url=f"{url}{number}", expires_at=expires_at)


def link(
    clock: FakeClock,
    *,
    grant_id: str = "0011223344556677",
    key: bytes = KEY,
    number: int = NUMBER,
    minutes: float = 15,
) -> str:
    """The path of a grant link as head office signs it."""
    token = GrantToken(
        channel=1,
        expires_at=clock.now() + timedelta(minutes=minutes),
        venue_number=number,
        grant_id=grant_id,
        subject_hash="8899aabbccddeeff",
    )
    return f"/g/{sign(token, key)}"
