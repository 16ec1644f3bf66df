"""What head office answered to an upload -> what becomes of the batch. Pure; it survives any answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync.envelope import BadLine, is_integer, read_object
from sync.records.outbox import Queued

# The owner reads these: whole sentences without variable parts, so that the pages can translate them.
NO_KEY: Final = "There is no upload key on this box yet."
KEY_REFUSED: Final = "Head office does not accept this store's upload key."
NOT_REACHED: Final = "Head office cannot be reached."
NOT_UNDERSTOOD: Final = "What answers is not head office, or not this version of it."
BUSY: Final = "Head office is busy and asks to wait."
IN_TROUBLE: Final = "Head office has trouble of its own."
SENTENCES: Final = (NO_KEY, KEY_REFUSED, NOT_REACHED, NOT_UNDERSTOOD, BUSY, IN_TROUBLE)

_LONGEST_WAIT_SECONDS: Final = 3600
# Any other 422 is trouble on the way, a proxy that unpacks for instance, and no fault of the events.
_ABOUT_THE_LINES: Final = ("no_events", "mixed_epochs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A line that head office keeps aside."""

    seq: int
    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Everything up to here is durable at head office, `rejected` among it."""

    up_to_seq: int
    rejected: Sequence[Rejected]


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMuch:
    """The batch as a whole was refused: halve it, or set its only line aside."""

    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """Nothing is known to have arrived; `at_least_seconds` is what head office asks for."""

    sentence: str
    at_least_seconds: int = 0


Verdict = Delivered | TooMuch | TryLater


def judge(
    batch: Sequence[Queued], epoch: str, status: int, headers: Mapping[str, str], body: bytes
) -> Verdict:
    """An empty batch only says that the box is there."""
    if status == 200:
        return _judge_receipt(batch, epoch, body)
    problem = json_object(body)
    if batch and (status == 413 or (status == 422 and problem.get("key") in _ABOUT_THE_LINES)):
        return TooMuch(key=f"refused_{status}", message=_detail(problem))
    return later(status, headers)


def later(status: int, headers: Mapping[str, str]) -> TryLater:
    """What a status says that is no answer to what was asked."""
    wait_seconds = _retry_after(headers.get("Retry-After", ""))
    if status in (401, 403):
        return TryLater(sentence=KEY_REFUSED, at_least_seconds=wait_seconds)
    if status in (408, 429):
        return TryLater(sentence=BUSY, at_least_seconds=wait_seconds)
    sentence = IN_TROUBLE if status >= 500 else NOT_UNDERSTOOD
    return TryLater(sentence=sentence, at_least_seconds=wait_seconds)


def _judge_receipt(batch: Sequence[Queued], epoch: str, body: bytes) -> Verdict:
    """Only an answer about this very batch deletes anything."""
    receipt = json_object(body)
    acknowledged = receipt.get("acknowledged")
    if not batch:
        understood = is_integer(acknowledged)
        return Delivered(up_to_seq=0, rejected=()) if understood else TryLater(sentence=NOT_UNDERSTOOD)
    if (
        receipt.get("epoch") != epoch
        or not is_integer(acknowledged)
        or not batch[0].seq <= acknowledged <= batch[-1].seq
    ):
        return TryLater(sentence=NOT_UNDERSTOOD)
    return Delivered(up_to_seq=acknowledged, rejected=_rejected(receipt.get("rejected"), batch, acknowledged))


def _rejected(said: Any, batch: Sequence[Queued], acknowledged: int) -> Sequence[Rejected]:
    sent = {queued.seq for queued in batch if queued.seq <= acknowledged}
    return [
        Rejected(seq=line["seq"], key=str(line.get("key"))[:64], message=str(line.get("message"))[:500])
        for line in (said if isinstance(said, list) else [])
        if isinstance(line, dict) and is_integer(line.get("seq")) and line["seq"] in sent
    ]


def _detail(problem: Mapping[str, Any]) -> str:
    detail = problem.get("detail")
    return detail[:500] if isinstance(detail, str) else "head office gave no reason"


def json_object(body: bytes) -> dict[str, Any]:
    """As strictly as a line is read: what is said here goes into the records."""
    try:
        return read_object(body)
    except BadLine:
        return {}


def _retry_after(text: str) -> int:
    """Seconds only: the other form of RFC 9110 section 10.2.3, a date, needs a clock this box may lack."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return min(int(digits[:9]), _LONGEST_WAIT_SECONDS)
