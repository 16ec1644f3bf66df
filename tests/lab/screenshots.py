"""`make screenshots`: the pictures of the README, taken by a real browser in a store that lives."""

import sys
from pathlib import Path
from urllib.parse import urljoin

from tests.browser.chromium import Chromium
from tests.lab import private
from tests.lab.demo import OWNER_PASSWORD, SETTINGS
from tests.lab.namespace import Namespace
from tests.lab.shoppers import Shoppers
from tests.lab.store import Store

PICTURES = Path(__file__).parents[1] / "browser" / "pictures"


def main() -> int:
    if not private.inside():
        return private.run_inside([sys.executable, "-m", "tests.lab.screenshots"])
    PICTURES.mkdir(exist_ok=True)
    with Store(private.HOME / "pictures") as store:
        store.open(**SETTINGS)
        store.air.python("on_air", "tests.lab.on_air", "radio", "7").start()
        shoppers = Shoppers(store, seed=7)
        for language in ("en", "zh-CN"):
            _phone(store, language)
        store.box.command("yingke-portal", "password", stdin=OWNER_PASSWORD + "\n")
        store.head_office.wait_for("visits", 12, within_seconds=240)
        _owner(store, store.laptop)
        shoppers.stop()
    return 0


def _phone(store: Store, language: str) -> None:
    phone = store.phone(f"camera-{language.lower()}").join()
    with Chromium(phone.namespace, language=language, scale=2) as browser:
        browser.open("http://news.example/")
        browser.screenshot(PICTURES / f"splash-{language}.png")
        browser.press("a[href^='/register']")
        browser.screenshot(PICTURES / f"register-{language}.png")
    store.gone(phone)


def _owner(store: Store, laptop: Namespace) -> None:
    page = f"http://{store.box.OWNER_ADDRESS}/owner"
    with Chromium(laptop, width=1100, height=900) as browser:
        browser.open(page)
        browser.fill("input[name=password]", OWNER_PASSWORD)
        browser.press("form[action^='/owner/sign-in'] button")
        browser.open(urljoin(page, "/owner"))
        browser.screenshot(PICTURES / "owner.png")


if __name__ == "__main__":
    sys.exit(main())
