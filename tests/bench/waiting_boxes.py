"""Very many boxes that wait for their logs: `python -m tests.bench.waiting_boxes URL FILE`.

FILE holds a line `venue_id upload_key` for each. Prints `ready` once all wait, and goes on as they do: each
asks again as soon as its wait is over, and no two wait as long (sync/commands.py). They begin as they are
found on any afternoon: somewhere in their wait.
"""

import asyncio
import random
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sync.commands import SPREAD_SECONDS, WAIT_SECONDS

_CONNECTING_AT_ONCE = 100


class _Box:
    def __init__(self, host: str, port: int, venue_id: str, key: str) -> None:
        self._host, self._port = host, port
        self._path = f"/v1/venues/{venue_id}/commands?after={2**40}"
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"

    async def begin(self, places: asyncio.Semaphore) -> None:
        """Asks for the log as it is, and waits from then on."""
        async with places:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
            self._ask(0)
            await self._answer()
            self._ask(random.randint(1, WAIT_SECONDS))

    async def go_on(self) -> None:
        while True:
            await self._answer()
            self._ask(WAIT_SECONDS - random.randrange(SPREAD_SECONDS))

    async def _answer(self) -> None:
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)

    def _ask(self, wait_seconds: int) -> None:
        request = f"GET {self._path}&wait={wait_seconds} HTTP/1.1\r\n{self._head}\r\n"
        self._writer.write(request.encode())


async def main(url: str, file: str) -> None:
    parts = urlsplit(url)
    assert parts.hostname is not None
    lines = Path(file).read_text().splitlines()
    boxes = [_Box(parts.hostname, parts.port or 80, *line.split()) for line in lines]
    places = asyncio.Semaphore(_CONNECTING_AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        await asyncio.gather(*(box.begin(places) for box in boxes))
        for box in boxes:
            tasks.create_task(box.go_on())
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
