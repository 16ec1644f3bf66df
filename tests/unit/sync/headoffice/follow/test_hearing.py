"""An event goes into the books: the grant, the answer, who she is, and what goes when she leaves."""

import sqlite3
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from sync.grant_token import read
from sync.headoffice.follow.decide import MOST_A_DAY
from sync.headoffice.follow.event import Answer
from sync.model import to_wire
from tests.unit.sync.headoffice.follow.conftest import Books


async def test_a_follow_from_her_page_is_granted_at_its_store(books: Books) -> None:
    code = books.codes["session north"][0]
    heard = await books.hear(scene=books.scene())
    assert heard.venue_id == "north"
    assert (heard.answer.text, heard.answer.code) == ("online", code.code)
    [grant] = await books.commands("follow_grant")
    assert (grant["ref"], grant["code"], grant["session_seconds"]) == (code.ref, code.code, 7200)
    assert (grant["account"], grant["platform"], grant["staff_ref"]) == ("main", "wechat", None)
    assert await books.commands("follow_grant", "south") == []


async def test_the_link_is_the_same_grant_and_the_store_has_its_key_before_it(books: Books) -> None:
    heard = await books.hear(scene=books.scene())
    log = [command.kind for command in await books.log()]
    assert log.index("grant_key") < log.index("follow_grant")
    [key], [grant] = await books.commands("grant_key"), await books.commands("follow_grant")
    assert heard.answer.link is not None
    token = read(
        urlsplit(heard.answer.link).path.removeprefix("/g/"), bytes.fromhex(key["key"]), 1, books.clock.now()
    )
    assert (token.grant_id, token.subject_hash) == (grant["grant_id"], grant["subject_hash"])
    assert "mei" not in str(grant)


async def test_the_same_event_again_is_the_same_answer_and_nothing_twice(books: Books) -> None:
    first = await books.hear(scene=books.scene(), dedupe_key="one")
    books.clock.advance(5)
    again = await books.hear(scene=books.scene(), dedupe_key="one")
    assert again.answer == first.answer
    assert again.venue_id is None
    assert len(await books.commands("follow_grant")) == 1


async def test_another_tap_of_hers_is_the_same_grant(books: Books) -> None:
    first = await books.hear(scene=books.scene())
    books.clock.advance(60)
    again = await books.hear("scan", scene=books.scene())
    assert again.answer == first.answer
    assert len(await books.commands("follow_grant")) == 1


async def test_a_code_lets_one_person_in(books: Books) -> None:
    await books.hear(scene=books.scene())
    assert (await books.hear(subject="lan", scene=books.scene())).answer.text == "used"
    assert len(await books.commands("follow_grant")) == 1


async def test_typed_digits_are_as_good_as_a_scan(books: Books) -> None:
    code = books.codes["session south"][1]
    await books.hear()
    heard = await books.hear("message", code=code.code)
    assert heard.venue_id == "south"
    [grant] = await books.commands("follow_grant", "south")
    assert grant["ref"] == code.ref


async def test_each_who_scans_the_poster_gets_a_link_of_her_own(books: Books) -> None:
    scene = books.scene("poster")
    answers = [(await books.hear(subject=who, scene=scene)).answer for who in ("mei", "lan", "mei")]
    assert answers[0] == answers[2]
    assert answers[0].link != answers[1].link
    assert (answers[0].text, answers[0].code) == ("tap", None)
    assert {grant["ref"] for grant in await books.commands("follow_grant")} == {None}


async def test_who_waited_too_long_is_granted_anew_by_the_poster_but_not_by_her_old_code(
    books: Books,
) -> None:
    await books.hear(scene=books.scene())
    await books.hear("scan", scene=books.scene("poster"))
    books.clock.advance(31 * 60)
    assert (await books.hear("scan", scene=books.scene())).answer.text == "used"
    assert (await books.hear("scan", scene=books.scene("poster"))).answer.text == "tap"
    assert len({grant["grant_id"] for grant in await books.commands("follow_grant")}) == 3


@pytest.mark.parametrize(
    "scene", ["s9.AAAAAAAAAAAAAAAA", "somebody else's", "st.77", "sm.1.AAAAAAAAAAAAAAAA"]
)
async def test_a_scene_nobody_made_opens_nothing(books: Books, scene: str) -> None:
    heard = await books.hear(scene=scene)
    assert (heard.answer.text, heard.venue_id) == ("unknown", None)
    assert await books.commands("follow_grant") == []


