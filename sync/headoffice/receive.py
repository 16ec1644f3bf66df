"""POST /v1/venues/{venue_id}/events: an upload of a box, kept once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from sync.envelope import BadLine, Line, from_line, read_object
from sync.headoffice.authorise import authorise_venue
from sync.headoffice.decode import ENCODINGS, TooLarge, Undecodable, split, unpack
from sync.headoffice.parts import PARTS
from sync.headoffice.problems import Problem
from sync.headoffice.projection import project
from sync.headoffice.settings import Limits
from sync.headoffice.storage import Accepted, Batch, Health, Refused
from sync.model import from_wire

_BODY_SECONDS = 60
# A store that is new wants codes, and one that has given a code away may want more.
_FOLLOW_NEWS = ("venue.started", "follow.offered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A body, read: what is accepted and what is refused, in the order it came."""

    epoch: str | None
    accepted: Sequence[Accepted]
    refused: Sequence[Refused]
    is_ndjson: bool

    @property
    def acknowledged(self) -> int:
        """Accepted and refused are kept alike, so all that has a place in this upload is durable."""
        seqs = [accepted.line.seq for accepted in self.accepted]
        return max([0, *seqs, *(line.seq for line in self.refused if line.seq is not None)])


async def receive_events(request: web.Request) -> web.Response:
    venue_id = await authorise_venue(request)
    parts = request.app[PARTS]
    if not parts.uploads.enter(venue_id):
        detail = "too many uploads are in work, of all stores or of this one"
        raise Problem(429, "busy", detail, headers={"Retry-After": "2"})
    try:
        return await _receive(request, venue_id)
    finally:
        parts.uploads.leave(venue_id)


async def _receive(request: web.Request, venue_id: str) -> web.Response:
    parts = request.app[PARTS]
    body = await _read_body(request)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    # Unpacking and reading JSON takes milliseconds: the loop goes on meanwhile.
    upload = await asyncio.to_thread(read_upload, body, encoding, parts.settings.limits)
    now = parts.clock.now()
    receipt = await parts.storage.receive(
        Batch(
            venue_id=venue_id,
            accepted=upload.accepted,
            refused=upload.refused,
            health=_health(request, upload, now),
            received_at=now,
        )
    )
    if any(accepted.line.event.type in _FOLLOW_NEWS for accepted in upload.accepted):
        parts.follow_news.tell(venue_id)
    parts.metrics.events.update(
        stored=receipt.stored, repeated=receipt.repeated, refused=len(receipt.refused)
    )
    if not upload.is_ndjson:
        raise Problem(422, "no_events", "not one line of the body is a JSON object; it is kept aside")
    return web.json_response(
        {
            "epoch": upload.epoch,
            "acknowledged": upload.acknowledged,
            "rejected": [
                {"seq": line.seq, "key": line.key, "message": line.message} for line in receipt.refused
            ],
        }
    )


async def _read_body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Problem(408, "too_slow", f"the body took longer than {_BODY_SECONDS} s") from None


def read_upload(body: bytes, encoding: str, limits: Limits) -> Upload:
    """Unpacks and checks every line. Raises Problem 413, 415, 422. Pure."""
    if encoding not in ENCODINGS:
        raise Problem(415, "encoding", f"Content-Encoding is one of {', '.join(ENCODINGS)}")
    try:
        lines = split(unpack(body, encoding, limits.unpacked_kilobytes * 1024), limits.upload_lines)
    except TooLarge as error:
        raise Problem(413, "too_large", str(error)) from None
    except Undecodable as error:
        raise Problem(422, "undecodable", str(error)) from None
    accepted: list[Accepted] = []
    refused: list[Refused] = []
    for raw in lines:
        try:
            line = from_line(raw)
            accepted.append(Accepted(line=line, change=project(line)))
        except BadLine as bad:
            refused.append(Refused(raw=raw, key=bad.key, message=bad.message, epoch=bad.epoch, seq=bad.seq))
    return Upload(
        epoch=_one_epoch(accepted, refused),
        accepted=accepted,
        refused=refused,
        is_ndjson=not lines or bool(accepted) or any(_is_object(line.raw) for line in refused),
    )


def _one_epoch(accepted: Sequence[Accepted], refused: Sequence[Refused]) -> str | None:
    epochs = {line.line.epoch for line in accepted}
    epochs |= {line.epoch for line in refused if line.epoch is not None}
    if len(epochs) > 1:
        raise Problem(422, "mixed_epochs", "the lines of one upload have one epoch")
    return next(iter(epochs), None)


def _is_object(raw: bytes) -> bool:
    try:
        read_object(raw)
    except BadLine:
        return False
    return True


def _health(request: web.Request, upload: Upload, now: datetime) -> Health:
    """What the box says of itself: in headers, and by its last events."""
    last: Line | None = upload.accepted[-1].line if upload.accepted else None
    started: list[Any] = [
        accepted.line.event.body.get("version")
        for accepted in upload.accepted
        if accepted.line.event.type == "venue.started"
    ]
    said = request.headers.get("Yingke-Clock", "")
    version = started[-1] if started and isinstance(started[-1], str) else None
    return Health(
        version=version[:64] if version else _version(request.headers.get("User-Agent", "")),
        clock=said if said in ("synced", "unsynced") else (last.event.clock if last else None),
        skew_seconds=_skew(request.headers.get("Yingke-Sent-At", ""), now),
        backlog=_number(request.headers.get("Yingke-Pending", "")),
    )


def _version(user_agent: str) -> str | None:
    product, _, version = user_agent.partition("/")
    return version[:64] if product == "yingke" and version else None


def _skew(sent_at: str, now: datetime) -> int | None:
    try:
        return round((from_wire(sent_at) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
