"""`yingke-portal`: serve the pages, set the owner's password, print a poster, make vouchers."""

import argparse
import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from netctl.client import GateClient
from portal.app import make_app
from portal.connection import Connection
from portal.intercept import serve_interceptor
from portal.listen import bind, bind_everywhere, passed_sockets, port_of, reset_everybody
from portal.owner_password import set_password
from portal.owner_vouchers import BEFOREHAND, MOST, check, print_vouchers
from portal.pages import LogoUnusable
from portal.patience import PATIENCE
from portal.poster import poster, with_a_qr
from portal.site import SITE
from portal.where import portal_url
from sync.config import DEFAULT_PATH, Config, ConfigErrors, load
from sync.model import SystemClock
from sync.process import ProcessFailed, notify_ready, started
from sync.process import main as run_process
from sync.records import RecordsUnavailable, follow, open_records, outbox
from sync.records.ages import keep_burying
from sync.records.follow import FollowAccount

HTTPS_PORT: Final = 443
_VOUCHER_OPTIONS: Final = {
    "count": "how many",
    "minutes": "how long each admits",
    "uses": "how often each can be used",
    "days": "for how many days they are good",
}
LAST_ANSWERS_SECONDS: Final = 3.0
BACKLOG: Final = 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit codes: 0 done, 1 failed, 2 wrong settings or usage."""
    parser = argparse.ArgumentParser(prog="yingke-portal", description="The pages of a store's free WiFi.")
    parser.add_argument(
        "command",
        nargs="?",
        choices=("serve", "password", "poster", "vouchers"),
        default="serve",
        help="serve the pages (the default); set the owner's password, read from standard input; print"
        " a poster with the WiFi's QR code, and that to follow, as an HTML page; or make vouchers and print"
        " a code a line",
    )
    for name, text in _VOUCHER_OPTIONS.items():
        parser.add_argument(
            f"--{name}",
            default=BEFOREHAND[name],
            metavar="N",
            help=f"vouchers: {text} (default: %(default)s)",
        )
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the settings (default: %(default)s)",
    )
    asked = parser.parse_args(arguments)
    try:
        config = load(asked.config)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return 2
    if asked.command == "password":
        return set_password(config, sys.stdin)
    if asked.command == "poster":
        return _print_poster(config)
    if asked.command == "vouchers":
        return _make_vouchers(config, {name: getattr(asked, name) for name in _VOUCHER_OPTIONS})
    return run_process(run, config)


def _make_vouchers(config: Config, typed: Mapping[str, str]) -> int:
    wanted, wrong = check(typed)
    if wanted is None:
        for name in wrong:
            print(f"--{name} must be a whole number from 1 to {MOST[name]}", file=sys.stderr)
        return 2
    return asyncio.run(print_vouchers(config, wanted))


def _print_poster(config: Config) -> int:
    try:
        print(poster(config, asyncio.run(_followed_on_posters(config))))
    except LogoUnusable as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _followed_on_posters(config: Config) -> FollowAccount | None:
    """A poster is printed on any machine that has the settings; without the records it has the WiFi alone."""
    path = config.venue.data_dir / "records.db"
    if not path.exists():
        return None
    try:
        records = await open_records(path, "portal")
        try:
            return with_a_qr(await records.read(follow.accounts))
        finally:
            await records.close()
    except RecordsUnavailable as error:
        print(f"without the QR to follow: {error}", file=sys.stderr)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Where pages and interceptor answer. `tls` without a certificate: whoever comes there is reset."""

    plain: list[socket.socket]
    tls: list[socket.socket]
    intercept: list[socket.socket]


async def run(config: Config) -> None:
    """Pages and interceptor, until cancelled. Raises ProcessFailed."""
    clock = SystemClock()
    certificate = _certificate(config)
    sockets = sort_sockets(passed_sockets(os.environ, os.getpid()) or _own_sockets(config), config)
    try:
        records = await open_records(config.venue.data_dir / "records.db", "portal")
    except RecordsUnavailable as error:
        raise ProcessFailed(str(error)) from error
    try:
        app = make_app(config, records, GateClient(config.venue.run_dir / "gate.sock"), clock)
        await _serve(app, sockets, certificate, portal_url(config))
    except (OSError, ValueError, LogoUnusable, RecordsUnavailable) as error:
        raise ProcessFailed(f"the pages cannot be served: {error}") from error
    finally:
        await records.close()


async def _serve(
    app: web.Application, sockets: Sockets, certificate: ssl.SSLContext | None, url: str
) -> None:
    site = app[SITE]
    await site.records.write(outbox.append, started("portal", site.clock))
    runner = web.AppRunner(app, shutdown_timeout=LAST_ANSWERS_SECONDS)
    await runner.setup()
    try:
        loop, answering = asyncio.get_running_loop(), runner.server
        assert answering is not None
        answer = app[PATIENCE].with_new(lambda: Connection(answering, site.pages, loop))
        async with AsyncExitStack() as open_servers, asyncio.TaskGroup() as tasks:
            for listening in () if certificate else sockets.tls:
                tasks.create_task(reset_everybody(listening))
            for listening in (*sockets.plain, *(sockets.tls if certificate else ())):
                tls = certificate if listening in sockets.tls else None
                server = await loop.create_server(answer, sock=listening, backlog=BACKLOG, ssl=tls)
                open_servers.callback(server.close)
            tasks.create_task(app[PATIENCE].watch())
            tasks.create_task(keep_burying(site.records, "portal", site.config.privacy, site.clock))
            for listening in sockets.intercept:
                tasks.create_task(serve_interceptor(listening, url, trace=site.trace))
            tasks.create_task(site.trace.keep_telling(site.gate.seen))
            notify_ready(f"pages at {url}")
    finally:
        await runner.cleanup()


def sort_sockets(sockets: Sequence[socket.socket], config: Config) -> Sockets:
    """Each to its work, by its port. Raises ProcessFailed when nothing would answer captive phones."""
    sorted_out = Sockets(plain=[], tls=[], intercept=[])
    for one in sockets:
        if port_of(one) == config.portal.intercept_port:
            sorted_out.intercept.append(one)
        elif port_of(one) == HTTPS_PORT:
            sorted_out.tls.append(one)
        else:
            sorted_out.plain.append(one)
    if not sorted_out.intercept:
        raise ProcessFailed(
            f"no socket has port {config.portal.intercept_port}, where the gate sends captive phones:"
            " make portal.intercept_port and yingke-portal.socket agree"
        )
    return sorted_out


def _own_sockets(config: Config) -> list[socket.socket]:
    """Those of the settings, and with a certificate port 443: there phones are sent."""
    sockets = [*map(bind, config.portal.listen), bind_everywhere(config.portal.intercept_port)]
    if config.portal.certificate and HTTPS_PORT not in map(port_of, sockets):
        sockets.append(bind_everywhere(HTTPS_PORT))
    return sockets


def _certificate(config: Config) -> ssl.SSLContext | None:
    if not config.portal.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.portal.certificate, config.portal.certificate_key)
    except OSError as error:
        files = f"{config.portal.certificate}, {config.portal.certificate_key}"
        remedy = ": they must be readable by yingke-portal" if isinstance(error, PermissionError) else ""
        raise ProcessFailed(f"portal.certificate ({files}) cannot be used: {error}{remedy}") from error
    return context
