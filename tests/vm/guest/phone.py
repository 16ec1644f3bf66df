"""A phone in a namespace of its own, with a simulated radio, a DHCP client and curl as its browser."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

from tests.vm.guest.steps import check

SERVER = "203.0.113.80"
_WRITE_OUT = '{"status": "%{http_code}", "headers": %{header_json}}'


def run(*command: str, check: bool = True, timeout_seconds: float = 60) -> str:
    """One command's output. Raises CalledProcessError with what it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds)
    if check and done.returncode:
        raise OSError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer; header names in lower case; status 0 when there was none."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Form(HTMLParser):
    """The form of a page: where it goes and its fields as they stand."""

    def __init__(self, url: str, page: str) -> None:
        super().__init__()
        self.action = url
        self.fields: dict[str, str] = {}
        self.boxes: set[str] = set()
        self._url = url
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.action = urljoin(self._url, given.get("action") or self._url)
        if tag != "input" or "name" not in given:
            return
        if given.get("type") == "checkbox":
            self.boxes.add(given["name"])
            if "required" in given:
                self.fields[given["name"]] = given.get("value") or "on"
        else:
            self.fields[given["name"]] = given.get("value", "")

    def filled(self, **values: str) -> dict[str, str]:
        """What is sent: the fields of the page, required boxes ticked, these typed where there is room."""
        return self.fields | {name: value for name, value in values.items() if name in self.fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A radio moved into a namespace; made once a boot."""

    name: str
    interface: str

    def inside(self, *command: str, check: bool = True, timeout_seconds: float = 60) -> str:
        return run("ip", "netns", "exec", self.name, *command, check=check, timeout_seconds=timeout_seconds)

    def associate(self, *, ssid: str, mac: str | None) -> str:
        """Joins the WiFi and returns the address it did so with: random, or the one from before."""
        radio = Path(f"/sys/class/net/{self.interface}/phy80211/name").read_text("utf-8").strip()
        run("ip", "netns", "add", self.name)
        run("iw", "phy", radio, "set", "netns", "name", self.name)
        if mac:
            self.inside("ip", "link", "set", self.interface, "address", mac)
        random = 0 if mac else 1
        settings = Path(f"/run/{self.name}.conf")
        settings.write_text(
            f"ctrl_interface=/run/{self.name}\nmac_addr={random}\npreassoc_mac_addr={random}\n"
            "rand_addr_lifetime=0\nnetwork={\n"
            f'  ssid="{ssid}"\n  key_mgmt=NONE\n  scan_freq=2412 2437 2462\n  freq_list=2412 2437 2462\n}}\n',
            "utf-8",
        )
        self.inside("wpa_supplicant", "-B", "-f", self._log, "-i", self.interface, "-c", str(settings))
        deadline = time.monotonic() + 60
        while "wpa_state=COMPLETED" not in (status := self._supplicant("status")):
            if time.monotonic() > deadline:
                raise OSError(f"not associated after 60 s: {status}")
            time.sleep(0.1)
        # As phones do: random, but the same again at the same network.
        check("OK" in (said := self._supplicant("set", "rand_addr_lifetime", "86400")), said)
        return Path(self.inside("cat", f"/sys/class/net/{self.interface}/address").strip()).name

    @property
    def _log(self) -> str:
        return f"/run/{self.name}.log"

    def times(self, event: str) -> int:
        """How often its WiFi has had this happen: CONNECTED or DISCONNECTED."""
        return Path(self._log).read_text("utf-8", errors="replace").count(f"CTRL-EVENT-{event} ")

    def kbit_of(self, url: str) -> float:
        """The rate at which a download comes."""
        command = ["curl", "--silent", "--max-time", "40", "--output", "/dev/null"]
        return float(self.inside(*command, "--write-out", "%{speed_download}", url)) * 8 / 1000

    def _supplicant(self, *question: str) -> str:
        return self.inside("wpa_cli", "-p", f"/run/{self.name}", "-i", self.interface, *question, check=False)

    def scan(self) -> None:
        """Asks the air for networks; the radio may be busy with a scan of its own (FAIL-BUSY)."""
        deadline = time.monotonic() + 20
        while "OK" not in (said := self._supplicant("scan")):
            if time.monotonic() > deadline:
                raise OSError(f"no scan was started in 20 s: {said}")
            time.sleep(0.2)

    def take_lease(self) -> str:
        """A lease from the store; returns the address and what came with it."""
        client = ["udhcpc", "-i", self.interface, "-n", "-q", "-t", "20", "-T", "1", "-O", "114"]
        self.inside(*client, "-s", str(Path(__file__).with_name("lease.sh")))
        return " ".join(Path(f"/run/leases/{self.interface}").read_text("utf-8").split("\n"))

    def get(self, url: str) -> Answer:
        return self._curl(url)

    def form(self, url: str) -> Form:
        return Form(url, self.get(url).body.decode())

    def post(self, url: str, fields: Mapping[str, str]) -> Answer:
        """Sends a form as a browser does. Redirects are not followed: they are what is looked at."""
        data = [part for name, value in fields.items() for part in ("--data-urlencode", f"{name}={value}")]
        return self._curl(url, *data)

    def _curl(self, url: str, *options: str) -> Answer:
        body = Path(f"/run/{self.name}.body")
        body.write_bytes(b"")
        command = ["curl", "--silent", "--max-time", "20", "--output", str(body), "--write-out", _WRITE_OUT]
        told = json.loads(self.inside(*command, *options, url, check=False))
        headers = {name.lower(): values[-1] for name, values in told["headers"].items()}
        return Answer(status=int(told["status"]), headers=headers, body=body.read_bytes())

    @property
    def ipv4(self) -> str:
        shown = json.loads(self.inside("ip", "-json", "-4", "address", "show", "dev", self.interface))
        return str(shown[0]["addr_info"][0]["local"])

    def reaches(self, host: str) -> bool:
        """Whether anything of its pings comes back."""
        return " 0 received" not in self.inside("ping", "-c", "3", "-W", "1", host, check=False)

    def get_trusting(self, url: str) -> Answer:
        """Over HTTPS, whoever signed the certificate."""
        return self._curl(url, "--insecure")

    def hears(self, host: str, port: int) -> str:
        """What a TCP connection on which it says nothing comes to: `reset`, `hung` or anything else."""
        attempt = (
            "import socket\n"
            f"try: print(socket.create_connection(({host!r}, {port}), timeout=10).recv(1) or 'ended')\n"
            "except (ConnectionResetError, ConnectionRefusedError): print('reset')\n"
            "except OSError as error: print('hung' if isinstance(error, TimeoutError) else error)\n"
        )
        return self.inside("python3", "-c", attempt).strip()

    def connect(self, host: str, port: int) -> str:
        """What becomes of a TCP connection: `open`, `refused` or `hung`."""
        attempt = (
            "import socket, sys\n"
            f"try: socket.create_connection(({host!r}, {port}), timeout=5); print('open')\n"
            "except ConnectionRefusedError: print('refused')\n"
            "except ConnectionResetError: print('refused')\n"
            "except OSError as error: print('hung' if isinstance(error, TimeoutError) else error)\n"
        )
        return self.inside("python3", "-c", attempt).strip()
