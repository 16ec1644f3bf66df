"""What the description of every request is made of (OpenAPI 3.1)."""

from typing import Any


def problems(*statuses: int) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    return {str(status): content("A problem.", "application/problem+json", problem) for status in statuses}


def content(description: str, content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def header(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def venue_id() -> dict[str, Any]:
    return path("venue_id", {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"})


def account() -> dict[str, Any]:
    return path("account", {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"})
