"""How the box is, in sentences for the owner: upload, gate, counter, notices (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from netctl.api import Health
from portal.owner_notices import NOTICES, UNKNOWN_NOTICE
from portal.owner_words import Words
from sync.i18n import mark
from sync.records.notices import Notice
from sync.records.stats import Waiting, Window
from sync.records.upload_state import UploadState

Tone = Literal["good", "busy", "quiet", "warning", "wrong"]

_SILENT_UPLOADER: Final = timedelta(minutes=2)
_TONES: Final[Mapping[str, Tone]] = {"info": "quiet", "warning": "warning", "trouble": "wrong"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence (marked for translation), what to do about it, and the detail for whoever mends it."""

    tone: Tone
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)
    todo: str = ""
    detail: str = ""


def notice_line(notice: Notice, words: Words) -> Line:
    sentence, todo = NOTICES.get(notice.key, UNKNOWN_NOTICE)
    detail = f"{words.clock(notice.raised_at)} {notice.key}: {notice.detail}"
    return Line(tone=_TONES.get(notice.severity, "warning"), sentence=sentence, todo=todo, detail=detail)


NO_INTERNET: Final = Line(
    tone="wrong",
    sentence=mark("The internet line is down: guests can register, but reach nothing."),
    todo=mark("They are told so. Is the cable to the internet plugged in, and the provider's box on?"),
)


def gate_line(health: Health | None) -> Line | None:
    """Nothing to say of a gate that is well; `health` is None when it does not answer."""
    if health is None:
        return Line(
            tone="wrong",
            sentence=mark("The gate does not answer: nobody new gets online right now."),
            todo=mark("It starts again by itself. If this stays for minutes, switch the box off and on."),
        )
    if health.ok:
        return None if health.uplink else NO_INTERNET
    return Line(
        tone="wrong",
        sentence=mark("The gate is not well."),
        todo=mark("It tries again by itself. If this stays for minutes, switch the box off and on."),
        detail=" ".join(health.problems),
    )


def is_live(window: Window | None, now: datetime) -> bool:
    """Whether the newest count is the running one, or the one just before."""
    return window is not None and now < window.start + timedelta(seconds=2 * window.seconds + 60)


def counter_line(window: Window | None, now: datetime, words: Words) -> Line | None:
    """What the counter cannot see; nothing when it counts the air."""
    if window is None:
        return Line(tone="quiet", sentence=mark("The counter has not counted yet. Give it a few minutes."))
    if not is_live(window, now):
        return Line(
            tone="warning",
            sentence=mark("The counter has been silent since %(since)s."),
            values={"since": words.moment(window.start + timedelta(seconds=window.seconds))},
            todo=mark("If this stays, switch the box off and on."),
        )
    if window.devices is None:
        return Line(
            tone="quiet",
            sentence=mark("No monitor radio: only phones on the WiFi are counted, nobody who passes by."),
            todo=mark("With a second WiFi radio in the box it counts passers-by and visitors too."),
        )
    return None


def upload_line(
    state: UploadState, waiting: Waiting, *, has_head_office: bool, now: datetime, words: Words
) -> Line:
    """How far head office knows what happened here."""
    if not has_head_office:
        return Line(tone="quiet", sentence=mark("No head office is set: everything stays in this box."))
    if not waiting.events:
        if state.last_success_at is None:
            return Line(tone="quiet", sentence=mark("Nothing has been sent to head office yet."))
        ago = words.ago(state.last_success_at, now)
        return Line(
            tone="good", sentence=mark("All sent to head office (last: %(ago)s)."), values={"ago": ago}
        )
    return _backlog(state, waiting, now, words)


def _backlog(state: UploadState, waiting: Waiting, now: datetime, words: Words) -> Line:
    since = waiting.oldest_at or now
    values = {"events": words.number(waiting.events), "since": words.moment(since)}
    if state.last_error is not None:
        return Line(
            tone="wrong",
            sentence=mark("Head office has taken nothing since %(since)s. Messages waiting: %(events)s."),
            values=values,
            todo=mark("Nothing is lost: they are sent by themselves later. Is the internet connection up?"),
            detail=state.last_error,
        )
    tried_at = state.last_attempt_at or since
    if now - max(since, tried_at) > _SILENT_UPLOADER:
        return Line(
            tone="wrong",
            sentence=mark(
                "Nothing has been sent to head office since %(since)s. Messages waiting: %(events)s."
            ),
            values=values,
            todo=mark("Nothing is lost. If this stays, switch the box off and on."),
        )
    return Line(
        tone="busy", sentence=mark("Sending to head office. Messages left: %(events)s."), values=values
    )


def refused_line(waiting: Waiting, words: Words) -> Line | None:
    """Events head office would not take, kept aside for a person."""
    if not waiting.refused:
        return None
    return Line(
        tone="warning",
        sentence=mark("Messages that head office refused, kept aside: %(refused)s."),
        values={"refused": words.number(waiting.refused)},
        todo=mark("Show this line to the person who looks after the box."),
    )


def by_urgency(found: Sequence[Line | None]) -> list[Line]:
    """What needs the owner first, what is only good to know last."""
    order: list[Tone] = ["wrong", "warning", "busy", "good", "quiet"]
    return sorted((line for line in found if line is not None), key=lambda line: order.index(line.tone))
