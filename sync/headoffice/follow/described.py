"""OpenAPI of the platforms' callbacks and of the page behind a grant's link."""

from typing import Any

from sync.headoffice.follow.accounts import VERIFIED
from sync.headoffice.openapi_words import account, content, path, problems, query


def callback(summary: str) -> dict[str, Any]:
    platform = {"type": "string", "enum": list(VERIFIED)}
    return {
        "summary": summary,
        "parameters": [path("platform", platform), account()],
        "responses": {
            "200": {"description": "As the platform's documents want it."},
            "403": {"description": "Not signed by the platform, or for another account."},
            "413": {"description": "Larger than anything the platform sends."},
            **problems(400, 404, 503),
        },
    }


def login() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "summary": "Leads to the platform's login, on LINE with the friendship asked for, and back from it.",
        "parameters": [
            path("platform", {"type": "string", "enum": ["line", "kakao"]}),
            account(),
            query("scene", text, "What the code stands for; begins a login."),
            query("state", text, "From the platform: which login this is the end of."),
            query("code", text, "From the platform."),
        ],
        "responses": {
            "200": {"description": "What came of it, as text for her."},
            "303": {"description": "To the platform, or to her grant's link."},
            **problems(400, 403, 404, 503),
        },
    }


def grant_page() -> dict[str, Any]:
    grant = {"type": "string", "pattern": "^[A-Za-z0-9_-]{56}$"}
    return {
        "summary": "A grant's link opened away from the store's WiFi: a page that says to join it.",
        "parameters": [path("grant", grant)],
        "responses": {
            "200": content("The page, with the code.", "text/html", {}),
            "404": content("A page: no link of ours.", "text/html", {}),
            "410": content("A page: used, or too old.", "text/html", {}),
        },
    }
