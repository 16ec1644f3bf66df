"""What every handler works with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netctl.client import GateClient
from portal.codes import Tries
from portal.pages import Pages
from portal.privacy_notice import PrivacyNotice
from portal.seal import Seal
from portal.staff_code import StaffCode
from portal.trace import Trace
from sync.config import Config
from sync.model import Clock
from sync.rate import RateLimit
from sync.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One store's pages and what stands behind them. `privacy_notices`: by language code. `kept_forms`: how
    often forms are kept, `offers`: how often a code to follow with is given out or a follow claimed,
    `code_tries`: how often codes are tried, all by station.
    """

    config: Config
    records: Records
    gate: GateClient
    clock: Clock
    pages: Pages
    portal_url: str
    privacy_notices: Mapping[str, PrivacyNotice]
    seal: Seal
    kept_forms: RateLimit
    offers: RateLimit
    code_tries: Tries
    staff_code: StaffCode
    trace: Trace


SITE: Final = web.AppKey("site", Site)