async def test_a_scene_with_another_stores_number_opens_nothing(books: Books) -> None:
    ref = books.codes["session north"][0].ref
    assert (await books.hear(scene=f"s2.{ref}")).answer.text == "unknown"
    assert (await books.hear(subject="lan", scene=ref)).answer.text == "online"


async def test_a_days_worth_of_grants_counts_all_stores_and_ends_with_the_day(books: Books) -> None:
    """The poster anew each time its last link has ended, and phones of friends."""
    for _ in range(MOST_A_DAY // 2):
        assert (await books.hear("scan", scene=books.scene("poster"))).answer.text == "tap"
        assert (await books.hear("scan", scene=books.scene("poster", "south"))).answer.text == "tap"
        books.clock.advance(31 * 60)
    assert (await books.hear("scan", scene=books.scene())).answer.text == "enough"
    assert (await books.hear("scan", "lan", scene=books.scene(place=1))).answer.text == "online"
    books.clock.advance(24 * 3600)
    assert (await books.hear("scan", scene=books.scene())).answer.text == "online"


async def test_too_many_tries_are_told_so_and_use_up_nothing(books: Books) -> None:
    code = books.codes["session north"][0].code
    assert (await books.hear("message", code=code, too_often=True)).answer.text == "too_often"
    assert (await books.hear("message", code=code)).answer.text == "online"


async def test_a_head_office_that_dies_before_the_end_has_done_nothing(books: Books) -> None:
    """Ended between grant and answer: the platform pushes again, and all of it happens once."""
    with pytest.raises(DiedHere):
        await books.hear(scene=books.scene(), dedupe_key="one", reply=_die)
    assert await books.rows("leads") == []
    assert await books.commands("follow_grant") == []
    assert not await books.storage.follow.is_known("main", "mei")
    heard = await books.hear(scene=books.scene(), dedupe_key="one")
    assert heard.answer.text == "online"
    assert len(await books.commands("follow_grant")) == 1


class DiedHere(Exception):
    pass


def _die(*_: object) -> Answer:
    raise DiedHere


async def test_she_is_a_lead_with_an_identity_and_a_follow(books: Books) -> None:
    await books.hear(scene=books.scene())
    [lead], [identity], [row] = [await books.rows(table) for table in ("leads", "identities", "follows")]
    assert (lead["method"], lead["venue_id"], lead["phone"]) == ("wechat", "north", None)
    assert (identity["lead_id"], identity["platform"], identity["subject"]) == (lead["id"], "wechat", "mei")
    assert (row["lead_id"], row["state"], row["source"]) == (lead["id"], "verified", "session")
    [grant] = await books.commands("follow_grant")
    assert grant["lead_id"] == lead["id"]


async def test_at_another_store_she_is_a_follower_it_has_not_won(books: Books) -> None:
    await books.hear(scene=books.scene())
    await books.hear("scan", scene=books.scene("poster", "south"))
    rows = await books.rows("follows")
    assert [(row["venue_id"], row["source"]) for row in rows] == [("north", "session"), ("south", "known")]
    assert len({row["id"] for row in rows}) == 2


async def test_when_she_leaves_nothing_of_the_platform_stays(books: Books) -> None:
    await books.hear(scene=books.scene(), subject="mei-of-wechat", dedupe_key="mei-of-wechat1714112445")
    await books.hear("scan", scene=books.scene("poster", "south"), subject="mei-of-wechat")
    books.clock.advance(3600)
    await books.hear("unfollow", subject="mei-of-wechat")
    assert [row["deleted"] for row in await books.rows("identities")] == [True, True]
    assert [row["deleted"] for row in await books.rows("leads")] == [True, True]
    assert len(await books.rows("deletions")) == 2
    follows = await books.rows("follows")
    assert [(row["state"], row["lead_id"], bool(row["ended_at"])) for row in follows] == [
        ("ended", None, True)
    ] * 2
    await books.storage.checkpoint()
    assert b"mei-of-wechat" not in await _everything(books)


async def _everything(books: Books) -> bytes:
    """All rows of all tables, as text."""

    def dump(connection: sqlite3.Connection) -> bytes:
        return "\n".join(connection.iterdump()).encode()

    return await books.storage._read(dump)


async def test_a_lead_who_gave_her_phone_stays_one_without_wechat(books: Books) -> None:
    await books.hear(scene=books.scene())
    [lead] = await books.rows("leads")
    await books.tells("lead.captured", {"lead_id": lead["id"], "phone": "+8613800138000"})
    await books.hear("unfollow")
    [lead] = await books.rows("leads")
    assert (lead["deleted"], lead["phone"]) == (False, "+8613800138000")
    assert await books.rows("deletions") == []
    assert [row["deleted"] for row in await books.rows("identities")] == [True]


async def test_who_comes_back_is_a_new_lead_and_the_same_follow(books: Books) -> None:
    await books.hear(scene=books.scene())
    [before] = await books.rows("follows")
    books.clock.advance(3600)
    await books.hear("unfollow")
    books.clock.advance(3600)
    await books.hear(scene=books.scene(place=1))
    [after] = await books.rows("follows")
    assert (after["id"], after["state"], after["ended_at"]) == (before["id"], "verified", None)
    assert after["lead_id"] not in (None, before["lead_id"])
    assert sum(not row["deleted"] for row in await books.rows("identities")) == 1


async def test_a_lead_that_is_erased_at_the_store_loses_her_wechat_too(books: Books) -> None:
    await books.hear(scene=books.scene())
    [lead] = await books.rows("leads")
    await books.tells("lead.erased", {"lead_id": lead["id"]})
    assert [row["deleted"] for row in await books.rows("identities")] == [True]
    assert [row["lead_id"] for row in await books.rows("follows")] == [None]
    assert not await books.storage.follow.is_known("main", "mei")


async def test_no_row_is_written_behind_a_cursor(books: Books) -> None:
    await books.hear(scene=books.scene())
    last = max([row["seq"] for row in await _personal_rows(books)])
    await books.hear("unfollow")
    changed = [row["seq"] for row in await _personal_rows(books)]
    assert min(changed) > last
    assert len(set(changed)) == len(changed)


async def _personal_rows(books: Books) -> list[dict[str, Any]]:
    return [row for table in ("leads", "identities", "follows") for row in await books.rows(table)]


async def test_what_was_answered_is_forgotten_after_three_days(books: Books) -> None:
    await books.hear(scene=books.scene())
    books.clock.advance(timedelta(days=4).total_seconds())
    assert await books.storage.follow.purge(books.clock.now()) == 1
    books.clock.advance(timedelta(days=28).total_seconds())
    # The eight codes of the pools have ended by now, and the grant is old; the posters stay.
    assert await books.storage.follow.purge(books.clock.now()) == 8 + 1


async def test_an_unfollow_that_is_told_after_she_came_back_ends_nothing(books: Books) -> None:
    start = books.clock.now()
    await books.hear(scene=books.scene())
    books.clock.advance(7200)
    await books.hear()
    await books.hear("unfollow", occurred_at=start + timedelta(hours=1))
    assert await books.storage.follow.is_known("main", "mei")
    [row] = await books.rows("follows")
    assert (row["state"], row["followed_at"]) == ("verified", to_wire(start))
    await books.hear("unfollow")
    assert not await books.storage.follow.is_known("main", "mei")


async def test_the_store_still_counts_that_she_came_and_went(books: Books) -> None:
    await books.hear(scene=books.scene("poster"))
    await books.hear("unfollow")
    [store] = await books.storage.follow.follows_since(books.clock.now() - timedelta(days=1))
    assert (store.by_source, store.ended) == ({"poster": 1}, 1)


async def test_who_only_writes_where_that_proves_nothing_is_counted_and_not_kept(books: Books) -> None:
    code = books.codes["session north"][0].code
    assert (await books.hear("message", platform="line", code=code)).answer.text == "online"
    [row] = await books.rows("follows")
    assert (row["state"], row["source"], row["lead_id"]) == ("claimed", "code", None)
    assert await books.rows("identities") == []
    assert await books.rows("leads") == []
    assert not await books.storage.follow.is_known("main", "mei")
    # The platform's word comes later: the same row, verified now.
    await books.hear("follow", platform="line", scene=books.scene(place=1))
    [row] = await books.rows("follows")
    assert (row["state"], row["source"]) == ("verified", "session")
    assert row["lead_id"] is not None
