"""What the routes of the head office share: storage, clock, settings and what they count."""

from dataclasses import dataclass

from aiohttp import web

from sync.headoffice.bell import Bell
from sync.headoffice.follow.news import News
from sync.headoffice.metrics import Metrics
from sync.headoffice.settings import Settings
from sync.headoffice.storage import Storage
from sync.model import Clock
from sync.rate import RateLimit, Turnstile


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Made once for each application."""

    storage: Storage
    clock: Clock
    settings: Settings
    metrics: Metrics
    bell: Bell
    requests: RateLimit
    uploads: Turnstile
    tries_of_code: RateLimit
    tries_of_venue: RateLimit
    follow_news: News


PARTS = web.AppKey("parts", Parts)
# The key a request came with, for the access log.
KEY_ID = web.RequestKey("key_id", str)
