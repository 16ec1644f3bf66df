"""By whose badge she came: `?staff=` in our addresses, as it was scanned, carried along from page to page."""

from aiohttp import web

from portal.pages import BADGE
from portal.site import SITE
from sync.records import RecordsUnavailable, follow_staff


async def staff_ref(request: web.Request) -> str | None:
    """None: nobody's, or nobody's who works here. What it is good for waits for no records."""
    said = request.query.get("staff", "")
    if not BADGE.fullmatch(said):
        return None
    try:
        works_here = await request.app[SITE].records.read(follow_staff.is_member, said)
    except RecordsUnavailable:
        return None
    return said if works_here else None
