"""What head office says of follows becomes what the store offers, and who is let in."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.commands import act_on_all
from sync.model import to_wire
from sync.records import (
    Records,
    command_log,
    follow,
    follow_staff,
    grant_links,
    grants,
    migrate,
    open_records,
)
from sync.records.command_log import Command
from sync.records.follow import Offer
from tests.clock import FakeClock

PHONE = "10.77.0.11"
ACCOUNTS: dict[str, Any] = {
    "accounts": [
        {
            "account": "main",
            "platform": "wechat",
            "title": "Tea",
            "proof": "verified",
            "poster_url": "http://weixin.qq.com/q/st",
            "link": None,
        }
    ]
}


class Box:
    """Records as portal and sync have them open, and a log that is acted on."""

    def __init__(self, portal: Records, sync: Records, clock: FakeClock) -> None:
        self.portal, self.sync, self.clock = portal, sync, clock
        self._seq = 0

    async def hears(self, kind: str, body: dict[str, Any]) -> None:
        self._seq += 1
        said = Command(
            seq=self._seq,
            command_id=f"c-{self._seq}",
            kind=kind,
            issued_at=self.clock.now(),
            expires_at=None,
            body=body,
        )
        await self.sync.write(act_on_all, [said], self.clock)

    async def has_codes(self, *codes: str) -> None:
        entries = [
            {
                "ref": f"ref-{code}",
                "code": code,
                "url": f"http://weixin.qq.com/q/{code}",
                "expires_at": to_wire(self.clock.now() + timedelta(days=30)),
            }
            for code in codes
        ]
        await self.hears("follow_accounts", ACCOUNTS)
        await self.hears("follow_codes", {"account": "main", "entries": entries})

    async def offers(self, ip: str = PHONE) -> Offer:
        offer = await self.portal.write(follow.make_offer, "main", ip, None, self.clock)
        assert offer is not None
        return offer

    def grant(self, **said: Any) -> dict[str, Any]:
        return {
            "grant_id": "0011223344556677",
            "account": "main",
            "platform": "wechat",
            "ref": None,
            "code": None,
            "session_seconds": 3600,
            "lead_id": None,
            "staff_ref": None,
            "subject_hash": "8899aabbccddeeff",
            "expires_at": to_wire(self.clock.now() + timedelta(minutes=10)),
        } | said

    async def granted(self) -> list[tuple[str, str, str, int]]:
        return [
            (each.request_id, each.ip, each.method, each.session_seconds)
            for each in await self.sync.read(grants.pending, self.clock)
        ]

    async def set_aside(self) -> list[tuple[str, str]]:
        return await self.sync.read(
            lambda connection: [
                (row["kind"], row["reason"])
                for row in connection.execute("SELECT kind, reason FROM commands_set_aside ORDER BY seq")
            ]
        )


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    migrate(tmp_path / "records.db")
    portal = await open_records(tmp_path / "records.db", "portal")
    sync = await open_records(tmp_path / "records.db", "sync")
    yield Box(portal, sync, FakeClock())
    await portal.close()
    await sync.close()


@pytest.mark.parametrize("sent", ["ref", "code"])
async def test_the_station_whose_code_or_qr_she_sent_is_let_in(box: Box, sent: str) -> None:
    await box.has_codes("482913", "111222")
    await box.offers("10.77.0.10")
    offer = await box.offers()
    said = {"ref": offer.ref} if sent == "ref" else {"code": offer.code}
    await box.hears("follow_grant", box.grant(**said, lead_id="lead-1"))
    assert await box.granted() == [("0011223344556677", PHONE, "follow", 3600)]
    followed = await box.sync.read(grant_links.followed, "0011223344556677")
    assert followed
    assert (followed.by, followed.account, followed.platform) == ("log", "main", "wechat")


async def test_the_same_grant_twice_lets_in_once(box: Box) -> None:
    await box.has_codes("482913", "111222")
    mine, hers = await box.offers(), await box.offers("10.77.0.12")
    await box.hears("follow_grant", box.grant(ref=mine.ref))
    await box.hears("follow_grant", box.grant(ref=hers.ref))
    assert await box.granted() == [("0011223344556677", PHONE, "follow", 3600)]


@pytest.mark.parametrize(
    "said",
    [
        {"code": "999999"},
        {"ref": "nobodys-ref"},
        {"ref": None, "code": None},
        {"account": "another", "code": "482913"},
    ],
)
async def test_a_grant_for_nobody_who_waits_opens_nothing(box: Box, said: dict[str, Any]) -> None:
    await box.has_codes("482913")
    await box.offers()
    await box.hears("follow_grant", box.grant(**said))
    assert await box.granted() == []
    assert await box.set_aside() == []


async def test_a_grant_that_is_over_opens_nothing_unless_the_clock_cannot_tell(box: Box) -> None:
    await box.has_codes("482913")
    offer = await box.offers()
    late = box.grant(ref=offer.ref, expires_at=to_wire(box.clock.now()))
    await box.hears("follow_grant", late)
    assert await box.granted() == []
    box.clock.is_synced = False
    box.clock.jump(7200)
    await box.hears("follow_grant", late)
    assert len(await box.granted()) == 1


async def test_a_follow_that_is_taken_back_opens_nothing_any_more(box: Box) -> None:
    await box.has_codes("482913")
    offer = await box.offers()
    await box.hears("follow_grant", box.grant(ref=offer.ref))
    await box.hears("revoke", {"grant_id": "0011223344556677"})
    assert await box.granted() == []
    assert await box.sync.read(grants.revoked) == {"0011223344556677"}


async def test_the_key_the_staff_and_the_board_are_kept(box: Box) -> None:
    await box.hears("grant_key", {"key": "01" * 32, "venue_number": 123})
    key = await box.portal.read(grant_links.key_of_store)
    assert key
    assert (key.key, key.venue_number) == (b"\x01" * 32, 123)
    member = {"staff_ref": "mei", "name": "美", "poster_url": "http://weixin.qq.com/q/sm"}
    await box.hears("follow_staff", {"members": [member]})
    assert [each.name for each in await box.portal.read(follow_staff.members)] == ["美"]
    row = {"name": "美", "follows": 3, "registrations": 1}
    await box.hears("follow_board", {"week": "2026-W47", "rows": [row]})
    [board] = await box.portal.read(follow_staff.boards)
    assert (board.week, board.rows[0].follows) == ("2026-W47", 3)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("grant_key", {"key": "01" * 31, "venue_number": 1}),
        ("grant_key", {"key": "zz" * 32, "venue_number": 1}),
        ("grant_key", {"key": "01" * 32}),
        ("follow_accounts", {"accounts": "all"}),
        ("follow_accounts", {"accounts": [1]}),
        ("follow_accounts", {"accounts": ACCOUNTS["accounts"] * 2}),
        ("follow_accounts", {"accounts": [ACCOUNTS["accounts"][0] | {"platform": "../x"}]}),
        ("follow_accounts", {"accounts": [ACCOUNTS["accounts"][0] | {"proof": "sworn"}]}),
        ("follow_accounts", {"accounts": [ACCOUNTS["accounts"][0] | {"link": "javascript:alert(1)"}]}),
        ("follow_accounts", {"accounts": [ACCOUNTS["accounts"][0] | {"title": "x" * 301}]}),
        ("follow_codes", {"account": "main", "entries": [{"ref": "r", "code": "12345", "url": None}]}),
        (
            "follow_codes",
            {"account": "main", "entries": [{"ref": "r", "code": "123456", "expires_at": "soon"}]},
        ),
        ("follow_grant", {}),
        ("follow_staff", {"members": [{"staff_ref": "a b", "name": "x"}]}),
        ("follow_board", {"week": "2026-47", "rows": []}),
        ("follow_board", {"week": "2026-W54", "rows": []}),
        ("follow_board", {"week": "2026-W47", "rows": [{"name": "x", "follows": -1, "registrations": 0}]}),
    ],
)
async def test_what_is_not_understood_is_set_aside_and_changes_nothing(
    box: Box, kind: str, body: dict[str, Any]
) -> None:
    await box.has_codes("482913")
    before = await box.portal.read(follow.accounts)
    await box.hears(kind, body)
    [(aside, reason)] = await box.set_aside()
    assert aside == kind
    assert "not what it should be" in reason or "twice" in reason
    assert await box.portal.read(follow.accounts) == before
    assert await box.portal.read(grant_links.key_of_store) is None
    assert await box.sync.read(command_log.cursor) == 3


@pytest.mark.parametrize("wrong", ["grant_id", "session_seconds", "expires_at", "platform", "ref", "lead_id"])
async def test_a_grant_with_anything_wrong_in_it_opens_nothing(box: Box, wrong: str) -> None:
    await box.has_codes("482913")
    offer = await box.offers()
    said = box.grant(ref=offer.ref) | {wrong: "no such thing!" if wrong != "lead_id" else 7}
    await box.hears("follow_grant", said)
    assert await box.granted() == []
    assert [kind for kind, _ in await box.set_aside()] == ["follow_grant"]
