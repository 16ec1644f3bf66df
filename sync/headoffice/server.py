"""Serving the head office: plain HTTP on one address, behind a reverse proxy or on loopback."""

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiohttp import web

from sync.headoffice.app import make_app
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.headoffice.storage import Storage, StorageUnavailable
from sync.model import Clock, SystemClock
from sync.process import ProcessFailed, notify_ready
from sync.setting import is_listen

log = logging.getLogger("yingke.headoffice")
# aiohttp's own words on a broken request name the address it came from, and an address is personal.
_silent = logging.getLogger("yingke.headoffice.http")
_silent.setLevel(logging.CRITICAL)
_CHECKPOINT_SECONDS = 5
_PURGE_SECONDS = 3600
# Long polls end on shutdown by themselves; whoever still talks gets a little time.
_SHUTDOWN_SECONDS = 5


class BadAddress(Exception):
    """A database or an address to listen on that cannot be understood; the text says what can."""


def database_path(database: str) -> Path:
    """`sqlite:///FILE` as a path (three slashes: relative, four: absolute). Raises BadAddress."""
    parts = urlsplit(database)
    if parts.scheme in ("postgresql", "postgres"):
        raise BadAddress("PostgreSQL is not served by this version: give --database sqlite:///FILE.")
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        raise BadAddress(f"{database!r} is no database: write it like sqlite:////var/lib/headoffice.db")
    return Path(unquote(parts.path[1:]))


def host_and_port(listen: str) -> tuple[str, int]:
    """Raises BadAddress."""
    if not is_listen(listen):
        raise BadAddress(f"{listen!r} is no address to listen on: write it like 127.0.0.1:8443")
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.asynccontextmanager
async def serving(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves while inside; gives the base URL. Port 0 takes a free one. Raises OSError."""
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_silent,
        handle_signals=False,
        # Bodies are unpacked by decode.py, which stops at a bound.
        auto_decompress=False,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=4096).start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


async def run(settings: Settings) -> None:
    """The head office until it is cancelled. Raises ProcessFailed with the reason and the remedy."""
    try:
        path, (host, port) = database_path(settings.server.database), host_and_port(settings.server.listen)
        storage = await asyncio.to_thread(SqliteStorage, path)
    except (BadAddress, StorageUnavailable) as error:
        raise ProcessFailed(str(error)) from None
    clock = SystemClock()
    try:
        async with serving(make_app(storage, settings=settings, clock=clock), host, port) as url:
            log.info("head office answers at %s, database %s", url, path)
            notify_ready(f"answers at {url}")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_checkpoint(storage))
                tasks.create_task(_purge(storage, settings, clock))
    except OSError as error:
        raise ProcessFailed(_why_not(settings.server.listen, error)) from None
    finally:
        await storage.close()


def _why_not(listen: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{listen} is in use by another program: end it, or give --listen another port"
    if error.errno == errno.EACCES:
        return f"{listen} may not be opened by this user: give --listen a port above 1023"
    return f"{listen} cannot be listened on: {error.strerror or error}"


async def _checkpoint(storage: SqliteStorage) -> None:
    while True:
        await asyncio.sleep(_CHECKPOINT_SECONDS)
        await storage.checkpoint()


async def _purge(storage: Storage, settings: Settings, clock: Clock) -> None:
    """Lets what has reached its age die."""
    while True:
        now = clock.now()
        try:
            died = await storage.purge(
                now - timedelta(days=settings.retention.event_days),
                now - timedelta(days=settings.retention.rejected_days),
                now,
            ) + await storage.follow.purge(now)
            if died:
                log.info("%d rows have reached their age", died)
        except StorageUnavailable as error:
            log.error("%s", error)
        await asyncio.sleep(_PURGE_SECONDS)
