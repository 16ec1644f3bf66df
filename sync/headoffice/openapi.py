"""OpenAPI 3.1 of what programs may ask. The tables come from tables.py; a test compares paths and routes."""

from typing import Any

from sync.headoffice.commands import LONGEST_WAIT_SECONDS
from sync.headoffice.follow.described import callback, grant_page, login
from sync.headoffice.honour import LONGEST_CONTACT
from sync.headoffice.openapi_words import content, header, problems, query, venue_id
from sync.headoffice.pull import DEFAULT_LIMIT, MAX_LIMIT
from sync.headoffice.roaming import SENTENCES
from sync.headoffice.tables import BASE, TABLES, Column, Table

_TIME = {"type": "string", "format": "date-time"}
_KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "time": _TIME,
    "count": {"type": "integer", "minimum": 0},
    "integer": {"type": "integer"},
    "histogram": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
}


def document() -> dict[str, Any]:
    """The whole document, made anew."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Yingke head office",
            "version": "1",
            "description": "Stores upload what happened; programs pull it. Ignore keys you do not know.",
        },
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "uploadKey": {"type": "http", "scheme": "bearer", "description": "A store's upload key."},
                "pullKey": {"type": "http", "scheme": "bearer", "description": "A program's pull key."},
            },
            "schemas": {
                "Problem": _problem(),
                "Event": _event(),
                **{table.name.capitalize(): _row(table) for table in TABLES.values()},
            },
        },
    }


def _paths() -> dict[str, Any]:
    pulled = {f"/v1/{table.name}": {"get": _pull(table)} for table in TABLES.values()}
    return {
        "/v1/venues/{venue_id}/events": {"post": _receive()},
        "/v1/venues/{venue_id}/commands": {"get": _commands()},
        "/v1/venues/{venue_id}/roaming": {"post": _honour()},
        **pulled,
        "/v1/openapi.json": {"get": _plain("This document.", "application/json")},
        "/platforms/{platform}/{account}": {
            "get": callback("The platform checks the address, in its own way."),
            "post": callback("A platform tells what people did; signed and answered in its own way."),
        },
        "/platforms/{platform}/{account}/login": {"get": login()},
        "/g/{grant}": {"get": grant_page()},
        "/healthz": {"get": _plain("Whether the head office can work.", "application/json", statuses=(503,))},
        "/metrics": {"get": _plain("Counters, Prometheus text.", "text/plain")},
    }


def _plain(summary: str, content_type: str, statuses: tuple[int, ...] = ()) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {"200": content("It.", content_type, {}), **problems(*statuses)},
    }


def _pull(table: Table) -> dict[str, Any]:
    page = {
        "type": "object",
        "required": ["data", "next_cursor", "has_more"],
        "properties": {
            "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{table.name.capitalize()}"}},
            "next_cursor": {"type": ["string", "null"]},
            "has_more": {"type": "boolean"},
        },
    }
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    since = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1, "default": 0}
    return {
        "summary": table.meaning,
        "security": [{"pullKey": []}],
        "parameters": [
            query("limit", limit, "Most rows of a page."),
            query("cursor", {"type": "string"}, "next_cursor of the page before; wins over since_seq."),
            query("since_seq", since, "Rows behind this seq."),
        ],
        "responses": {
            "200": content("Rows in the order of seq.", "application/json", page),
            **problems(400, 401, 403, 429, 503),
        },
    }


def _receive() -> dict[str, Any]:
    integer, text = {"type": "integer"}, {"type": "string"}
    rejected = {
        "type": "object",
        "required": ["seq", "key", "message"],
        "properties": {"seq": {"type": ["integer", "null"]}, "key": text, "message": text},
    }
    answer = {
        "type": "object",
        "required": ["epoch", "acknowledged", "rejected"],
        "properties": {
            "epoch": {"type": ["string", "null"]},
            "acknowledged": {**integer, "minimum": 0},
            "rejected": {"type": "array", "items": rejected},
        },
    }
    lines = {"type": "string", "description": "One #/components/schemas/Event a line."}
    return {
        "summary": "An upload of a box: every event once. An empty body only says that the box is there.",
        "security": [{"uploadKey": []}],
        "parameters": [
            venue_id(),
            header(
                "Content-Encoding",
                {"type": "string", "enum": ["identity", "gzip", "zstd"]},
                "How it is packed.",
            ),
            header("Yingke-Sent-At", _TIME, "The box's clock."),
            header(
                "Yingke-Clock", {"type": "string", "enum": ["synced", "unsynced"]}, "Whether it is right."
            ),
            header(
                "Yingke-Pending", {"type": "integer", "minimum": 0}, "Events that wait behind this upload."
            ),
        ],
        "requestBody": {"content": {"application/x-ndjson": {"schema": lines}}},
        "responses": {
            "200": content("All up to `acknowledged` is durable.", "application/json", answer),
            **problems(400, 401, 403, 408, 413, 415, 422, 429, 503),
        },
    }


def _commands() -> dict[str, Any]:
    text, seq = {"type": "string"}, {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    command = {
        "type": "object",
        "required": ["seq", "command_id", "kind", "issued_at", "expires_at", "body"],
        "properties": {
            "seq": seq,
            "command_id": text,
            "kind": text,
            "issued_at": _TIME,
            "expires_at": {"type": ["string", "null"], "format": "date-time"},
            "body": {"type": "object"},
        },
    }
    answer = {
        "type": "object",
        "required": ["commands", "after"],
        "properties": {"commands": {"type": "array", "items": command}, "after": seq},
    }
    wait = {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS, "default": 0}
    return {
        "summary": "The ordered log for one box, waited for.",
        "security": [{"uploadKey": []}],
        "parameters": [
            venue_id(),
            query(
                "after",
                {**seq, "default": 0},
                "`after` of the answer before: acknowledges everything up to it.",
            ),
            query("wait", wait, "Seconds to wait while there is nothing."),
        ],
        "responses": {
            "200": content("Commands in their order.", "application/json", answer),
            **problems(400, 401, 403, 429, 503),
        },
    }


def _honour() -> dict[str, Any]:
    text = {"type": "string"}
    wish = {
        "type": "object",
        "required": ["request_id", "code_sha256", "contact"],
        "properties": {
            "request_id": {"type": "string", "pattern": "^[!-~]{1,64}$"},
            "code_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "contact": {
                "type": "string",
                "maxLength": LONGEST_CONTACT,
                "description": "What she registered with: E.164, or an e-mail address in lower case.",
            },
        },
    }
    answer = {
        "type": "object",
        "required": ["grant_id", "session_seconds", "origin_session_id", "lead_id"],
        "properties": {
            "grant_id": {**text, "description": "A `revoke` command names it when the session moves on."},
            "session_seconds": {"type": "integer", "minimum": 0, "description": "What is left of it."},
            "origin_session_id": text,
            "lead_id": text,
        },
    }
    no = content(
        "A no; its key is one of " + ", ".join(SENTENCES) + ".",
        "application/problem+json",
        {"$ref": "#/components/schemas/Problem"},
    )
    return {
        "summary": "Whether a shopper's session of another store of the brand holds at this one.",
        "security": [{"uploadKey": []}],
        "parameters": [venue_id()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": wish}}},
        "responses": {
            "200": content(
                "It holds. The same request_id again is the same grant.", "application/json", answer
            ),
            **problems(401, 403, 413, 422, 429, 503),
            "409": no,
        },
    }


def _row(table: Table) -> dict[str, Any]:
    properties = {column.name: _property(column, nullable=False) for column in BASE}
    properties["deleted"] = {"type": "boolean", "description": "A tombstone: only its ids are left."}
    properties |= {column.name: _property(column, nullable=True) for column in table.columns}
    if table.name == "footfall":
        properties["suppressed"] = {"type": "boolean", "description": "Whether small counts are null."}
    return {
        "type": "object",
        "description": table.meaning,
        "required": list(properties),
        "properties": properties,
    }


def _property(column: Column, *, nullable: bool) -> dict[str, Any]:
    schema = dict(_KINDS[column.kind])
    if nullable:
        schema["type"] = [schema["type"], "null"]
    personal = " Null without the scope pii." if column.personal else ""
    return {**schema, "description": column.meaning + personal}


def _event() -> dict[str, Any]:
    word = {"type": "string", "pattern": "^[!-~]{1,64}$"}
    properties = {
        "epoch": word,
        "seq": {"type": "integer", "minimum": 1},
        "event_id": word,
        "type": word,
        "at": _TIME,
        "clock": {"type": "string", "enum": ["synced", "unsynced"]},
        "boot_id": word,
        "monotonic_ms": {"type": "integer", "minimum": 0},
        "body": {"type": "object"},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    properties = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text, "key": text}
    return {
        "type": "object",
        "description": "RFC 9457; `key` is for programs.",
        "required": list(properties),
        "properties": {**properties, "hint": text},
    }
