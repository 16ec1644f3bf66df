"""Whoever takes something out of the log, or changes it, is found out without any key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netctl.legal.chunk import HEADER_BYTES, chunks, written
from netctl.legal.retention import delete_old
from netctl.legal.seal import signing_key
from netctl.legal.verify import verify
from tests.unit.netctl.legal.conftest import Shop


@pytest.fixture(autouse=True)
def three_days(days: Callable[[int], None]) -> None:
    days(3)


def only_problem(shop: Shop, expect: str | None = None) -> str:
    (problem,) = verify(shop.directory, expect).problems
    return problem


def cut(path: Path, first: int, last: int) -> None:
    """Takes the chunks first to last out of a segment."""
    data = path.read_bytes()
    found = list(chunks(data))
    path.write_bytes(data[: found[first].at] + data[found[last].end :])


def test_an_untouched_log_is_whole_and_says_from_when_to_when(shop: Shop) -> None:
    verdict = verify(shop.directory)
    assert verdict.ok
    assert (verdict.segments, verdict.chunks, verdict.is_from_start) == (3, 9, True)
    assert (verdict.since, verdict.until) == ("2026-11-23T08:00:00.000000Z", "2026-11-25T08:00:02.000000Z")


def test_an_altered_chunk(shop: Shop) -> None:
    path = shop.segments()[1]
    data = bytearray(path.read_bytes())
    data[list(chunks(bytes(data)))[1].at + HEADER_BYTES + 5] ^= 1
    path.write_bytes(data)
    assert only_problem(shop) == "Segment 2, chunk 5: altered."


def test_an_altered_chunk_whose_hash_was_made_to_fit(shop: Shop) -> None:
    path = shop.segments()[1]
    data = path.read_bytes()
    found = list(chunks(data))[1]
    body, _ = written(found.header, b"x" * len(found.payload))
    path.write_bytes(data[: found.at] + body + data[found.end :])
    assert "removed, moved or altered" in only_problem(shop)


def test_a_chunk_taken_out_of_the_middle(shop: Shop) -> None:
    cut(shop.segments()[1], 1, 1)
    assert "removed" in only_problem(shop)


def test_two_chunks_that_changed_places(shop: Shop) -> None:
    path = shop.segments()[0]
    data = path.read_bytes()
    head, one, two = chunks(data)
    path.write_bytes(data[: head.end] + data[two.at : two.end] + data[one.at : one.end])
    assert not verify(shop.directory).ok


def test_the_last_chunk_cut_off(shop: Shop) -> None:
    cut(shop.segments()[-1], 2, 2)
    assert only_problem(shop) == "The log ends with chunk 8, but it went on to 9: cut off."


def test_the_last_chunk_cut_off_in_its_middle(shop: Shop) -> None:
    path = shop.segments()[-1]
    path.write_bytes(path.read_bytes()[:-10])
    assert any("no whole chunk" in problem for problem in verify(shop.directory).problems)


def test_a_whole_segment_that_is_missing(shop: Shop) -> None:
    shop.segments()[1].unlink()
    assert "Between segments 1 and 3 one or more are missing." in verify(shop.directory).problems


def test_the_oldest_segment_missing_is_no_deletion_by_age(shop: Shop) -> None:
    shop.segments()[0].unlink()
    assert not verify(shop.directory).ok


def test_the_word_on_how_far_it_goes_missing(shop: Shop) -> None:
    (shop.directory / "tip").unlink()
    assert "The tip is missing" in only_problem(shop)


def test_a_log_written_anew_by_somebody_else(shop: Shop, tmp_path: Path) -> None:
    noted = verify(shop.directory).tip
    forged = Shop(tmp_path / "forged")
    forged.write([forged.opened()])
    assert verify(forged.directory).ok
    assert only_problem(forged, expect=noted) == f"No chunk has the hash {noted}."
    shop.write([shop.opened()])
    assert verify(shop.directory, expect=noted).ok


def test_after_deletion_by_age_what_is_left_is_whole_and_says_since_when(shop: Shop) -> None:
    signing = signing_key(shop.directory / "signing.key")
    assert delete_old(shop.directory, 2, signing, shop.clock) == [1]
    verdict = verify(shop.directory)
    assert verdict.ok
    assert (verdict.is_from_start, verdict.since) == (False, "2026-11-24T08:00:00.000000Z")


def test_one_more_segment_deleted_by_hand_shows(shop: Shop) -> None:
    delete_old(shop.directory, 2, signing_key(shop.directory / "signing.key"), shop.clock)
    shop.segments()[0].unlink()
    assert "Between segments 1 and 3 one or more are missing." in verify(shop.directory).problems


def test_an_anchor_written_by_somebody_else_shows(shop: Shop, tmp_path: Path) -> None:
    foreign = signing_key(tmp_path / "foreign.key")
    delete_old(shop.directory, 2, foreign, shop.clock)
    assert only_problem(shop) == "The anchor is not signed with the key that signed the log."


def test_an_empty_folder_is_no_log(tmp_path: Path) -> None:
    assert verify(tmp_path).problems == ["There are no records here."]
