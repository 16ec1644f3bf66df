"""Any failure -> a page with its status, one sentence and a reference that stands in the log too."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from netctl.client import GateUnavailable
from portal.pages import Pages
from portal.site import SITE
from sync.i18n import mark
from sync.records import RecordsUnavailable

log = logging.getLogger("yingke.portal")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Without the letters and digits that are misread aloud: a shopper may have to read it to someone.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

LOOK_AGAIN_SECONDS: Final = 3
"""A gate that is silent is back in a moment: systemd starts it again."""

SENTENCES: Final = {
    400: mark("Your browser sent something we cannot read. Please go back and try again."),
    403: mark("This page cannot be opened from here."),
    404: mark("There is no such page here."),
    405: mark("This page cannot be used like that."),
    408: mark("Your message took too long to arrive. Please try again."),
    409: mark("That is not possible right now. Please start again."),
    413: mark("That was too much text for this form. Please shorten it."),
    429: mark("That was too often. Please wait a moment and try again."),
    500: mark("Something went wrong on our side. Please try again in a moment."),
    503: mark("The WiFi is starting up. Please try again in a moment."),
}


class Refused(Exception):
    """A handler's no, with a sentence for the shopper (marked for translation)."""

    def __init__(
        self, status: int, sentence: str = "", *, detail: str = "", retry_after_seconds: int = 0
    ) -> None:
        super().__init__(detail or sentence)
        self.status = status
        self.sentence = sentence
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


@web.middleware
async def errors_become_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: nothing that goes wrong behind it reaches a shopper as a bare line of text."""
    pages, name = request.app[SITE].pages, _name_of(request)
    try:
        return await handler(request)
    except Refused as refused:
        return error_page(pages, request, refused, name=name)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        no = Refused(answer.status, detail=answer.reason)
        return error_page(pages, request, no, name=name, headers=_allow(answer))
    except web.RequestPayloadError as error:
        return error_page(pages, request, Refused(400, detail=type(error).__name__), name=name)
    except GateUnavailable as error:
        no = Refused(503, detail=str(error), retry_after_seconds=LOOK_AGAIN_SECONDS)
        return error_page(pages, request, no, name=name)
    except RecordsUnavailable as error:
        return error_page(pages, request, Refused(503, detail=str(error)), name=name)
    except Exception as error:
        no = Refused(500, detail=type(error).__name__)
        return error_page(pages, request, no, name=name, error=error)


def error_page(
    pages: Pages,
    request: web.BaseRequest,
    refused: Refused,
    *,
    name: str,
    headers: Mapping[str, str] | None = None,
    error: BaseException | None = None,
) -> web.Response:
    """The page for a failure of the request called `name`, and the log line with the same reference."""
    reference = new_reference()
    # Neither address nor path nor form: what a shopper types or asks for is hers.
    log.log(
        logging.ERROR if refused.status >= 500 else logging.INFO,
        "%s %s: %d %s",
        reference,
        name,
        refused.status,
        refused.detail or refused.sentence,
        exc_info=error,
    )
    headers = dict(headers or {})
    if refused.retry_after_seconds:
        headers["Retry-After"] = str(refused.retry_after_seconds)
    return pages.render(
        request,
        "error.html",
        status=refused.status,
        headers=headers,
        sentence=refused.sentence or SENTENCES.get(refused.status, SENTENCES[500]),
        reference=reference,
    )


def new_reference() -> str:
    """Eight characters in two groups, easy to read out."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _name_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method if resource else 'request'} {resource.canonical if resource else 'no such page'}"


def _allow(answer: web.HTTPException) -> dict[str, str]:
    """405 must say what is allowed (RFC 9110 section 15.5.6)."""
    return {"Allow": answer.headers["Allow"]} if "Allow" in answer.headers else {}
