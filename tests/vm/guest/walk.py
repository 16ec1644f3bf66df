"""Runs inside the virtual machine: a phone on a simulated radio walks through the store, twice.

Only the standard library: the guest has no other Python than the product's. Each step is a line of
report.jsonl in the folder shared with the host, written when it has succeeded; one that fails ends the walk.
The second walk is after a reboot of the same disk.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.vm.guest.phone import SERVER, Phone, run

HOST = Path("/host")
KEPT = Path("/var/lib/vm-phone.json")
ACCESS_POINT = "wlan0"
UNITS = [
    *(f"yingke-{name}.service" for name in ("migrate", "gate", "sensor", "portal", "sync", "dnsmasq")),
    f"hostapd@{ACCESS_POINT}.service",
]
DAEMONS = ["gate", "sensor", "portal", "sync"]


class StepFailed(Exception):
    """The store did not do what it should; the text says what was seen."""


def main() -> None:
    mount_share()
    boot = "second" if KEPT.exists() else "first"
    reboot = False
    try:
        if boot == "first":
            first_boot()
            reboot = True
        else:
            second_boot()
    except (StepFailed, subprocess.SubprocessError, OSError) as failure:
        report(f"{boot} boot failed", detail=str(failure))
    finally:
        keep_traces(boot)
        os.sync()
        run("systemctl", "reboot" if reboot else "poweroff")


def first_boot() -> None:
    store_is_open()
    phone = Phone(name="phone", interface="wlan1")
    with step("a phone with a randomised address associates") as told:
        mac = phone.associate(ssid="Yingke", mac=None)
        check(int(mac[:2], 16) & 2 != 0, f"{mac} is a factory address")
        told(mac)
    with step("it takes a lease") as told:
        told(phone.take_lease())
    with step("its port 80 is intercepted: 302 to the portal"):
        answer = phone.get(f"http://{SERVER}/hotspot-detect.html")
        check(answer.status == 302, f"answered {answer.status}")
        portal = answer.headers.get("location", "")
        check(portal.startswith("http://10.77.0.1/"), f"sent to {portal}")
    with step("its port 443 is refused at once, not hung"):
        check(phone.connect(SERVER, 443) == "refused", "port 443 was not refused")
    with step("the splash page opens"):
        check(phone.get(portal).status == 200, "no splash page")
    with step("she registers: 303 to the page that says she is online"):
        form = phone.form("http://10.77.0.1/register")
        fields = form.filled(name="Mei Lin", email="mei.lin@example.com", phone="+886912345678")
        answer = phone.post(form.action, fields)
        goes_to = answer.headers.get("location", "")
        check(answer.status == 303 and goes_to.endswith("/online"), f"answered {answer.status} {goes_to}")
    with step("she is online"):
        is_online(phone)
    with step("her address lies nowhere but where the design says"):
        check(not (found := where_the_mac_lies(mac)), f"{mac} lies in {found}")
    for daemon in DAEMONS:
        with step(f"the {daemon} is killed, and is back by itself"):
            comes_back(f"yingke-{daemon}.service")
    with step("she still is online after all that"):
        is_online(phone)
    KEPT.write_text(json.dumps({"mac": mac}), "utf-8")


def second_boot() -> None:
    store_is_open()
    mac = json.loads(KEPT.read_text("utf-8"))["mac"]
    phone = Phone(name="phone", interface="wlan1")
    with step("after a reboot the phone associates and takes a lease"):
        phone.associate(ssid="Yingke", mac=mac)
        phone.take_lease()
    with step("after a reboot she still is online"):
        is_online(phone)
    stranger = Phone(name="stranger", interface="wlan2")
    with step("and a phone that never registered is not"):
        stranger.associate(ssid="Yingke", mac=None)
        stranger.take_lease()
        answer = stranger.get(f"http://{SERVER}/")
        check(answer.status == 302, f"answered {answer.status}")
    with step("no unit has failed"):
        check(not (failed := run("systemctl", "--failed", "--plain", "--no-legend").strip()), failed)


def store_is_open() -> None:
    with step("the store opens: every unit is active"):
        for unit in UNITS:
            until(lambda unit=unit: is_active(unit), 60, f"{unit} is not active")  # type: ignore[misc]


def is_active(unit: str) -> bool:
    return run("systemctl", "is-active", unit, check=False).strip() == "active"


def is_online(phone: Phone) -> None:
    """The gate may need a moment to look: the page of the internet must come within five seconds."""
    until(lambda: b"the internet" in phone.get(f"http://{SERVER}/").body, 5, "the internet does not answer")


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


@contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Measures one step and reports it once it has succeeded."""
    started = time.monotonic()
    details: list[str] = []
    try:
        yield details.append
    except Exception as failure:
        raise StepFailed(f"{name}: {failure}") from failure
    report(name, detail=" ".join(details), ok=True, seconds=round(time.monotonic() - started, 1))


def check(held: bool, otherwise: str) -> None:
    if not held:
        raise StepFailed(otherwise)


def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Asks again until it holds; a step that never holds fails with what was hoped for."""
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, f"{otherwise} after {seconds} s")
        time.sleep(0.1)


def report(name: str, *, detail: str = "", ok: bool = False, seconds: float = 0.0) -> None:
    with (HOST / "report.jsonl").open("a", encoding="utf-8") as lines:
        uptime = float(Path("/proc/uptime").read_text("utf-8").split()[0])
        line = {"step": name, "ok": ok, "seconds": seconds, "uptime_seconds": uptime, "detail": detail}
        lines.write(json.dumps(line) + "\n")


def mount_share() -> None:
    """The host sees by `alive` that a machine came up."""
    HOST.mkdir(exist_ok=True)
    run("modprobe", "--all", "9pnet_virtio", "9p")
    options = "trans=virtio,version=9p2000.L,msize=262144"
    run("mount", "-t", "9p", "-o", options, "host", str(HOST))
    (HOST / "alive").touch()


def keep_traces(boot: str) -> None:
    """What is looked at when a step failed: the journal, and the state of network and units."""
    questions = {
        "journal": ["journalctl", "--boot", "--no-pager", "--output=short-monotonic"],
        "units": ["systemctl", "list-units", "--all", "--no-pager", "yingke-*", "hostapd*", "vm-*"],
        "nft": ["nft", "list", "ruleset"],
        "addresses": ["ip", "address"],
        "boot": ["systemd-analyze", "critical-chain", "--no-pager"],
    }
    for name, question in questions.items():
        (HOST / f"{name}-{boot}.txt").write_text(run(*question, check=False), "utf-8")


if __name__ == "__main__":
    main()
