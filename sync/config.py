"""Every setting of the box on one page: its type, default, bounds and meaning.

`yingke.toml` has a section for each class here; `yingke-sync config` prints this page as a commented file.
Durations are integers with the unit in the name. Secrets never stand here, only the files that hold them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self

from sync.contradictions import contradictions
from sync.setting import Mistake, Setting, check

DEFAULT_PATH = Path("/etc/yingke/yingke.toml")


class ConfigErrors(Exception):
    """All mistakes of a settings file at once."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        lines = [f"{path}: {len(mistakes)} wrong setting{'s' if len(mistakes) > 1 else ''}"]
        lines += [f"  {mistake}" for mistake in mistakes]
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """Which store this is, and where it keeps its things."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "id": Setting("shop", "This store's id at head office.", pattern=r"[a-z0-9-]{1,32}"),
        "number": Setting(0, "This store's number at head office, for grants.", low=0, high=2**32 - 1),
        "name": Setting("Our shop", "The store's name, as shoppers read it.", pattern=r"(?s).{1,80}"),
        "brand_id": Setting("", "The brand this store belongs to.", pattern=r"[a-z0-9-]{0,32}"),
        "country": Setting(
            "CN", "Two-letter country code: telephone numbers, radio rules, law.", pattern=r"[A-Z]{2}"
        ),
        "timezone": Setting("Asia/Shanghai", "The store's time zone (IANA name).", kind="timezone"),
        "data_dir": Setting(Path("/var/lib/yingke"), "Where the records lie."),
        "run_dir": Setting(Path("/run/yingke"), "Where sockets and rendered files lie."),
    }
    id: str
    number: int
    name: str
    brand_id: str
    country: str
    timezone: str
    data_dir: Path
    run_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The guests' LAN, the owner's network and the way out."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "bridge": Setting("br-lan", "The bridge of the guests' LAN.", kind="interface"),
        "lan_interfaces": Setting(("wlan0",), "Interfaces put on the guests' LAN.", kind="interfaces"),
        "lan_address": Setting(
            "10.77.0.1/16", "The box's address on the guests' LAN.", kind="ipv4_interface"
        ),
        "lan_ula": Setting(
            "fd77:79b6:1::1/64", "Its IPv6 address there (ULA, RFC 4193).", kind="ipv6_interface"
        ),
        "uplink": Setting("eth0", "The interface towards the internet.", kind="interface"),
        "owner_bridge": Setting("br-owner", "The bridge of the owner's network.", kind="interface"),
        "owner_interfaces": Setting((), "Interfaces put on the owner's network.", kind="interfaces"),
        "owner_address": Setting("10.78.0.1/24", "The box's address there.", kind="ipv4_interface"),
        "dns_servers": Setting((), "Resolvers to ask; empty: those of the uplink.", kind="addresses"),
        "uplink_resolv_file": Setting(
            Path("/etc/resolv.conf"), "Where the uplink's resolvers are named, while dns_servers is empty."
        ),
        "lease_minutes": Setting(120, "How long a phone keeps its address.", low=2, high=10080),
        "absent_after_seconds": Setting(300, "A station unheard for this long has left.", low=5, high=86400),
        "ask_presence_seconds": Setting(
            30, "How often a present station is asked whether it is there.", low=1, high=600
        ),
        "isolate_ports": Setting(
            "on", "Whether guests on different ports of the LAN are kept apart.", choices=("on", "off")
        ),
        "guests_reach_private": Setting(
            "on", "Whether admitted guests reach private networks behind the uplink.", choices=("on", "off")
        ),
        "walled_garden": Setting(
            (),
            "Packs of hosts reachable before admission, over HTTPS.",
            choices=(
                "facebook",
                "instagram",
                "kakao",
                "line",
                "telegram",
                "wechat",
                "wecom",
                "whatsapp",
                "zalo",
            ),
        ),
        "walled_garden_domains": Setting(
            (), "More such hosts; *.example.com is that domain with all below it.", kind="domains"
        ),
    }
    bridge: str
    lan_interfaces: tuple[str, ...]
    lan_address: str
    lan_ula: str
    uplink: str
    owner_bridge: str
    owner_interfaces: tuple[str, ...]
    owner_address: str
    dns_servers: tuple[str, ...]
    uplink_resolv_file: Path
    lease_minutes: int
    absent_after_seconds: int
    ask_presence_seconds: int
    isolate_ports: str
    guests_reach_private: str
    walled_garden: tuple[str, ...]
    walled_garden_domains: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """Our own access point, if the box has one."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "interface": Setting(
            "", "The radio of our access point; empty: foreign access points.", kind="interface_or_none"
        ),
        "ssid": Setting("Free WiFi", "The name of the WiFi.", kind="ssid"),
        "channel": Setting(6, "The 2.4 GHz channel.", low=1, high=13),
        "control_directory": Setting(Path("/run/hostapd"), "Where hostapd's control sockets lie."),
    }
    interface: str
    ssid: str
    channel: int
    control_directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """How the store counts the radios that pass."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "interfaces": Setting((), "Monitor interfaces; empty: only stations are counted.", kind="interfaces"),
        "inside_dbm": Setting(-65, "A device at least this strong is inside.", low=-100, high=0),
        "window_seconds": Setting(300, "Length of one count.", low=5, high=3600),
    }
    interfaces: tuple[str, ...]
    inside_dbm: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The pages: where they answer and how they look."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "listen": Setting(
            ("0.0.0.0:80",),
            "Where the pages answer, unless systemd passes sockets; with a certificate port 443 besides.",
            kind="listens",
        ),
        "intercept_port": Setting(
            2080, "Where redirected port-80 traffic is answered.", low=1024, high=65535
        ),
        "certificate": Setting(
            "", "Certificate chain (PEM file) of the portal; empty: HTTP only.", kind="text"
        ),
        "certificate_key": Setting(
            "", "Its private key (PEM file, owned by the user yingke-portal, mode 0400).", kind="text"
        ),
        "domain": Setting("", "The name the certificate is for.", pattern=r"[a-z0-9.-]{0,253}"),
        "colour": Setting("#0b6e4f", "The brand's colour.", pattern=r"#[0-9a-f]{6}"),
        "brand_name": Setting(
            "", "The brand, as the pages show it; empty: the store's name.", pattern=r"(?s).{0,60}"
        ),
        "logo": Setting(
            "", "The brand's logo (SVG, PNG, JPEG or WebP file, at most 16 KB); empty: its name."
        ),
        "welcome_en": Setting(
            "", "The large line of the splash page in English; empty: ours.", pattern=r"(?s).{0,80}"
        ),
        "welcome_zh_cn": Setting("", "The same in Chinese; empty: ours.", pattern=r"(?s).{0,80}"),
        "default_language": Setting(
            "en", "The language when the browser names none of ours.", choices=("en", "zh_CN")
        ),
    }
    listen: tuple[str, ...]
    intercept_port: int
    certificate: str
    certificate_key: str
    domain: str
    colour: str
    brand_name: str
    logo: str
    welcome_en: str
    welcome_zh_cn: str
    default_language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a shopper is asked for, and what she gets."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "name": Setting("optional", "Her name.", choices=("required", "optional", "hidden")),
        "phone": Setting("optional", "Her mobile number.", choices=("required", "optional", "hidden")),
        "email": Setting("optional", "Her e-mail address.", choices=("required", "optional", "hidden")),
        "session_minutes": Setting(720, "How long one admission lasts.", low=1, high=43200),
        "roaming": Setting(
            "off", "Whether an admission holds in all stores of the brand.", choices=("on", "off")
        ),
    }
    name: str
    phone: str
    email: str
    session_minutes: int
    roaming: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much, how fast and when; 0 is no limit."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "idle_minutes": Setting(
            120, "A session ends when its station has sent nothing for this long.", high=10080
        ),
        "day_megabytes": Setting(0, "What a station may use on one day, both ways together.", high=1_000_000),
        "down_kbit": Setting(0, "Download rate of a station, in kbit/s.", high=10_000_000),
        "up_kbit": Setting(0, "Upload rate of a station, in kbit/s.", high=10_000_000),
        "total_down_kbit": Setting(
            0, "Download rate of all guests together, shared fairly, in kbit/s.", high=10_000_000
        ),
        "total_up_kbit": Setting(0, "The same for uploads.", high=10_000_000),
        "opening_hours": Setting(
            "",
            "When guests are admitted, such as Mo-Fr 09:00-21:00; Sa 10:00-18:00. Empty: always.",
            kind="opening_hours",
        ),
        "pass_minutes": Setting(5, "Length of a temporary pass.", low=1, high=60),
        "passes_a_day": Setting(3, "Temporary passes of a station on one day; 0: none.", high=100),
        "pass_down_kbit": Setting(
            1024, "Download rate of a temporary pass, in kbit/s.", low=32, high=10_000_000
        ),
        "pass_up_kbit": Setting(256, "Upload rate of a temporary pass, in kbit/s.", low=32, high=10_000_000),
        "pass_megabytes": Setting(30, "What one temporary pass may use, both ways together.", high=10_000),
        "staff_minutes": Setting(720, "How long the daily staff code admits.", low=1, high=43200),
    }
    idle_minutes: int
    day_megabytes: int
    down_kbit: int
    up_kbit: int
    total_down_kbit: int
    total_up_kbit: int
    opening_hours: str
    pass_minutes: int
    passes_a_day: int
    pass_down_kbit: int
    pass_up_kbit: int
    pass_megabytes: int
    staff_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Following our social accounts; which ones, head office says."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "link_host": Setting(
            "",
            "The host in head office's links (http://HOST/g/…); phones on our WiFi find this box under it.",
            pattern=r"[a-z0-9.-]{0,253}",
        ),
        "session_minutes": Setting(
            720, "How long such a link admits; by command head office says it itself.", low=1, high=43200
        ),
    }
    link_host: str
    session_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """Who answers for the data, and how long they are kept."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "controller": Setting(
            "", "Who answers for the data; empty: the store's name.", pattern=r"(?s).{0,120}"
        ),
        "contact": Setting("", "Where to write about it.", pattern=r"(?s).{0,200}"),
        "lead_days": Setting(
            730, "A lead that has not come back dies on the box after this.", low=1, high=3650
        ),
        "visit_days": Setting(90, "Visits and sessions die on the box after this.", low=1, high=3650),
        "footfall_days": Setting(730, "Counts die on the box after this.", low=1, high=3650),
        "suppress_below": Setting(5, "Smaller counts of people are not shown.", low=3, high=10),
        "legal_log": Setting(
            "off",
            "The legal connection log, as a country's law asks for it.",
            choices=("off", "cn", "fr", "ru", "tr", "th", "in", "br", "eu"),
        ),
        "legal_log_days": Setting(0, "How long it is kept; 0: as long as that law says.", high=3650),
        "legal_log_key": Setting(Path("/etc/yingke/legal-log.pub"), "The public key it is encrypted to."),
    }
    controller: str
    contact: str
    lead_days: int
    visit_days: int
    footfall_days: int
    suppress_below: int
    legal_log: str
    legal_log_days: int
    legal_log_key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """The way to head office."""

    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "head_office_url": Setting(
            "", "Where head office answers; empty: nothing is uploaded.", kind="url_or_none"
        ),
        "upload_key_file": Setting(
            Path("/etc/yingke/secrets/upload_key"), "The file that holds this store's upload key."
        ),
        "batch_events": Setting(500, "Most events in one upload.", low=1, high=10000),
        "batch_kilobytes": Setting(
            512, "Most kilobytes in one upload, before compression.", low=16, high=8192
        ),
        "poll_seconds": Setting(2, "How often the outbox is looked at.", low=1, high=300),
    }
    head_office_url: str
    upload_key_file: Path
    batch_events: int
    batch_kilobytes: int
    poll_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings, checked."""

    venue: Venue
    network: Network
    wifi: Wifi
    sensor: Sensor
    portal: Portal
    registration: Registration
    limits: Limits
    follow: Follow
    privacy: Privacy
    sync: Sync

    @classmethod
    def parse(cls, document: Mapping[str, Any], path: Path = DEFAULT_PATH) -> Self:
        """A parsed TOML document as settings. Raises ConfigErrors with every mistake in it."""
        mistakes: list[Mistake] = []
        sections = parse_sections(cls, document, mistakes)
        config = cls(**sections)
        mistakes += contradictions(config, [mistake.key for mistake in mistakes])
        if mistakes:
            raise ConfigErrors(path, sorted(mistakes, key=lambda mistake: mistake.key))
        return config


def parse_sections(page: Any, document: Mapping[str, Any], mistakes: list[Mistake]) -> dict[str, Any]:
    """The sections of a dataclass of sections by name; what is wrong is appended to `mistakes`."""
    known = {field.name: field.type for field in fields(page)}
    for name in document.keys() - known.keys():
        mistakes.append(Mistake(key=name, wrong="there is no such section", meant=_closest(name, known)))
    return {
        name: _parse_section(section, name, document.get(name, {}), mistakes)
        for name, section in known.items()
    }


def _parse_section(section: Any, name: str, given: Any, mistakes: list[Mistake]) -> Any:
    settings: Mapping[str, Setting] = section.SETTINGS
    if not isinstance(given, dict):
        mistakes.append(Mistake(key=name, wrong="a section is a table", meant=f"[{name}]"))
        given = {}
    for key in given.keys() - settings.keys():
        wrong = "there is no such setting"
        mistakes.append(Mistake(key=f"{name}.{key}", wrong=wrong, meant=_closest(key, settings)))
    values = {}
    for key, setting in settings.items():
        value = check(setting, given[key]) if key in given else setting.default
        if isinstance(value, Mistake):
            mistakes.append(Mistake(key=f"{name}.{key}", wrong=value.wrong, meant=value.meant))
            value = setting.default
        values[key] = value
    return section(**values)


def _closest(word: str, known: Mapping[str, Any]) -> str:
    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def load(path: Path = DEFAULT_PATH) -> Config:
    """The settings of this box. Raises ConfigErrors: unreadable file, broken TOML or wrong settings."""
    return Config.parse(read_document(path), path)


def read_document(path: Path) -> dict[str, Any]:
    """A TOML file, not yet checked. Raises ConfigErrors when it is missing, unreadable or broken."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        mistake = Mistake(key=str(path), wrong="there is no such file", meant="--config FILE")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mistake = Mistake(key=str(path), wrong=f"cannot be read: {error}", meant="")
    raise ConfigErrors(path, [mistake])


def commented(page: Any = Config) -> str:
    """All settings with their meanings and defaults, as a TOML file in which every line is a comment."""
    lines = []
    for field in fields(page):
        section: Any = field.type
        lines += ["", f"# {section.__doc__.splitlines()[0]}", f"[{field.name}]"]
        for key, setting in section.SETTINGS.items():
            lines += [f"# {setting.meaning}{setting.bounds()}", f"#{key} = {setting.as_toml()}"]
    return "\n".join(lines[1:]) + "\n"
