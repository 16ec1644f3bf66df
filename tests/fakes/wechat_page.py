"""WeChat on somebody's phone, as one web page: follow, scan a poster, write; and what the account says."""

import html
import re
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tests.fakes.wechat import FakeWeChat

_YOU: Final = "oYou5Kd5ggOCbXrbNODIiE3bGYd"
_LINK: Final = re.compile(r"&lt;a href=&quot;(https?://[^&\s]+)&quot;&gt;(.*?)&lt;/a&gt;")
_KEPT: Final = 20

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>WeChat, played</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 1rem auto; padding: 0 1rem }}
body {{ background: #ededed; color: #191919 }} input {{ flex: 1; font: inherit; padding: .5rem }}
form {{ display: flex; flex-wrap: wrap; gap: .5rem; margin: .5rem 0 }}
button {{ font: inherit; padding: .5rem .75rem }}
p {{ white-space: pre-line; padding: .5rem .75rem; border-radius: 6px; background: #fff }}
.you {{ background: #95ec69; margin-left: 20% }}</style></head><body>
<h1>WeChat, played</h1>
<div>You {follows} the account of the store. Your phone has mobile data here.</div>
<form method="post"><button name="does" value="{toggle}">{toggle}</button>
<button name="does" value="scan">scan the poster</button>
<button name="does" value="menu">menu: WiFi</button></form>
<form method="post"><input name="text" placeholder="the six digits of the page" autofocus>
<button name="does" value="say">send</button></form>{said}</body></html>
"""


@dataclass(slots=True, kw_only=True)
class Phone:
    """Everybody who opens the page is the same person."""

    fake: FakeWeChat
    _said: list[tuple[str, str]] = field(default_factory=list)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/", self._show)
        app.router.add_post("/", self._act)

    async def _show(self, _: web.Request) -> web.Response:
        follows = _YOU in self.fake.followers
        said = "".join(f'<p class="{who}">{_shown(text)}</p>' for who, text in reversed(self._said))
        page = _PAGE.format(
            follows="follow" if follows else "do not follow",
            toggle="unfollow" if follows else "follow",
            said=said,
        )
        return web.Response(text=page, content_type="text/html")

    async def _act(self, request: web.Request) -> web.Response:
        form = await request.post()
        does, text = str(form.get("does", "")), str(form.get("text", ""))
        match does:
            case "follow":
                read = await self.fake.follow(_YOU)
            case "unfollow":
                read = await self.fake.unfollow(_YOU)
            case "scan":
                read = await self.fake.scan(_YOU, self.fake.poster())
            case "menu":
                read = await self.fake.menu(_YOU)
            case _:
                read = await self.fake.say(_YOU, text)
        self._said.append(("you", text or does))
        if read.out_of_order:
            self._said.append(("platform", "The account is out of order, please try again later."))
        elif read.text is not None:
            self._said.append(("account", read.text))
        del self._said[:-_KEPT]
        raise web.HTTPSeeOther("/")


def _shown(text: str) -> str:
    """WeChat shows a link in a message as words to tap; anything else is text."""
    return _LINK.sub(r'<a href="\1">\2</a>', html.escape(text))
