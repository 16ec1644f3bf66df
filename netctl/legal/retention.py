"""Segments die whole, by age; a signed anchor stays, so that what is left can still be verified."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from netctl.legal.chunk import chunks
from netctl.legal.marks import Place, read_anchor, write_anchor
from netctl.legal.seal import signing_key
from netctl.legal.segments import last_intact, segment_numbers, segment_path
from netctl.legal.verify import read_segment
from sync.model import Clock, to_wire


def delete_old(
    directory: Path, days: int, signing: Ed25519PrivateKey, clock: Clock, *, is_written: bool = True
) -> list[int]:
    """Deletes the segments whose last record is older than `days`; returns their numbers. Raises OSError.

    While the clock is not right nothing is old. The newest stays as long as the log is written.
    """
    if not clock.synced():
        return []
    anchor = read_anchor(directory) or Place()
    numbers = segment_numbers(directory)
    # Deleted before, but for a power cut between the anchor and the deleting.
    gone = [number for number in numbers if number <= anchor.segment]
    kept = [number for number in numbers if number > anchor.segment]
    before = clock.now() - timedelta(days=days)
    old = _old(directory, kept, len(kept) - is_written, before)
    if old:
        last = _end_of(directory, old[-1])
        write_anchor(directory, last, to_wire(before), signing)
    for number in (*gone, *old):
        segment_path(directory, number).unlink()
    return old


def delete_rest(directory: Path, clock: Clock) -> bool:
    """What is left of a log that was switched off dies at the age it was written for. Returns whether
    anything still waits for that. Raises OSError."""
    for number in reversed(segment_numbers(directory)):
        head = read_segment(directory, number).head
        if head is not None:
            signing = signing_key(directory / "signing.key")
            delete_old(directory, int(head["days"]), signing, clock, is_written=False)
            break
    return bool(segment_numbers(directory))


def _old(directory: Path, numbers: list[int], most: int, before: datetime) -> list[int]:
    """The oldest segments, as far as all of their records are older. Only those are read, and the first
    that is not."""
    old: list[int] = []
    for at, number in enumerate(numbers[:most]):
        # Written while the clock was wrong: it is as old as the next that knows.
        told = (last_right_time(directory, each) for each in numbers[at:])
        ended_at = next((time for time in told if time is not None), None)
        if ended_at is None or ended_at >= before or last_intact_of(directory, number) is None:
            break
        old.append(number)
    return old


def last_right_time(directory: Path, number: int) -> datetime | None:
    """The last moment in a segment of which the time is known."""
    data = segment_path(directory, number).read_bytes()
    times = [each.header.wall_ms for each in chunks(data) if each.header.synced]
    return datetime.fromtimestamp(times[-1] / 1000, UTC) if times else None


def last_intact_of(directory: Path, number: int) -> Place | None:
    last = last_intact(segment_path(directory, number).read_bytes())
    if last is None:
        return None
    header = last.header
    return Place(segment=number, seq=header.seq, hash=last.hash, journal_seq=header.journal_seq)


def _end_of(directory: Path, number: int) -> Place:
    place = last_intact_of(directory, number)
    assert place is not None, "only segments with a whole chunk are old"
    return place
