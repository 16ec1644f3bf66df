"""What a process of this machine that may talk to the gate could write to it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from netctl.api import (
    LONGEST_REQUEST_BYTES,
    REQUESTS,
    Answer,
    Health,
    JournalLine,
    Presence,
    Refusal,
    Request,
    parse_answer,
    parse_request,
    request_line,
)
from netctl.gate.server import GateServer

# Values that fields take, and such as no field takes: chosen by the bytes of a structured input.
_VALUES: tuple[Any, ...] = (
    "10.77.0.9", "fe80::1%br0", "::ffff:10.77.0.9", "02:00:5e:10:00:01", "BCDF", "", "allowed", "blocked",
    "check", "\0", "\ud800", "9" * 300, 0, -1, 7, 2**63, 1e308, True, None, [], {}, [[]],
    [{"ip": "10.77.0.9", "step": "check", "detail": "Apple", "count": 3}], [{"ip": "x"}], {"ip": "::1"},
)  # fmt: skip
_NAMES = (*REQUESTS, "", "quit", None, 5)
_RAW, _STRUCTURED = b"\x00", b"\x01"
SEEDS = (
    *(
        _STRUCTURED + bytes([number, *range(shift, shift + 6)])
        for number in range(len(REQUESTS))
        for shift in (0, 9)
    ),
    _RAW + b'{"request":"admit","request_id":"a","ip":"10.77.0.9"}',
    _RAW + b'{"request":"presences","after":1e999}',
    _RAW + b"[" * 3000,
    _RAW + b'{"request":"\\ud800"}',
    _RAW + b"\xff\xfe\x00",
)


def line_of(data: bytes) -> bytes:
    """An input as a line: its bytes as they are, or a request whose name and values they choose."""
    if not data.startswith(_STRUCTURED) or len(data) < 2:
        return data[1:]
    name = _NAMES[data[1] % len(_NAMES)]
    fields = [*getattr(REQUESTS.get(cast("Any", name)), "__dataclass_fields__", ()), "strange"]
    chosen = {key: _VALUES[byte % len(_VALUES)] for key, byte in zip(fields, data[2:], strict=False)}
    return json.dumps({"request": name, **chosen}).encode()


class _Writer:
    """Takes down the answers of one line."""

    def __init__(self) -> None:
        self.said: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.said.append(data)

    async def drain(self) -> None:
        """Nothing waits here."""


class _Answers:
    """Knows nothing, and holds to account what it is asked."""

    async def answer(self, request: Request) -> Answer:
        assert parse_request(request_line(request)) == request, "what was understood cannot be said again"
        return Health(**cast("Any", _WELL))

    async def presences(self, after: int) -> AsyncIterator[Presence]:
        return
        yield

    async def journal(self, after: int) -> AsyncIterator[JournalLine]:
        return
        yield


_WELL = {
    field: default
    for field, default in {
        "ok": True,
        "compared_at": None,
        "problems": (),
        "uplink": True,
        "present": 0,
    }.items()
    if field in Health.__dataclass_fields__
}


class Target:
    """One input is one line, from somebody who may ask everything."""

    def __init__(self) -> None:
        self._server = GateServer(Path("/nowhere/gate.sock"), _Answers())
        self._watching = {name for name, cls in REQUESTS.items() if cls.__name__.startswith("Watch")}

    def take(self, data: bytes) -> None:
        line = line_of(data)[:LONGEST_REQUEST_BYTES]
        writer = _Writer()
        answering = self._server._answer_line(line, cast("Any", writer), EVERYTHING_MAY)
        try:
            answering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("an answer hangs")
        if not writer.said:
            assert json.loads(line)["request"] in self._watching, "no answer"
            return
        assert len(writer.said) == 1, "more than one answer"
        answer = parse_answer(writer.said[0])
        assert not isinstance(answer, Refusal) or answer.key == "bad_request", "the gate failed"


EVERYTHING_MAY = frozenset(REQUESTS.values())
