"""Who won what, and that nobody wins the same person twice."""

from datetime import datetime, timedelta

import pytest

from sync.headoffice.follow.storage import BoardRow
from sync.headoffice.storage import NotThere
from tests.unit.sync.headoffice.follow.conftest import Books


async def _ann_and_bob(books: Books) -> tuple[str, str]:
    refs = [
        (await books.storage.follow.enlist("north", name, books.clock.now())).staff_ref
        for name in ("Ann", "Bob")
    ]
    await books.fill()
    return refs[0], refs[1]


async def _board(books: Books, since: datetime | None = None) -> dict[str, tuple[int, int]]:
    since = since or books.clock.now() - timedelta(days=7)
    rows = await books.storage.follow.board("north", since, books.clock.now() + timedelta(days=1))
    return {row.name: (row.follows, row.registrations) for row in rows}


async def test_a_follow_by_her_badge_is_hers(books: Books) -> None:
    ann, bob = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    await books.hear(subject="lan", scene=f"sm.1.{ann}")
    await books.hear(subject="xia", scene=f"sm.1.{bob}")
    assert await _board(books) == {"Ann": (2, 0), "Bob": (1, 0)}
    [first, *_] = await books.rows("follows")
    assert (first["source"], first["staff_ref"]) == ("staff", ann)
    assert {grant["staff_ref"] for grant in await books.commands("follow_grant")} == {ann, bob}


async def test_a_follow_from_the_page_that_her_badge_led_to_is_hers_too(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    code = books.codes["session north"][0]
    offered = {"account": "main", "ref": code.ref, "staff_ref": ann}
    await books.tells("follow.offered", offered)
    await books.hear(scene=books.scene())
    assert await _board(books) == {"Ann": (1, 0), "Bob": (0, 0)}
    [row] = await books.rows("follows")
    assert (row["source"], row["staff_ref"]) == ("session", ann)


async def test_a_badge_nobody_here_has_earns_nothing(books: Books) -> None:
    await _ann_and_bob(books)
    code = books.codes["session north"][0]
    offered = {"account": "main", "ref": code.ref, "staff_ref": "x" * 16}
    await books.tells("follow.offered", offered)
    assert (await books.hear(scene=books.scene())).answer.text == "online"
    assert await _board(books) == {"Ann": (0, 0), "Bob": (0, 0)}


async def test_who_scans_a_second_badge_is_won_once(books: Books) -> None:
    ann, bob = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    await books.hear("scan", scene=f"sm.1.{bob}")
    assert await _board(books) == {"Ann": (1, 0), "Bob": (0, 0)}


async def test_an_unfollow_within_a_day_takes_the_credit_back_and_a_new_follow_earns_none(
    books: Books,
) -> None:
    ann, bob = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    books.clock.advance(23 * 3600)
    await books.hear("unfollow")
    assert await _board(books) == {"Ann": (0, 0), "Bob": (0, 0)}
    books.clock.advance(60)
    await books.hear(scene=f"sm.1.{bob}")
    assert await _board(books) == {"Ann": (0, 0), "Bob": (0, 0)}


async def test_who_stayed_a_day_was_won(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    books.clock.advance(24 * 3600 + 1)
    await books.hear("unfollow")
    assert await _board(books) == {"Ann": (1, 0), "Bob": (0, 0)}


async def test_a_registration_is_credited_once_a_contact(books: Books) -> None:
    ann, bob = await _ann_and_bob(books)
    lead = {"lead_id": "lead-1", "phone": "+8613800138000", "staff_ref": ann}
    await books.tells("lead.captured", lead)
    await books.tells("lead.captured", lead | {"lead_id": "lead-2", "staff_ref": bob})
    await books.tells("lead.captured", {"lead_id": "lead-3", "phone": "+8613800138001", "staff_ref": bob})
    await books.tells("lead.captured", {"lead_id": "lead-4", "staff_ref": bob})
    assert await _board(books) == {"Ann": (0, 1), "Bob": (0, 1)}


async def test_a_badge_of_another_store_brings_no_registration(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    body = {"lead_id": "lead-1", "phone": "+8613800138000", "staff_ref": ann}
    await books.tells("lead.captured", body, venue_id="south")
    assert await _board(books) == {"Ann": (0, 0), "Bob": (0, 0)}


async def test_who_works_there_no_more_lets_people_in_and_wins_nothing(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    await books.storage.follow.dismiss("north", ann, books.clock.now())
    assert (await books.hear(subject="lan", scene=f"sm.1.{ann}")).answer.text == "tap"
    assert await _board(books) == {"Ann": (1, 0), "Bob": (0, 0)}
    assert await _board(books, since=books.clock.now() + timedelta(hours=1)) == {"Bob": (0, 0)}
    with pytest.raises(NotThere, match="staff list"):
        await books.storage.follow.dismiss("north", ann, books.clock.now())


async def test_staff_of_a_store_there_is_not(books: Books) -> None:
    with pytest.raises(NotThere, match="venue add"):
        await books.storage.follow.enlist("west", "Ann", books.clock.now())


async def test_a_board_is_of_its_week(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    await books.hear(scene=f"sm.1.{ann}")
    books.clock.advance(8 * 86400)
    assert await _board(books) == {"Ann": (0, 0), "Bob": (0, 0)}
    rows = await books.storage.follow.board(
        "north", books.clock.now() - timedelta(days=9), books.clock.now() - timedelta(days=7)
    )
    assert rows[0] == BoardRow(staff_ref=ann, name="Ann", follows=1, registrations=0)


async def test_the_counts_of_a_store_are_by_what_won_them(books: Books) -> None:
    ann, _ = await _ann_and_bob(books)
    await books.hear(scene=books.scene())
    await books.hear(subject="lan", scene=books.scene("poster"))
    await books.hear(subject="xia", scene=f"sm.1.{ann}")
    await books.hear(subject="lan", kind="unfollow")
    await books.tells("follow.claimed", {"follow_id": "f1", "account": "page", "platform": "facebook"})
    await books.hear("scan", scene=books.scene("poster", "south"))
    [store] = await books.storage.follow.follows_since(books.clock.now() - timedelta(days=1))
    assert (store.venue_id, store.by_source) == ("north", {"session": 1, "poster": 1, "staff": 1})
    assert (store.claimed, store.ended) == (1, 1)


async def test_who_leaves_is_counted_in_the_week_she_leaves(books: Books) -> None:
    await books.hear(scene=books.scene())
    await books.hear("scan", subject="lan", scene=books.scene("poster"))
    books.clock.advance(10 * 86400)
    await books.hear(subject="mei", kind="unfollow")
    await books.hear(subject="lan", kind="unfollow")
    [store] = await books.storage.follow.follows_since(books.clock.now() - timedelta(days=7))
    assert (store.by_source, store.claimed, store.ended) == ({}, 0, 2)


async def test_a_claim_is_never_a_verified_follow(books: Books) -> None:
    claim = {"follow_id": "f1", "account": "page", "platform": "facebook", "state": "verified"}
    await books.tells("follow.claimed", claim)
    await books.tells("follow.ended", {"follow_id": "f1"})
    await books.tells("follow.claimed", claim)
    [row] = await books.rows("follows")
    assert (row["state"], row["source"], row["platform"]) == ("ended", "claimed", "facebook")
    assert row["ended_at"] is not None
