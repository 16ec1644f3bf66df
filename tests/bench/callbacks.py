"""A rush of followers: `python -m tests.bench.callbacks SETTINGS SCENE COUNT AT_ONCE`.

Each of COUNT people, none of them known, scans the same poster; the pushes are written beforehand and go out
AT_ONCE at a time. Prints what came of it as JSON.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from tests.bench.result import percentile
from tests.fakes.wechat_push import Pushed, Pusher, Settings


async def rush(settings: Settings, scene: str, count: int, at_once: int) -> dict[str, object]:
    pusher = Pusher(settings, time.time)
    waiting = [
        pusher.write(f"oRush{number}", MsgType="event", Event="subscribe", EventKey=f"qrscene_{scene}")
        for number in range(count)
    ]
    taken: list[float] = []
    began = time.monotonic()
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as http:

        async def send(pushed: Pushed) -> None:
            started = time.monotonic()
            address = f"{settings.callback}?{urlencode(pushed.query)}"
            async with http.post(address, data=pushed.body) as answer:
                if answer.status != 200 or b"<Encrypt>" not in await answer.read():
                    raise RuntimeError(f"a push is answered {answer.status}")
            taken.append((time.monotonic() - started) * 1000)

        async def one_after_the_other() -> None:
            while waiting:
                await send(waiting.pop())

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    seconds = time.monotonic() - began
    taken.sort()
    return {
        "per_s": round(count / seconds, 1),
        "answer_median_ms": percentile(taken, 50),
        "answer_p99_ms": percentile(taken, 99),
        "answer_longest_ms": percentile(taken, 100),
        "at_once": at_once,
    }


if __name__ == "__main__":
    told = Settings(**json.loads(Path(sys.argv[1]).read_text()))
    print(json.dumps(asyncio.run(rush(told, sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
