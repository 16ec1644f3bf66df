"""What goes wrong between programs: a status and `application/problem+json` (RFC 9457)."""

import http
import json
import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sync.headoffice.storage import StorageUnavailable
from sync.model import new_id

log = logging.getLogger("yingke.headoffice")


class Problem(Exception):
    """An answer that is an error: `key` for programs, `detail` and `hint` for those who write them."""

    def __init__(
        self,
        status: int,
        key: str,
        detail: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        reference: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.key = key
        self.detail = detail
        self.hint = hint
        self.reference = reference
        self.headers = dict(headers or {})

    def as_response(self) -> web.Response:
        body = {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "key": self.key,
        }
        if self.hint:
            body["hint"] = self.hint
        return web.Response(
            status=self.status,
            headers=self.headers,
            content_type="application/problem+json",
            text=json.dumps(body),
        )


def from_failure(error: Exception) -> Problem:
    """Any failure as a problem. What nobody foresaw is logged under the reference that is answered."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, StorageUnavailable):
        log.error("%s", error)
        detail = "the database cannot be used now; nothing of this request was kept"
        return Problem(503, "database_unavailable", detail, headers={"Retry-After": "5"})
    if isinstance(error, ConnectionError | web.RequestPayloadError):
        return Problem(400, "cut_short", "the body ended before its end; nothing of it was kept")
    if isinstance(error, HttpProcessingError):
        return Problem(400, "bad_request", "the request is no valid HTTP")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(413, "too_large", "the body is larger than one request may be")
    if isinstance(error, web.HTTPException):
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        keys = {404: "no_such_address", 405: "method_not_allowed"}
        key = keys.get(error.status, "bad_request")
        return Problem(
            error.status, key, http.HTTPStatus(error.status).description or error.reason, headers=kept
        )
    reference = new_id()
    log.error("failed, reference %s", reference, exc_info=error)
    return Problem(500, "failed", f"this failed here; the log has it under {reference}", reference=reference)
