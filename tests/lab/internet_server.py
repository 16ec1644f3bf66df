"""The web server of the virtual internet: answers the phones' connectivity checks as the real ones do
(the hosts' documented answers), any other host with a page, and datagrams to port 443 with an echo.
"""

import asyncio
from typing import cast

from aiohttp import web

from netctl.lan.connectivity_checks import find
from sync.process import notify_ready
from tests.lab.internet import MENU, WEB_IPV4, WEB_IPV6, addresses_of

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{host}</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>Welcome to the internet</h1><p id="host">{host}</p>
<p id="from">You come from {peer}.</p></body></html>
"""

_SOMETHING = "<!doctype html><title>Hello</title>"


async def answer(request: web.Request) -> web.Response:
    check = find(request.url.host or "", request.path)
    if check is not None:
        kind = "text/plain" if request.path.endswith(".txt") else "text/html"
        right = check.answers[0]
        status, body = right.status or 200, right.body if right.body is not None else _SOMETHING
        return web.Response(status=status, text=body or None, content_type=kind, headers=right.headers)
    if request.path.startswith("/bytes/"):
        return web.Response(body=bytes(int(request.path.removeprefix("/bytes/"))))
    page = _PAGE.format(host=request.url.host, peer=request.remote)
    return web.Response(text=page, content_type="text/html")


class Echo(asyncio.DatagramProtocol):
    """Stands for QUIC: what arrives goes back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)


async def main() -> None:
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    for port in (80, 443):
        await web.TCPSite(runner, "::", port).start()
        await web.TCPSite(runner, "0.0.0.0", port).start()
    loop = asyncio.get_running_loop()
    for address in (WEB_IPV4, WEB_IPV6, *addresses_of(MENU, 1)):
        await loop.create_datagram_endpoint(Echo, local_addr=(address, 443))
    notify_ready()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
