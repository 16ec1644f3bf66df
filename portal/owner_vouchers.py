"""Today's staff code, and vouchers: made, listed, printed, withdrawn."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from portal.codes import shown
from portal.endings import words_of
from portal.errors import Refused
from portal.owner_door import SignedIn
from portal.owner_sign_in import SHEETS, refuse_forged
from portal.pages import see_other
from portal.posted import read_fields
from portal.site import SITE
from sync.config import Config
from sync.model import Clock, SystemClock
from sync.records import Records, RecordsUnavailable, open_records, vouchers
from sync.records.vouchers import MOST_AT_ONCE

MOST_MINUTES: Final = 43_200
MOST_USES: Final = 100
MOST_DAYS: Final = 365
_BATCH: Final = re.compile(r"[0-9A-Z]{26}")
MOST: Final = {"count": MOST_AT_ONCE, "minutes": MOST_MINUTES, "uses": MOST_USES, "days": MOST_DAYS}
BEFOREHAND: Final = {"count": "20", "minutes": "120", "uses": "1", "days": "30"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Vouchers to be made, each good `uses` times for `minutes`, within `days`."""

    count: int
    minutes: int
    uses: int = 1
    days: int = 30


def check(typed: Mapping[str, str]) -> tuple[Wanted | None, list[str]]:
    """What the owner typed -> what is wanted, or the names of the wrong fields. Pure."""
    read = {name: _number(typed.get(name, ""), most) for name, most in MOST.items()}
    wrong = [name for name, number in read.items() if number is None]
    if wrong:
        return None, wrong
    return Wanted(**{name: number for name, number in read.items() if number is not None}), []


def _number(text: str, most: int) -> int | None:
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) <= len(str(most))):
        return None
    return int(plain) if 1 <= int(plain) <= most else None


async def make(records: Records, wanted: Wanted, clock: Clock) -> str:
    """The id of the new batch. Raises RecordsUnavailable."""
    return await records.write(
        vouchers.make,
        count=wanted.count,
        session_seconds=wanted.minutes * 60,
        uses=wanted.uses,
        expires_at=clock.now() + timedelta(days=wanted.days),
        clock=clock,
    )


async def vouchers_page(request: web.Request, signed_in: SignedIn) -> web.Response:
    """GET /owner/vouchers."""
    return await _show(request, signed_in, BEFOREHAND)


async def make_vouchers(request: web.Request, signed_in: SignedIn) -> web.Response:
    """POST /owner/vouchers: 303 to the sheet, or 422 with a sentence at each wrong field."""
    site = request.app[SITE]
    typed = await read_fields(request)
    refuse_forged(request, typed, signed_in)
    wanted, wrong = check(typed)
    if wanted is None:
        return await _show(request, signed_in, typed, status=422, wrong=wrong)
    return see_other(request, f"/owner/vouchers/{await make(site.records, wanted, site.clock)}")


async def sheet(request: web.Request, signed_in: SignedIn) -> web.Response:
    """GET /owner/vouchers/{batch_id}: a sheet to print and cut up."""
    site = request.app[SITE]
    batch_id = _batch_id(request)
    batches = await site.records.read(vouchers.batches)
    batch = next((each for each in batches if each.batch_id == batch_id), None)
    if batch is None:
        raise Refused(404)
    codes = await site.records.read(vouchers.of_batch, batch_id)
    return site.pages.render(
        request,
        "owner/sheet.html",
        sheets=SHEETS,
        words=words_of(request),
        batch=batch,
        vouchers=[(shown(voucher.code), voucher.uses_left) for voucher in codes],
        ssid=site.config.wifi.ssid,
        form_token=signed_in.form_token,
    )


async def withdraw(request: web.Request, signed_in: SignedIn) -> web.Response:
    """POST /owner/vouchers/{batch_id}/withdraw: none of them is good any more."""
    refuse_forged(request, await read_fields(request), signed_in)
    await request.app[SITE].records.write(vouchers.withdraw, _batch_id(request))
    return see_other(request, "/owner/vouchers", withdrawn="yes")


def _batch_id(request: web.Request) -> str:
    batch_id = request.match_info["batch_id"]
    if not _BATCH.fullmatch(batch_id):
        raise Refused(404)
    return batch_id


async def _show(
    request: web.Request,
    signed_in: SignedIn,
    typed: Mapping[str, str],
    *,
    status: int = 200,
    wrong: list[str] | None = None,
) -> web.Response:
    site = request.app[SITE]
    return site.pages.render(
        request,
        "owner/vouchers.html",
        status=status,
        sheets=SHEETS,
        words=words_of(request),
        staff_code=site.staff_code.today(),
        is_sure=site.staff_code.is_sure(),
        staff_minutes=site.config.limits.staff_minutes,
        batches=await site.records.read(vouchers.batches),
        now=site.clock.now(),
        given={name: typed.get(name, "")[:10] for name in MOST},
        most=MOST,
        wrong=wrong or [],
        form_token=signed_in.form_token,
        withdrawn=request.query.get("withdrawn") == "yes",
    )


async def print_vouchers(config: Config, wanted: Wanted) -> int:
    """`yingke-portal vouchers`: makes them and prints a code a line. Returns the exit code."""
    try:
        records = await open_records(config.venue.data_dir / "records.db", "portal")
    except RecordsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    try:
        batch_id = await make(records, wanted, SystemClock())
        codes = await records.read(vouchers.of_batch, batch_id)
    except RecordsUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        await records.close()
    print("\n".join(shown(voucher.code) for voucher in codes))
    return 0
