"""A rush at the door: stations of the crowd register at a fixed pace, each with her own form.

`python -m tests.bench.rush FIRST COUNT PER_SECOND`, run where the crowd is. Fetches all forms first, prints
`ready`, waits for a line, then posts; prints what came of it as JSON.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlencode

from tests.bench.crowd import Station, station
from tests.bench.result import percentile
from tests.lab.box import Box
from tests.lab.web import forms

_AT_ONCE = 8
_ANSWER_SECONDS = 30.0


async def _ask(of: Station, request: bytes) -> tuple[int, str]:
    async with asyncio.timeout(_ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(Box.LAN_ADDRESS, 80, local_addr=(of.ip, 0))
        try:
            writer.write(request)
            reply = await reader.read(-1)
        finally:
            writer.close()
    return int(reply.split(b" ", 2)[1]), reply.partition(b"\r\n\r\n")[2].decode()


async def _posting(of: Station, at_once: asyncio.Semaphore) -> bytes:
    """The registration that this station will send."""
    head = f"Host: {Box.LAN_ADDRESS}\r\nConnection: close\r\n"
    async with at_once:
        status, page = await _ask(of, f"GET /register HTTP/1.1\r\n{head}\r\n".encode())
    if status != 200:
        raise RuntimeError(f"/register answers {status}")
    hidden = next(form.fields for form in forms(page) if "email" in form.fields)
    body = urlencode(hidden | {"name": "Ada", "email": f"{of.ip}@example.com", "terms": "yes"})
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
    return f"POST /register HTTP/1.1\r\n{head}{kind}\r\n{body}".encode()


async def _register(of: Station, posting: bytes, after_seconds: float) -> tuple[int, float]:
    """Status and milliseconds."""
    await asyncio.sleep(after_seconds)
    began = time.monotonic()
    try:
        status, _ = await _ask(of, posting)
    except (OSError, TimeoutError, IndexError, ValueError):
        status = 0
    return status, (time.monotonic() - began) * 1000


async def rush(first: int, count: int, per_second: int) -> dict[str, object]:
    stations = [station(number) for number in range(first, first + count)]
    at_once = asyncio.Semaphore(_AT_ONCE)
    postings = await asyncio.gather(*(_posting(each, at_once) for each in stations))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()
    answers = await asyncio.gather(
        *(
            _register(each, posting, place / per_second)
            for place, (each, posting) in enumerate(zip(stations, postings, strict=True))
        )
    )
    seconds = time.monotonic() - began
    answered = sorted(milliseconds for status, milliseconds in answers if status == 303)
    return {
        "registered": len(answered),
        "failed": count - len(answered),
        "failed_by_status": dict(Counter(str(status) for status, _ in answers if status != 303)),
        "per_s": round(len(answered) / seconds, 1),
        "answer_median_ms": percentile(answered, 50),
        "answer_p99_ms": percentile(answered, 99),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(rush(*map(int, sys.argv[1:])))))
