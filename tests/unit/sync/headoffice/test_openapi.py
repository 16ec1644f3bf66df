"""The document says what there is."""

import json
from pathlib import Path
from typing import Any

from sync.headoffice.app import make_app
from sync.headoffice.openapi import document
from sync.headoffice.settings import Settings
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.headoffice.tables import TABLES
from tests.clock import FakeClock


async def test_it_has_every_route_for_programs_and_no_other(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "headoffice.db")
    app = make_app(storage, settings=Settings.parse({}), clock=FakeClock())
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in app.router.routes()
        if route.resource
        and route.resource.canonical.startswith(("/v1/", "/platforms/", "/g/", "/healthz", "/metrics"))
    }
    await storage.close()

    expanded = {
        (path.replace("{table}", table), method)
        for path, method in routes
        for table in TABLES
        if method != "head"
    }
    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described == expanded


def test_every_reference_leads_somewhere() -> None:
    described = document()
    references = list(_references(described))
    assert references
    for reference in references:
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for inner in value.values() for found in _references(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _references(inner)]
    return []


def test_it_is_json_and_says_which_fields_are_personal() -> None:
    lead = json.loads(json.dumps(document()))["components"]["schemas"]["Leads"]
    assert "pii" in lead["properties"]["phone"]["description"]
    assert lead["properties"]["phone"]["type"] == ["string", "null"]
    assert lead["properties"]["id"]["type"] == "string"
