"""Runs inside the virtual machine: a phone on a simulated radio walks through the store, twice, and between
the two the gate's own tests run.

Only the standard library: the guest has no other Python than the product's. Each step is a line of
report.jsonl in the folder shared with the host, written when it has succeeded; one that fails ends the walk.
Which walk it is, the kernel's command line says; all are on the same disk.
"""

import json
import os
import subprocess
from pathlib import Path

from tests.vm.guest import box, own_tests
from tests.vm.guest.phone import SERVER, Phone, run
from tests.vm.guest.steps import HOST, StepFailed, check, report, step, until

KEPT = Path("/var/lib/vm-phone.json")
ACCESS_POINT, EAR = "wlan0", "wlan3"
UNITS = [
    *(f"yingke-{name}.service" for name in ("migrate", "gate", "sensor", "portal", "sync", "dnsmasq")),
    f"hostapd@{ACCESS_POINT}.service",
    f"yingke-monitor@{EAR}.service",
]
LIMIT_KBIT = 512
DOMAIN = "vm.wifi.example.com"
DAEMONS = ["gate", "sensor", "portal", "sync"]


def main() -> None:
    mount_share()
    boot = Path("/proc/cmdline").read_text("ascii").partition("yingke.walk=")[2].split()[0]
    try:
        {"first": first_boot, "tests": own_tests.boot, "second": second_boot}[boot]()
    except (StepFailed, subprocess.SubprocessError, OSError) as failure:
        report(f"{boot} boot failed", detail=str(failure))
    finally:
        keep_traces(boot)
        os.sync()
        run("systemctl", "poweroff" if boot == "second" else "reboot")


def first_boot() -> None:
    with step("the store opens: every unit is active"):
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
        register(phone)
    with step("she is online"):
        is_online(phone)
    with step("her address lies nowhere but where the design says"):
        check(not (found := box.where_the_mac_lies(mac)), f"{mac} lies in {found}")
    with step("the sensor hears probe requests on the air") as told:
        phone.scan()
        until(lambda: box.frames_heard() > 0, 30, "not one probe request was counted")
        told(f"{box.frames_heard()} frames")
    with step("head office receives the lead, with the key from the credential"):
        key = box.join_a_head_office()
        until(lambda: bool(box.pulled("leads", key)), 60, "no lead at head office")
        emails = [lead["email"] for lead in box.pulled("leads", key)]
        check(emails == ["mei.lin@example.com"], f"head office has {emails}")
    for daemon in DAEMONS:
        with step(f"the {daemon} is killed, and is back by itself"):
            box.comes_back(f"yingke-{daemon}.service")
    with step("she still is online after all that"):
        is_online(phone)
    rates_hold(phone)
    pages_over_https(phone)
    she_is_expelled(phone, mac)
    KEPT.write_text(json.dumps({"mac": mac}), "utf-8")


def second_boot() -> None:
    with step("the store opens again"):
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
    with step("two guests of our own WiFi do not reach each other, and we reach both"):
        for guest in (phone, stranger):
            check(guest.get("http://10.77.0.1/").status in (200, 303), f"{guest.name} does not reach us")
        check(not stranger.reaches(phone.ipv4), "the stranger reaches her")
        check(not phone.reaches(stranger.ipv4), "she reaches the stranger")
    with step("no unit has failed"):
        check(not (failed := run("systemctl", "--failed", "--plain", "--no-legend").strip()), failed)
    with step("NetworkManager keeps its hands off the interfaces of the box"):
        taken = box.managed() & {ACCESS_POINT, EAR, "br-lan"}
        check(not taken, f"it manages {taken}")
    with step("installing again on the running machine asks nothing, and she stays online"):
        settings = box.SETTINGS.read_text("utf-8")
        said = box.script("install.sh", f"WHEELHOUSE={box.SCRIPTS.parent}/wheels")
        check("shown this once" not in said, "a second password was made")
        check(box.SETTINGS.read_text("utf-8") == settings, "the settings were changed")
        store_is_open()
        is_online(phone)
    with step("uninstalling puts the machine back as it was"):
        box.script("uninstall.sh", "PURGE=1")
        check(not (left := box.left_behind()), f"left behind: {left}")
    with step("NetworkManager has the radio again"):
        until(lambda: ACCESS_POINT in box.managed(), 20, "the radio is still unmanaged")
    with step("a program on port 80 is named, and nothing is installed"):
        said = box.refusal_of_install()
        check("python3" in said and "port 80" in said, f"install.sh said: {said}")
        check(not (left := box.left_behind()), f"left behind: {left}")


