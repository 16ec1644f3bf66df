"""The box from inside: its units, its records, and the two scripts that put it there and take it away."""

import json
import os
import re
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tests.vm.guest import snapshot
from tests.vm.guest.phone import run
from tests.vm.guest.steps import until

SETTINGS = Path("/etc/yingke/yingke.toml")
SCRIPTS = Path("/usr/src/yingke/systemd")
BEFORE = Path("/opt/vm/before.json")


def is_active(unit: str) -> bool:
    return run("systemctl", "is-active", unit, check=False).strip() == "active"


def comes_back(unit: str) -> None:
    before = main_pid(unit)
    run("systemctl", "kill", "--signal=KILL", unit)
    until(lambda: is_active(unit) and main_pid(unit) not in ("0", before), 30, f"{unit} stayed away")


def main_pid(unit: str) -> str:
    return run("systemctl", "show", "--property=MainPID", "--value", unit).strip()


def where_the_mac_lies(mac: str) -> list[str]:
    """Files of the box and the journal that hold a hardware address, in text or as bytes, and must not."""
    forms = [
        mac.encode(),
        mac.upper().encode(),
        mac.replace(":", "").encode(),
        bytes.fromhex(mac.replace(":", "")),
    ]
    may = ("/var/lib/yingke/gate/", "/var/lib/yingke/dnsmasq/")
    files = [path for path in Path("/var/lib/yingke").rglob("*") if path.is_file()]
    found = [str(path) for path in files if any(form in path.read_bytes() for form in forms)]
    journal = run("journalctl", "--boot", "--output=cat", "--unit=yingke-*", "--unit=hostapd@*").encode()
    found += ["the journal of the daemons"] if any(form in journal for form in forms[:3]) else []
    return [path for path in found if not path.startswith(may)]


def frames_heard() -> int:
    """Probe requests counted from the air so far."""
    with sqlite3.connect("file:/var/lib/yingke/records.db?mode=ro", uri=True) as records:
        return int(records.execute("SELECT coalesce(sum(frames), 0) FROM footfall").fetchone()[0])


def set_limit(key: str, kbit: int) -> None:
    """A setting of [limits], and the gate told of it the way the owner would."""
    lines = SETTINGS.read_text("utf-8").splitlines()
    found = [number for number, line in enumerate(lines) if line.lstrip("#").startswith(f"{key} = ")]
    assert len(found) == 1, f"{key} stands {len(found)} times in {SETTINGS}"
    lines[found[0]] = f"{key} = {kbit}"
    SETTINGS.write_text("\n".join(lines) + "\n", "utf-8")
    run("systemctl", "restart", "yingke-gate")


def has_certificate(domain: str) -> None:
    """Gets one for this name, as an owner puts it there: the portal may read its key, and nobody else."""
    folder = Path("/etc/yingke/tls")
    folder.mkdir()
    make = "from pathlib import Path; from tests.lab.certificate import made_certificate; made_certificate"
    python = ["env", "PYTHONPATH=/opt/vm", "/opt/yingke/bin/python", "-c"]
    run(*python, f"{make}(Path({str(folder)!r}))")
    run("chown", "yingke-portal", str(folder / "key.pem"))
    (folder / "key.pem").chmod(0o400)
    set_portal(domain=domain, certificate=f"{folder}/chain.pem", certificate_key=f"{folder}/key.pem")


def set_portal(**settings: str) -> None:
    """Settings of [portal], and gate and portal told of them as the head of the file says."""
    text = SETTINGS.read_text("utf-8")
    for key, value in settings.items():
        text, count = re.subn(rf'^#?{key} = ".*"$', f'{key} = "{value}"', text, flags=re.M)
        assert count == 1, f"{key} stands {count} times in {SETTINGS}"
    SETTINGS.write_text(text, "utf-8")
    run("systemctl", "restart", "yingke-gate", "yingke-portal")


def queues() -> str:
    """What the LAN's bridge sends through."""
    return run("tc", "qdisc", "show", "dev", "br-lan")


def expel(mac: str) -> None:
    run("/opt/yingke/bin/yingke-net", "expel", mac)


def join_a_head_office() -> str:
    """Starts a head office on this machine and gives the box its key; returns the data team's own key."""
    office = ["runuser", "-u", "yingke-headoffice", "--", "/opt/yingke/bin/yingke-headoffice"]
    run("systemctl", "start", "yingke-headoffice")
    venue = json.loads(run(*office, "venue", "add", "vm", "--name", "VM", "--json"))
    reader = json.loads(run(*office, "key", "add", "data-team", "--scope", "read,pii", "--json"))
    secret = Path("/etc/yingke/secrets/upload_key")
    secret.touch(mode=0o600)
    secret.write_text(venue["upload_key"], "ascii")
    text = SETTINGS.read_text("utf-8")
    assert '#head_office_url = ""' in text
    SETTINGS.write_text(
        text.replace('#head_office_url = ""', 'head_office_url = "http://127.0.0.1:8443"'), "utf-8"
    )
    run("systemctl", "restart", "yingke-sync")
    return str(reader["key"])


def pulled(table: str, key: str) -> list[Mapping[str, object]]:
    """The rows of one table, as the data team gets them."""
    address = f"http://127.0.0.1:8443/v1/{table}"
    answer = run("curl", "--silent", "--fail", "-H", f"Authorization: Bearer {key}", address, check=False)
    rows: list[Mapping[str, object]] = json.loads(answer)["data"] if answer else []
    return rows


def script(name: str, *options: str) -> str:
    """What install.sh or uninstall.sh said. Raises OSError when it refused."""
    command = f'bash "{SCRIPTS / name}" "$@" 2>&1'
    return run("bash", "-c", command, name, *options, timeout_seconds=240)


def managed() -> set[str]:
    """The interfaces NetworkManager takes care of; a radio in monitor mode it does not even list."""
    states = run("nmcli", "--terse", "--fields", "DEVICE,STATE", "device").splitlines()
    pairs = [line.partition(":") for line in states]
    return {interface for interface, _, state in pairs if state != "unmanaged"}


def refusal_of_install() -> str:
    """What install.sh says while another program holds port 80; nothing when it installs all the same."""
    with socket.create_server(("", 80)):
        try:
            script("install.sh", f"WHEELHOUSE={SCRIPTS.parent}/wheels", "LAN=wlan0", "UPLINK=eth0")
        except OSError as refused:
            return str(refused)
    return ""


def left_behind() -> list[str]:
    """What is not as it was before the product was installed."""
    before: Mapping[str, str] = json.loads(BEFORE.read_text("utf-8"))
    now = snapshot.of(Path("/"))
    differing = [path for path in before.keys() | now.keys() if before.get(path) != now.get(path)]
    found = [path for path in differing if path not in snapshot.MADE_BY_BOOTING]
    found += [path for path in ("/opt/yingke", "/var/lib/yingke", "/run/yingke") if os.path.exists(path)]
    found += [f"table {line}" for line in run("nft", "list", "tables").splitlines() if "yingke" in line]
    found += [f"bridge {name}" for name in ("br-lan", "br-owner") if os.path.exists(f"/sys/class/net/{name}")]
    return sorted(found)
