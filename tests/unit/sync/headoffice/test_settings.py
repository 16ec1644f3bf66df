"""The head office's settings: all mistakes at once, as on the box."""

from pathlib import Path

import pytest

from sync.config import ConfigErrors
from sync.headoffice.settings import load


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "headoffice.toml"
    file.write_text(
        '[server]\nlisten = "8443"\ndatabase = "mysql://x"\n[consol]\n[retention]\nevent_days = 1\n'
    )
    with pytest.raises(ConfigErrors) as raised:
        load(file)
    told = str(raised.value)
    assert {mistake.key for mistake in raised.value.mistakes} == {
        "server.listen",
        "server.database",
        "consol",
        "retention.event_days",
    }
    assert "sqlite:///" in told
    assert "did you mean console?" in told


def test_a_database_is_a_file_or_a_server(tmp_path: Path) -> None:
    file = tmp_path / "headoffice.toml"
    for database in ("sqlite:///ho.db", "sqlite:////var/lib/ho.db", "postgresql://head@db/yingke"):
        file.write_text(f'[server]\ndatabase = "{database}"\n')
        assert load(file).server.database == database


@pytest.mark.parametrize(
    ("links", "good"), [("http://{venue_id}.wifi.example:8080/", True), ("http://wifi.example/shops", False)]
)
def test_links_lead_to_a_host_since_boxes_know_one_path(tmp_path: Path, links: str, good: bool) -> None:
    file = tmp_path / "headoffice.toml"
    file.write_text(f'[follow]\nlinks = "{links}"\n')
    if good:
        assert load(file).follow.links == links
        return
    with pytest.raises(ConfigErrors, match=r"follow\.links"):
        load(file)


def test_accounts_have_a_section_each_and_their_mistakes_are_told_with_the_others(tmp_path: Path) -> None:
    file = tmp_path / "headoffice.toml"
    file.write_text(
        '[follow]\nlinks = "wifi.example.com"\ncode_days = 90\n'
        '[accounts.main]\nplatform = "wechat"\ntitle = "Tea House"\n'
    )
    with pytest.raises(ConfigErrors) as raised:
        load(file)
    assert [mistake.key for mistake in raised.value.mistakes] == [
        "accounts.main.id",
        "follow.code_days",
        "follow.links",
    ]
    file.write_text(
        '[follow]\nlinks = "http://{venue_id}.wifi.example.com"\n'
        '[accounts.main]\nplatform = "wechat"\ntitle = "Tea House"\nid = "wx1"\n'
    )
    [account] = load(file).accounts
    assert (account.name, account.brands) == ("main", ("default",))