def rates_hold(phone: Phone) -> None:
    """A download over the air with a limit and without."""
    large = f"http://{SERVER}/large"
    with step("with a limit a download comes at its rate") as told:
        free = phone.kbit_of(large)
        box.set_limit("down_kbit", LIMIT_KBIT)
        until(lambda: "htb 594b:" in box.queues(), 20, "no queue on the bridge")
        check("fq_codel" in (queues := box.queues()), f"no fair queueing: {queues}")
        limited = phone.kbit_of(large)
        told(f"{limited:.0f} of {LIMIT_KBIT} kbit/s, {free:.0f} before")
        check(LIMIT_KBIT * 0.8 < limited < LIMIT_KBIT * 1.15, f"it came at {limited:.0f} kbit/s")
        check(free > 1.5 * limited, f"without a limit it came at {free:.0f} kbit/s")
    with step("without a limit nothing of it is left on the bridge"):
        box.set_limit("down_kbit", 0)
        until(lambda: "htb" not in box.queues(), 20, "the queue stayed on the bridge")


def pages_over_https(phone: Phone) -> None:
    """The service manager holds the port either way."""
    with step("without a certificate port 443 of the box resets whoever comes"):
        check((heard := phone.hears("10.77.0.1", 443)) == "reset", f"it was {heard}")
    with step("with one the pages and the API for phones answer over HTTPS"):
        box.has_certificate(DOMAIN)
        answer = phone.get_trusting("https://10.77.0.1/capport/api")
        check(answer.status == 200, f"answered {answer.status}")
        said = json.loads(answer.body)
        check(said["user-portal-url"] == f"https://{DOMAIN}/", f"it names {said}")
        check(said["captive"] is False, "she is online, and it says otherwise")
    with step("without it everything is as before"):
        box.set_portal(domain="", certificate="", certificate_key="")
        check(phone.get("http://10.77.0.1/online").status == 200, "her page does not answer")


def she_is_expelled(phone: Phone, mac: str) -> None:
    """Her phone is sent away, comes back by itself, and meets the portal."""
    before = phone.times("CONNECTED")
    with step("expelled, her phone is sent away and joins again by itself"):
        box.expel(mac)
        until(lambda: phone.times("DISCONNECTED") > 0, 20, "her phone was not sent away")
        until(lambda: phone.times("CONNECTED") > before, 60, "her phone did not come back")
        phone.take_lease()
    with step("and its port 80 is intercepted again"):
        answer = phone.get(f"http://{SERVER}/hotspot-detect.html")
        check(answer.status == 302, f"answered {answer.status}")
    with step("she comes back in by the same form"):
        register(phone)
        is_online(phone)


def register(phone: Phone) -> None:
    form = phone.form("http://10.77.0.1/register")
    fields = form.filled(name="Mei Lin", email="mei.lin@example.com", phone="+886912345678")
    answer = phone.post(form.action, fields)
    goes_to = answer.headers.get("location", "")
    check(answer.status == 303 and goes_to.endswith("/online"), f"answered {answer.status} {goes_to}")


def store_is_open() -> None:
    for unit in UNITS:
        until(lambda unit=unit: box.is_active(unit), 120, f"{unit} is not active")  # type: ignore[misc]


def is_online(phone: Phone) -> None:
    """The gate may need a moment to look: the page of the internet must come within five seconds."""
    until(lambda: b"the internet" in phone.get(f"http://{SERVER}/").body, 5, "the internet does not answer")


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
