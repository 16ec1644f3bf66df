"""Calls to a platform's API: with a limit in time, tried again where that can help, and never in the log."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from json import loads
from typing import Any, Final

import aiohttp

log = logging.getLogger("yingke.headoffice.follow")

PAUSES: Final = (0.5, 2.0)
"""Seconds before the second and the third try: she stands in the shop and waits."""
SECONDS: Final = 5.0
_LARGEST_ANSWER_BYTES: Final = 64 * 1024


class CallFailed(Exception):
    """The platform did not do it. `status` is None when it gave no answer at all.

    The text has neither address nor body: addresses hold tokens, bodies hold people.
    """

    def __init__(self, what: str, status: int | None, answer: Any = None) -> None:
        super().__init__(f"{what}: " + ("no answer" if status is None else f"answered {status}"))
        self.status = status
        self.answer = answer


async def call(
    http: aiohttp.ClientSession,
    what: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    pauses: Sequence[float] = PAUSES,
    seconds: float = SECONDS,
) -> Any:
    """The platform's answer as parsed JSON, None when it is none. Raises CallFailed.

    Tried again after no answer, 429 and 5xx, once for each of `pauses`: give () for what must not go twice.
    """
    for pause in (*pauses, None):
        try:
            async with (
                asyncio.timeout(seconds),
                http.request(
                    method, url, headers=headers, params=params, json=json, data=form, allow_redirects=False
                ) as response,
            ):
                answer = await _parsed(response)
                if response.status < 300:
                    return answer
                failure = CallFailed(what, response.status, answer)
        except (aiohttp.ClientError, TimeoutError, OSError):
            failure = CallFailed(what, None)
        worth_it = failure.status is None or failure.status == 429 or failure.status >= 500
        if pause is None or not worth_it:
            raise failure
        await asyncio.sleep(pause)
    raise AssertionError("the last round raises")


async def _parsed(response: aiohttp.ClientResponse) -> Any:
    try:
        await response.content.readexactly(_LARGEST_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        try:
            return loads(whole.partial)
        except (ValueError, RecursionError):
            return None
    return None


class Errands:
    """What is done after the callback was answered. What fails is a line in the log."""

    def __init__(self, *, most: int = 2000, closing_seconds: float = 5.0) -> None:
        self._most = most
        self._closing_seconds = closing_seconds
        self._running: set[asyncio.Task[None]] = set()

    def start(self, errand: Coroutine[Any, Any, object], account: str) -> None:
        if len(self._running) >= self._most:
            errand.close()
            log.error("account %s: too many calls wait for the platform, one more is left out", account)
            return
        task = asyncio.create_task(_logged(errand, account))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def done(self) -> None:
        """Once nothing is left to do."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self) -> None:
        """Finishes what can be finished in a few seconds, and gives up the rest."""
        running = set(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=self._closing_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def _logged(errand: Coroutine[Any, Any, object], account: str) -> None:
    try:
        await errand
    except CallFailed as failure:
        log.warning("account %s: %s", account, failure)
    except Exception as error:
        # Only its kind: texts of errors quote addresses, and those hold tokens.
        log.error("account %s: an errand failed with %s", account, type(error).__name__)
