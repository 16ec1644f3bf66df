"""How the portal and what it needs are, for the box itself."""

from aiohttp import web

from netctl.client import GateRefused, GateUnavailable
from portal.errors import Refused
from portal.owner_state import is_live
from portal.site import SITE, Site
from portal.where import is_own_loopback
from sync.records import RecordsUnavailable, stats, upload_state
from sync.records.upload_state import UploadState


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 and a sentence a part; to everyone else there is no such page."""
    if not is_own_loopback(request):
        raise Refused(404)
    site = request.app[SITE]
    return web.json_response({"portal": "ok"} | await _by_gate(site) | await _by_records(site))


async def _by_gate(site: Site) -> dict[str, str]:
    """The gate, and the internet as it sees it."""
    try:
        health = await site.gate.health()
    except GateUnavailable as error:
        return {"gate": f"unavailable: {error}", "uplink": "unknown"}
    except GateRefused as refusal:
        return {"gate": f"refused: {refusal.message}", "uplink": "unknown"}
    gate = "ok" if health.ok else "; ".join(health.problems)
    return {"gate": gate, "uplink": "ok" if health.uplink else "down"}


async def _by_records(site: Site) -> dict[str, str]:
    """The records, and those who are heard of through them alone."""
    try:
        state = await site.records.read(upload_state.read)
        window = await site.records.read(stats.newest_window)
    except RecordsUnavailable as error:
        return {"records": f"unavailable: {error}", "sensor": "unknown", "sync": "unknown"}
    sensor = "ok" if is_live(window, site.clock.now()) else "silent"
    return {"records": "ok", "sensor": sensor, "sync": _sync(site, state)}


def _sync(site: Site, state: UploadState) -> str:
    if not site.config.sync.head_office_url:
        return "no head office is set"
    if state.last_error:
        return state.last_error
    return "ok" if state.last_success_at else "nothing sent yet"
