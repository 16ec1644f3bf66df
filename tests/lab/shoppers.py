"""Shoppers who come and go by themselves: they join, look around or register, browse, and leave."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.lab.namespace import Failed
from tests.lab.store import Store
from tests.lab.web import NoAnswer

_NAMES = [
    "王小明",
    "李静",
    "张伟",
    "刘洋",
    "陈思",
    "杨帆",
    "Ada",
    "Anna",
    "Tom",
    "Mei",
    "孙丽",
    "吴迪",
    "Ken",
    "Yuki",
]
_PAGES = ["http://news.example/", "http://maps.example/way", "http://shop.example/bytes/200000"]


class Shoppers:
    """`at_once` phones at a time, each with a life of its own, until `stop`."""

    def __init__(self, store: Store, seed: int, at_once: int = 6) -> None:
        self._store = store
        self._chance = random.Random(seed)
        self._stopped = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._numbers = iter(range(1, 10**6))
        self._lives = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="shopper")
        for place in range(at_once):
            self._lives.submit(self._place, place)

    def stop(self) -> None:
        self._stopped.set()
        self._lives.shutdown(wait=True, cancel_futures=True)

    def _place(self, place: int) -> None:
        """One shopper after the other on one of the chairs."""
        self._stopped.wait(place * 2.0)
        while not self._stopped.is_set():
            try:
                self._visit()
            except (Failed, NoAnswer, StopIteration, TimeoutError) as trouble:
                if not self._stopped.is_set():
                    print(f"A shopper gave up: {trouble}", flush=True)
            self._stopped.wait(self._chance.uniform(1, 8))

    def _visit(self) -> None:
        with self._one_at_a_time:
            number = next(self._numbers)
            name = self._chance.choice(_NAMES)
            phone = self._store.phone(f"shopper{number}")
        try:
            phone.join()
            phone.open_portal()
            self._stopped.wait(self._chance.uniform(0.5, 3))
            if self._chance.random() < 0.8:
                contact = (
                    {"phone": f"138{number:08d}"} if number % 3 else {"email": f"guest{number}@example.com"}
                )
                opt_in = {"marketing": "yes"} if self._chance.random() < 0.5 else {}
                phone.register(name=name, terms="yes", **contact, **opt_in)
                for _ in range(self._chance.randint(1, 4)):
                    if not self._stopped.is_set():
                        phone.get(self._chance.choice(_PAGES))
                        self._stopped.wait(self._chance.uniform(1, 6))
            self._stopped.wait(self._chance.uniform(5, 40))
            phone.leave()
        finally:
            with self._one_at_a_time:
                self._store.gone(phone)
