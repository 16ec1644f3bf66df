"""No password crosses open WiFi in clear: the owner's pages answer on the owner network or over HTTPS."""

from aiohttp import web

from portal.errors import Handler, Refused
from portal.site import SITE
from portal.where import may_carry_password
from sync.i18n import mark

REASON = mark("The owner's page opens only from the owner's own network, or over HTTPS.")


@web.middleware
async def owner_network_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 with the reason for `/owner` and all below it, from anywhere else."""
    of_the_owner = request.path == "/owner" or request.path.startswith("/owner/")
    if of_the_owner and not may_carry_password(request, request.app[SITE].config):
        raise Refused(403, REASON)
    return await handler(request)
