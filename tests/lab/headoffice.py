"""Head office, on a machine of its own beyond the internet, and the data team that pulls from it."""

import json
from pathlib import Path
from typing import Any

from tests.lab.box import product
from tests.lab.internet import HEAD_OFFICE
from tests.lab.namespace import Namespace
from tests.lab.waiting import until
from tests.lab.web import fetch

Row = dict[str, Any]


class HeadOffice:
    """Runs on SQLite. `pull` is what a data team does: page after page with a read key."""

    def __init__(self, home: Path) -> None:
        self.namespace = Namespace("headoffice", home)
        self.url = f"http://{HEAD_OFFICE}:8443"
        config_file = self.namespace.home / "headoffice.toml"
        # Tests look again and again for what must arrive: no limit to how often.
        config_file.write_text(f"""
[server]
database = "sqlite:///{self.namespace.home / "headoffice.db"}"
listen = "{HEAD_OFFICE}:8443"
[limits]
requests_per_minute = 1000000
""")
        self._config_file, self._config = config_file, ["--config", str(config_file)]
        self._credentials = self.namespace.home / "credentials"
        self._credentials.mkdir()
        line = [product("yingke-headoffice"), "serve", *self._config]
        folder = {"CREDENTIALS_DIRECTORY": str(self._credentials)}
        self.server = self.namespace.daemon("serve", *line, notifies=True, extra=folder)
        self._read_key = ""

    def start(self) -> None:
        self.server.start()

    def configure(self, sections: str, **secrets: str) -> None:
        """More of headoffice.toml, before the start; `main__token` is the content of the file main.token."""
        with self._config_file.open("a") as config:
            config.write(sections)
        for name, secret in secrets.items():
            (self._credentials / name.replace("__", ".")).write_text(secret)

    def command(self, *arguments: str, stdin: str | None = None) -> str:
        """`yingke-headoffice …` on its database; what it printed."""
        line = [product("yingke-headoffice"), *arguments, *self._config]
        return self.namespace.run(*line, stdin=stdin).stdout

    def add_venue(self, venue: str, name: str) -> str:
        """A new store; returns its upload key."""
        answer = json.loads(self.command("venue", "add", venue, "--name", name, "--json"))
        return str(answer["upload_key"])

    @property
    def read_key(self) -> str:
        """A key that may read everything, personal fields included."""
        if not self._read_key:
            answer = json.loads(self.command("key", "add", "data-team", "--scope", "read,pii", "--json"))
            self._read_key = str(answer["key"])
        return self._read_key

    def pull(self, table: str) -> list[Row]:
        """All rows of a table, cursor after cursor, small pages on purpose."""
        rows: list[Row] = []
        cursor = ""
        while True:
            url = f"{self.url}/v1/{table}?limit=7" + (f"&cursor={cursor}" if cursor else "")
            reply = fetch(self.namespace, url, headers={"Authorization": f"Bearer {self.read_key}"})
            assert reply.status == 200, f"{url}: {reply.status} {reply.body}"
            page = json.loads(reply.body)
            rows += page["data"]
            if not page["has_more"]:
                return rows
            cursor = page["next_cursor"]

    def wait_for(self, table: str, count: int = 1, within_seconds: float = 30) -> list[Row]:
        """The rows of a table as soon as there are at least `count`."""

        def enough() -> list[Row]:
            rows = self.pull(table)
            return rows if len(rows) >= count else []

        return until(enough, f"{count} rows in {table} at head office", within_seconds)
