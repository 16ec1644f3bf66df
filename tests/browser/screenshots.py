"""Takes the pictures of the README: real pages of a running portal, in a real browser, of a made-up day.

`python -m tests.browser.screenshots` renews them; `--look FOLDER` takes every page in both languages and both
colour schemes instead, for whoever works on how they look.
"""

import argparse
import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.browser.chromium import Chromium
from tests.browser.made_up_store import PASSWORD, Addresses, open_store

PICTURES = Path(__file__).parent / "pictures"
_SHRINK = 0.62
_GAP = 24
_GROUND = f"""<!doctype html><style>
body {{ margin: {_GAP}px; display: flex; gap: {_GAP}px; background: #dfe5e2 }}
img {{ height: {844 * _SHRINK}px; border-radius: 14px }}
</style>"""
PHONE = (390, 844)
LAPTOP = (1280, 800)


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This machine, for a browser that needs no namespace."""

    home: Path

    def command(self, *command: str) -> list[str]:
        return list(command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One page on one screen. `path` is opened after signing in, when it is the owner's."""

    name: str
    path: str
    size: tuple[int, int] = PHONE
    kind: str = "busy"
    language: str = "en"
    dark: bool = False
    whole_page: bool = False
    scale: float = 1


README = [
    Picture(name="splash", path="/"),
    Picture(name="owner", path="/owner?still=1", size=(1280, 844)),
]


def every_look() -> list[Picture]:
    found = []
    for language, dark in (("en", False), ("en", True), ("zh-CN", False), ("zh-CN", True)):
        look = f"{language}-{'dark' if dark else 'light'}"
        for screen, size in (("phone", PHONE), ("laptop", LAPTOP)):
            for kind in ("busy", "new", "trouble", "no_radio"):
                name = f"{kind}-{screen}-{look}"
                found.append(_look(name, "/owner?still=1", size, kind, language, dark=dark))
            for page in ("sign-in", "password", "stations", "vouchers", "staff", "staff/mei"):
                name = f"{page.replace('/', '-')}-{screen}-{look}"
                found.append(_look(name, f"/owner/{page}", size, "busy", language, dark=dark))
            for page in ("", "register", "voucher", "quota", "expired"):
                name = f"{page or 'splash'}-{screen}-{look}"
                found.append(_look(name, f"/{page}", size, "new", language, dark=dark))
            for kind, page in (
                ("busy", ""),
                ("busy", "follow/wechat"),
                ("busy", "follow/facebook"),
                ("follow_pass", "follow/wechat"),
                ("follow_pass", "follow/line"),
                ("busy", "g/no-link-of-ours"),
            ):
                name = f"{kind}-{page.replace('/', '-') or 'follow-splash'}-{screen}-{look}"
                found.append(_look(name, f"/{page}", size, kind, language, dark=dark))
    return found


def _look(name: str, path: str, size: tuple[int, int], kind: str, language: str, *, dark: bool) -> Picture:
    return Picture(name=name, path=path, size=size, kind=kind, language=language, dark=dark, whole_page=True)


def shoot(picture: Picture, store: Addresses, machine: Here, into: Path) -> None:
    """Opens the page as its reader would and keeps what the screen shows."""
    width, height = picture.size
    browser = Chromium(
        machine,
        language=picture.language,
        javascript=False,
        width=width,
        height=height,
        scale=picture.scale,
        dark=picture.dark,
    )
    with browser:
        is_owners = picture.path.startswith("/owner")
        if is_owners and picture.path != "/owner/sign-in":
            # Who signs in for each picture anew is taken for somebody who guesses.
            store.clock.uptime_seconds += 20
            browser.open(f"{store.owner}/owner/sign-in")
            browser.fill("#password", PASSWORD)
            browser.press("main button")
        browser.open((store.owner if is_owners else store.guests) + picture.path)
        browser.screenshot(into / f"{picture.name}.png", whole_page=picture.whole_page)


def lay_side_by_side(pictures: list[Picture], folder: Path, into: Path) -> None:
    """One picture of all: each on its own sheet, on a ground that suits light and dark READMEs."""
    images = "".join(f'<img src="{picture.name}.png">' for picture in pictures)
    sheet = folder / "readme.html"
    sheet.write_text(_GROUND + images)
    width = sum(picture.size[0] for picture in pictures) * _SHRINK + _GAP * (len(pictures) + 1)
    height = max(picture.size[1] for picture in pictures) * _SHRINK + 2 * _GAP
    into.parent.mkdir(exist_ok=True)
    with Chromium(Here(home=folder), width=round(width), height=round(height)) as browser:
        browser.open(sheet.as_uri())
        browser.screenshot(into)
    print(into)


async def take(pictures: list[Picture], into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    for kind in dict.fromkeys(picture.kind for picture in pictures):
        with tempfile.TemporaryDirectory() as folder:
            async with open_store(Path(folder), kind=kind) as store:
                for picture in pictures:
                    if picture.kind == kind:
                        await asyncio.to_thread(shoot, picture, store, Here(home=Path(folder)), into)
                        print(into / f"{picture.name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--look", type=Path, metavar="FOLDER", help="every page in every look, into FOLDER")
    parser.add_argument("--only", default="", metavar="WORD", help="with --look: names that hold WORD")
    arguments = parser.parse_args()
    if arguments.look:
        pictures = [picture for picture in every_look() if arguments.only in picture.name]
        asyncio.run(take(pictures, arguments.look))
    else:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(take(README, Path(folder)))
            lay_side_by_side(README, Path(folder), PICTURES / "readme.png")


if __name__ == "__main__":
    main()
