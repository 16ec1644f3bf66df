"""Long loops that hold nobody up."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_LOOKED_AT_ONCE = 50


async def in_turns(things: Iterable[T]) -> AsyncIterator[T]:
    """One after the other, letting others have their turn in between: there may be ten thousand."""
    rest = iter(things)
    while some := list(islice(rest, _LOOKED_AT_ONCE)):
        for thing in some:
            yield thing
        await asyncio.sleep(0)
