from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sync.config import Config, ConfigErrors, commented, load


def _mistakes(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigErrors) as raised:
        Config.parse(document)
    return {mistake.key: str(mistake) for mistake in raised.value.mistakes}


def test_an_empty_file_is_a_store_with_defaults() -> None:
    config = Config.parse({})
    assert config.network.lan_address == "10.77.0.1/16"
    assert config.registration.session_minutes == 720


def test_every_mistake_is_named_at_once_with_what_was_meant() -> None:
    mistakes = _mistakes(
        {
            "venu": {},
            "venue": {"id": "Shop 1", "number": "3", "country": "cn", "timezone": "Mars/Olympus"},
            "registration": {"phone": "yes", "session_minutes": 0},
            "network": {"lan_address": "10.77.0.1", "lan_interfaces": "wlan0", "bridg": "br0"},
            "sync": {"head_office_url": "head-office", "upload_key_file": "key"},
            "portal": {"listen": ["80"]},
        }
    )
    assert len(mistakes) == 13
    for key, meant in {
        "venu": "venue",
        "venue.id": "shop-1",
        "venue.number": "3",
        "venue.country": "CN",
        "registration.phone": "required",
        "registration.session_minutes": "1",
        "network.lan_interfaces": '["wlan0"]',
        "network.bridg": "bridge",
    }.items():
        assert f"did you mean {meant}?" in mistakes[key]


@pytest.mark.parametrize("address", ["10.77.0.0/16", "10.77.255.255/16", "10.77.0.1/31", "10.77.0.1", "x/16"])
def test_the_boxs_address_is_a_hosts_in_a_network_with_room(address: str) -> None:
    assert "10.77.0.1/16" in _mistakes({"network": {"lan_address": address}})["network.lan_address"]


@pytest.mark.parametrize("address", ["fd77::1/48", "fd77::1/128", "10.77.0.1/16", "fd77::1"])
def test_the_lans_ipv6_network_is_one_that_phones_can_use(address: str) -> None:
    assert "/64" in _mistakes({"network": {"lan_ula": address}})["network.lan_ula"]


def test_a_time_zone_is_guessed_from_its_city() -> None:
    (mistake,) = _mistakes({"venue": {"timezone": "Shanghai"}}).values()
    assert "did you mean Asia/Shanghai?" in mistake


def test_true_is_no_number() -> None:
    assert "sensor.window_seconds" in _mistakes({"sensor": {"window_seconds": True}})


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"network": {"uplink": "wlan0"}}, "network.lan_interfaces"),
        ({"portal": {"certificate": "/etc/yingke/cert.pem"}}, "portal.certificate"),
        ({"portal": {"listen": ["0.0.0.0:80", "0.0.0.0:443"]}}, "portal.listen"),
        ({"portal": {"intercept_port": 8080, "listen": ["0.0.0.0:8080"]}}, "portal.intercept_port"),
        ({"registration": {"name": "hidden", "phone": "hidden", "email": "hidden"}}, "registration.phone"),
        ({"network": {"owner_interfaces": ["eth0"]}}, "network.owner_interfaces"),
        ({"network": {"owner_interfaces": ["wlan0"]}}, "network.owner_interfaces"),
        ({"network": {"owner_bridge": "br-lan"}}, "network.owner_bridge"),
        ({"network": {"owner_address": "10.77.9.1/24"}}, "network.owner_address"),
        ({"registration": {"roaming": "on"}}, "registration.roaming"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(document: dict[str, Any], key: str) -> None:
    assert key in _mistakes(document)


def test_a_contradiction_is_named_beside_other_mistakes() -> None:
    document = {"network": {"uplink": "wlan0", "lease_minutes": 0}, "wifi": {"channel": "six"}}
    assert _mistakes(document).keys() == {"network.lan_interfaces", "network.lease_minutes", "wifi.channel"}


def test_what_is_wrong_already_contradicts_nothing() -> None:
    """Its default would stand in for it, and that is not what the owner wrote."""
    assert _mistakes({"network": {"uplink": "wlan0", "lan_interfaces": 5}}).keys() == {
        "network.lan_interfaces"
    }
    assert len(_mistakes({"network": {"owner_address": "10.77.0.1/16", "lan_address": "10.78.0.1"}})) == 1


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"venue": {"id": "x" * 40}}, "is not 1 to 32 characters of [a-z0-9-]"),
        ({"venue": {"name": ""}}, "is not 1 to 80 characters"),
        ({"portal": {"colour": "green"}}, "is not like '#0b6e4f'"),
        ({"wifi": {"ssid": "莲花茶馆" * 3}}, "10 Chinese characters"),
    ],
)
def test_what_does_not_fit_is_told_what_does(document: dict[str, Any], told: str) -> None:
    (mistake,) = _mistakes(document).values()
    assert told in mistake
    assert "did you mean" not in mistake


def test_the_printed_settings_are_all_of_them_and_right(tmp_path: Path) -> None:
    text = commented()
    uncommented = "\n".join(line.removeprefix("#") for line in text.splitlines() if not line.startswith("# "))
    (tmp_path / "yingke.toml").write_text(uncommented)
    assert load(tmp_path / "yingke.toml") == Config.parse({})
    for section in fields(Config):
        assert f"[{section.name}]" in text


@pytest.mark.parametrize("content", [b"[venue", b"\xff\xfe", b"venue = 3"])
def test_a_broken_file_is_one_clear_mistake(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "yingke.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigErrors, match="1 wrong setting"):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="no such file"):
        load(tmp_path / "nothing.toml")


def test_every_field_of_a_section_has_a_setting_and_every_setting_a_field() -> None:
    for section in fields(Config):
        kind: Any = section.type
        assert {field.name for field in fields(kind)} == set(kind.SETTINGS)
