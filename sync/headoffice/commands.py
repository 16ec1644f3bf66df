"""GET /v1/venues/{venue_id}/commands: the ordered log for one box, waited for."""

import asyncio
from dataclasses import asdict

from aiohttp import web

from sync.headoffice.authorise import authorise_venue
from sync.headoffice.parts import PARTS
from sync.headoffice.pull import number_in
from sync.headoffice.storage import Command

LONGEST_WAIT_SECONDS = 25
_MOST_COMMANDS = 100


async def poll_commands(request: web.Request) -> web.Response:
    """Answers at once when there is something behind `after`, else as soon as there is, or after `wait`."""
    venue_id = await authorise_venue(request)
    after = number_in(request, "after", default=0, low=0, high=2**63 - 1)
    wait_seconds = number_in(request, "wait", default=0, low=0, high=LONGEST_WAIT_SECONDS)
    found = await _commands_after(request, venue_id, after, wait_seconds)
    return web.json_response(
        {
            "commands": [asdict(command) for command in found],
            "after": found[-1].seq if found else after,
        }
    )


async def _commands_after(
    request: web.Request, venue_id: str, after: int, wait_seconds: int
) -> list[Command]:
    parts = request.app[PARTS]
    until = asyncio.get_running_loop().time() + wait_seconds
    while True:
        with parts.bell.listening(venue_id) as rung:
            found = await parts.storage.commands(venue_id, after, _MOST_COMMANDS)
            left = until - asyncio.get_running_loop().time()
            if found or left <= 0 or parts.bell.is_over:
                return found
            # A ring for what this box has had already ends no wait: it would only come back with nothing.
            await asyncio.wait({rung}, timeout=left)
