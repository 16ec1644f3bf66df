"""From what the platform tells to the first packet forwarded, by head office's log, while 10,000 boxes wait.

The platform is played, on a machine of its own in the virtual internet; 10,000 stores ask head office,
and one of them is whole. Platform, head office, stores and load share one machine.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

from sync.headoffice.sqlite.migrations import DEFAULT_BRAND
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.model import SystemClock
from tests.bench.crowd import UNHURRIED, Crowd, Station
from tests.bench.first_packet import LOST_SECONDS, drumming, first_arrival_ns, forget, open_ear
from tests.bench.process import cpu_seconds, pss_megabytes
from tests.bench.result import Result, median, percentile
from tests.lab import private
from tests.lab.namespace import environment
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.wechat import WeChat

SAMPLES = 200
BOXES = 10_000
CALLBACKS = 3_000
AT_ONCE = 32


def measure() -> Result:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Store(private.HOME / "follow") as store:
        crowd = Crowd(store, present=2 * SAMPLES)
        wechat = WeChat(store.home, store.internet)
        try:
            return _measured(store, crowd, wechat)
        finally:
            wechat.close()


def _measured(store: Store, crowd: Crowd, wechat: WeChat) -> Result:
    keys = asyncio.run(_others(store.head_office.namespace.home))
    wechat.introduce(store.head_office, "http://wifi.example", codes_per_store=200)
    wechat.start()
    store.open(network=UNHURRIED, follow={"link_host": "wifi.example"})
    crowd.settle()
    until(lambda: _stock(store) >= 150, "the store has codes", within_seconds=60)
    until(lambda: store.box.records("SELECT 1 FROM follow_accounts"), "the store knows what it offers")
    office = store.head_office.server.pid
    alone = [_sample(store, crowd, wechat, each) for each in crowd.present[:SAMPLES]]
    holds_mb, used = pss_megabytes(office), cpu_seconds(office)
    waiting = _waiting_boxes(store, keys)
    try:
        waiting_mb, spent = pss_megabytes(office), cpu_seconds(office) - used
        together = [_sample(store, crowd, wechat, each) for each in crowd.present[SAMPLES:]]
        rush = _rush(store, wechat)
    finally:
        waiting.kill()
        waiting.communicate()
    figures = _figures(together) | {
        "boxes": BOXES,
        "boxes_1": _figures(alone),
        "callbacks": rush,
        "head_office_mb": {"boxes_1": holds_mb, "boxes_10000": waiting_mb},
        "kilobytes_per_waiting_box": round((waiting_mb - holds_mb) * 1000 / (BOXES - 1), 1),
        "cpu_ms_per_box_to_connect": round(spent * 1000 / (BOXES - 1), 2),
    }
    return Result(figures=figures)


async def _others(home: Path) -> Path:
    """All stores but the one of the lab, in head office's database before it starts; their names and keys."""
    storage, now = SqliteStorage(home / "headoffice.db"), SystemClock().now()
    names = [f"other-{number}" for number in range(1, BOXES)]
    added = await asyncio.gather(*(storage.add_venue(each, each, DEFAULT_BRAND, now) for each in names))
    await storage.close()
    keys = home / "keys"
    keys.write_text("".join(f"{venue.venue_id} {venue.upload_key}\n" for venue in added))
    return keys


def _stock(store: Store) -> int:
    [(count,)] = store.box.records("SELECT count(*) FROM follow_codes")
    assert isinstance(count, int)
    return count


def _waiting_boxes(store: Store, keys: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "tests.bench.waiting_boxes", store.head_office.url, str(keys)]
    command = store.head_office.namespace.command(*words)
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert waiting.stdout is not None
    if waiting.stdout.readline() != "ready\n":
        raise RuntimeError("the other boxes could not connect")
    return waiting


def _sample(store: Store, crowd: Crowd, wechat: WeChat, station: Station) -> float:
    """She scans the QR of her page and follows; milliseconds until her first datagram has come through."""
    status, page = crowd.ask(station, "GET", "/follow/wechat")
    shown = re.search(r'class="digits">([0-9]{3}) ?([0-9]{3})<', page)
    if shown is None:
        raise RuntimeError(f"/follow/wechat answers {status} and shows no code")
    question = f"SELECT url FROM follow_codes WHERE code = '{shown[1] + shown[2]}'"
    [(url,)] = store.box.records(question)
    with open_ear(store) as ear, drumming(crowd, station):
        forget(ear)
        pushed_ns: int = wechat.act(f"o{station.ip.replace('.', '-')}", does="scan", url=str(url))[
            "pushed_at_ns"
        ]
        try:
            arrived_ns = first_arrival_ns(ear)
        except TimeoutError:
            return LOST_SECONDS * 1e3
    if arrived_ns < pushed_ns:
        raise RuntimeError("a datagram passed before the follow")
    crowd.ask(station, "POST", "/sign-out")
    return (arrived_ns - pushed_ns) / 1e6


def _rush(store: Store, wechat: WeChat) -> dict[str, object]:
    """How many pushes a second head office answers, each with a grant and its link."""
    [(scene,)] = store.box.records("SELECT poster_url FROM follow_accounts")
    assert scene is not None
    settings = wechat.namespace.home / "settings.json"
    words = [
        sys.executable,
        "-m",
        "tests.bench.callbacks",
        str(settings),
        f"st.{BOXES}",
        str(CALLBACKS),
        str(AT_ONCE),
    ]
    done = subprocess.run(
        wechat.namespace.command(*words), stdout=subprocess.PIPE, text=True, env=environment(), check=True
    )
    rush: dict[str, object] = json.loads(done.stdout)
    return rush


def _figures(milliseconds: list[float]) -> dict[str, object]:
    ordered = sorted(milliseconds)
    return {"median_ms": median(ordered), "p99_ms": percentile(ordered, 99), "samples": len(ordered)}
