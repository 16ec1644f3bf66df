"""yingke-sync and yingke-headoffice as they are typed."""

import io
import json
import socket
import sqlite3
import tomllib
from pathlib import Path

import pytest

from sync import cli
from sync.config import Config
from sync.headoffice import cli as headoffice


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/headoffice.db"


def test_the_printed_settings_begin_with_what_takes_up_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("# After a change: sudo systemctl restart yingke-gate ")
    units = Path(__file__).parents[3] / "systemd"
    for name in first.partition("restart ")[2].split():
        assert (units / f"{name}.service").exists()


def test_the_printed_settings_are_a_settings_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config"]) == 0
    printed = capsys.readouterr().out
    uncommented = "\n".join(
        line.removeprefix("#") for line in printed.splitlines() if not line.startswith("# ")
    )
    assert Config.parse(tomllib.loads(uncommented)) == Config.parse({})


def test_migrate_makes_the_records_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text(f'[venue]\ndata_dir = "{tmp_path}"\n')
    assert cli.main(["migrate", "--config", str(settings)]) == 0
    assert "founding" in capsys.readouterr().out
    assert cli.main(["--config", str(settings), "migrate"]) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["migrate", "upload"])
def test_wrong_settings_are_all_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text('[venue]\nid = "Shop"\n[sink]\n')
    assert cli.main([command, "--config", str(settings)]) == 2
    told = capsys.readouterr().err
    assert "venue.id" in told
    assert "sink" in told


def test_a_new_store_gets_its_number_and_its_key(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number, venue_id in enumerate(("shop-1", "shop-2"), start=1):
        arguments = ["venue", "add", venue_id, "--name", "Café", "--json", "--database", database]
        assert headoffice.main(arguments) == 0
        venue = json.loads(capsys.readouterr().out)
        assert (venue["venue_id"], venue["venue_number"]) == (venue_id, number)
        assert venue["upload_key"].startswith("yk_")


def test_what_is_printed_for_the_box_is_its_settings(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert headoffice.main(["venue", "add", "shop-1", "--name", 'Tom "T" Café', "--database", database]) == 0
    printed = capsys.readouterr().out
    document = tomllib.loads(printed.replace("https://…", "https://head-office.example"))
    config = Config.parse(document)
    assert (config.venue.id, config.venue.number, config.venue.name) == ("shop-1", 1, 'Tom "T" Café')
    assert "yk_" not in str(document)


@pytest.mark.parametrize(
    ("links", "host"),
    [
        ("http://{venue_id}.wifi.example", "shop-1.wifi.example"),
        ("http://s{venue_number}.Wifi.example/", "s1.wifi.example"),
        ("https://wifi.example", ""),
        ("", ""),
    ],
)
def test_a_new_store_is_told_the_host_that_links_of_follows_lead_to(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], links: str, host: str
) -> None:
    settings = tmp_path / "headoffice.toml"
    settings.write_text(f'[server]\ndatabase = "{database}"\n[follow]\nlinks = "{links}"\n')
    assert headoffice.main(["venue", "add", "shop-1", "--name", "x", "--config", str(settings)]) == 0
    printed = capsys.readouterr().out.replace("https://…", "https://head-office.example")
    assert Config.parse(tomllib.loads(printed)).follow.link_host == host


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["venue", "add", "Shop 1", "--name", "x"], "VENUE_ID"),
        (["venue", "add", "shop", "--name", " "], "80 characters"),
        (["venue", "add", "shop", "--name", "x", "--brand", "defualt"], "did you mean 'default'"),
        (["key", "add", "data", "--scope", "pii"], "read,pii"),
        (["key", "add", "data", "--scope", "read,all"], "read,pii"),
    ],
)
def test_what_cannot_be_added_is_one_sentence(
    database: str, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert headoffice.main([*arguments, "--database", database]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("thing", [["venue", "add", "a", "--name", "x"], ["key", "add", "a"]])
def test_twice_is_refused(database: str, capsys: pytest.CaptureFixture[str], thing: list[str]) -> None:
    assert headoffice.main([*thing, "--database", database]) == 0
    assert headoffice.main([*thing, "--database", database]) == 1
    assert "already" in capsys.readouterr().err


def test_a_store_belongs_to_the_brand_that_was_added(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert headoffice.main(["brand", "add", "tea", "--name", "Tea House", "--database", database]) == 0
    arguments = ["venue", "add", "a", "--name", "x", "--brand", "tea", "--json", "--database", database]
    capsys.readouterr()
    assert headoffice.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["brand_id"] == "tea"


def test_roaming_is_switched_for_a_brand_there_is(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    switch = ["brand", "roaming", "default", "on", "--json", "--database", database]
    assert headoffice.main(switch) == 0
    assert json.loads(capsys.readouterr().out) == {"brand_id": "default", "roaming": "on"}
    kept = sqlite3.connect(tmp_path / "headoffice.db").execute("SELECT roaming FROM brands").fetchall()
    assert kept == [("on",)]
    assert headoffice.main(["brand", "roaming", "defualt", "off", "--database", database]) == 1
    assert "did you mean 'default'" in capsys.readouterr().err


def test_staff_come_with_a_password_from_stdin_that_is_long_enough(database: str, tmp_path: Path) -> None:
    add = ["staff", "add", "ann", "--role", "marketing", "--database", database]
    assert headoffice.main(add, stdin=io.StringIO("short\n")) == 1
    assert headoffice.main(add, stdin=io.StringIO("correct horse\n")) == 0
    [(password_hash,)] = sqlite3.connect(tmp_path / "headoffice.db").execute(
        "SELECT password_hash FROM staff"
    )
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--database", "postgresql://head-office/yingke"], "PostgreSQL is not served by this version"),
        (["--database", "headoffice.db"], "sqlite:///"),
        (["--listen", "8443"], "127.0.0.1:8443"),
        (["--listen", "127.0.0.1:99999"], "127.0.0.1:8443"),
    ],
)
def test_serve_says_what_it_cannot_understand(
    database: str, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert headoffice.main(["serve", "--database", database, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_serve_names_a_port_that_is_in_use(database: str, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert headoffice.main(["serve", "--database", database, "--listen", listen]) == 1
    assert f"{listen} is in use" in capfd.readouterr().err


def test_a_missing_settings_file_that_was_named_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert headoffice.main(["serve", "--config", str(tmp_path / "none.toml")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [[], ["serve"], ["venue"], ["venue", "add"], ["key", "add"], ["staff", "add"], ["brand", "roaming"]],
)
def test_help_is_there_for_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        headoffice.main([*command, "--help"])
    assert left.value.code == 0
    assert "usage: yingke-headoffice" in capsys.readouterr().out
