"""The box: the product's four processes and dnsmasq as they run on a real router, in a namespace."""

import contextlib
import json
import sqlite3
import sys
from pathlib import Path

from tests.lab.daemon import Daemon
from tests.lab.namespace import CHECKOUT, Namespace
from tests.lab.waiting import until

Settings = dict[str, dict[str, object]]


def product(command: str) -> str:
    """The path of one of the product's commands in the environment that runs us."""
    return str(Path(sys.executable).parent / command)


class Box:
    """`configure`, then `start`; each process can be killed and started again."""

    VENUE, NAME = "lab", "Lab store"
    UPLINK, LAN_PORT, OWNER_PORT, MONITOR = "eth0", "lan0", "owner0", "mon0"
    LAN_ADDRESS, OWNER_ADDRESS, OWNER_LAPTOP = "10.77.0.1", "10.78.0.1", "10.78.0.2"

    def __init__(self, home: Path) -> None:
        self.namespace = Namespace("box", home)
        self.data_dir = self.namespace.home / "data"
        self.run_dir = self.namespace.home / "run"
        # As tmpfiles.d makes them on a real box.
        for directory in (self.data_dir, self.data_dir / "gate", self.data_dir / "dnsmasq", self.run_dir):
            directory.mkdir(mode=0o700)
        (self.data_dir / "portal").mkdir()
        (self.run_dir / "rendered").mkdir()
        self.config_file = self.namespace.home / "yingke.toml"
        self._upload_key_file = self.namespace.home / "upload_key"
        self.gate = self._process("gate", "yingke-net", "gate")
        self.sensor = self._process("sensor", "yingke-net", "sensor")
        self.portal = self._process("portal", "yingke-portal")
        self.sync = self._process("sync", "yingke-sync", "upload")
        self._rendered = self.run_dir / "rendered" / "dnsmasq.conf"
        # -d: in a user namespace with one user dnsmasq cannot change to another.
        self.dnsmasq = self.namespace.daemon("dnsmasq", "dnsmasq", "-d", f"--conf-file={self._rendered}")

    @property
    def processes(self) -> dict[str, Daemon]:
        return {"gate": self.gate, "sensor": self.sensor, "portal": self.portal, "sync": self.sync}

    def _process(self, name: str, command: str, *arguments: str) -> Daemon:
        line = [product(command), *arguments, "--config", str(self.config_file)]
        return self.namespace.daemon(name, *line, notifies=True)

    def configure(self, head_office_url: str, upload_key: str, settings: Settings) -> None:
        """Writes yingke.toml; `settings` go over what a lab store has."""
        self._upload_key_file.write_text(upload_key + "\n")
        self._upload_key_file.chmod(0o600)
        self.namespace.resolv_conf.write_text("nameserver 203.0.113.53\n")
        document: Settings = {
            "venue": {
                "id": self.VENUE,
                "name": self.NAME,
                "data_dir": str(self.data_dir),
                "run_dir": str(self.run_dir),
            },
            "network": {
                "uplink": self.UPLINK,
                "lan_interfaces": [self.LAN_PORT],
                "owner_interfaces": [self.OWNER_PORT],
                "uplink_resolv_file": str(self.namespace.resolv_conf),
                "absent_after_seconds": 6,
                "ask_presence_seconds": 1,
            },
            "sensor": {"interfaces": [self.MONITOR], "window_seconds": 5},
            "sync": {
                "head_office_url": head_office_url,
                "upload_key_file": str(self._upload_key_file),
                "poll_seconds": 1,
            },
        }
        for section, values in settings.items():
            document[section] = document.get(section, {}) | values
        self.config_file.write_text(_toml(document))

    def start(self) -> None:
        """As systemd starts them: migrations, the gate, dnsmasq with what the gate rendered, the others.

        Before that the kernel's settings, as far as they belong to a namespace.
        """
        for file in sorted((CHECKOUT / "systemd" / "sysctl.d").glob("*.conf")):
            self.namespace.run("sysctl", "-e", "-q", "-p", str(file), check=False)
        self.command("yingke-sync", "migrate")
        self.gate.start()
        self.start_dnsmasq()
        self.portal.start()
        self.sensor.start()
        self.sync.start()

    def start_dnsmasq(self) -> None:
        """Starts it once the gate has rendered its file, as the path unit does on a real box."""
        until(self._rendered.exists, "the gate renders dnsmasq.conf")
        self.dnsmasq.start()
        started = len(self.dnsmasq.said())
        until(lambda: "DHCP, IP range" in self.dnsmasq.said() or not self.dnsmasq.running, "dnsmasq starts")
        assert self.dnsmasq.running, self.dnsmasq.said()[started:]

    def stop(self) -> None:
        """A clean stop of everything, as before a shutdown."""
        for process in (*reversed(self.processes.values()), self.dnsmasq):
            if process.running:
                process.stop()

    def command(self, command: str, *arguments: str, stdin: str | None = None) -> str:
        """One of the product's commands on the box; what it printed. Raises Failed."""
        line = [product(command), *arguments, "--config", str(self.config_file)]
        return self.namespace.run(*line, stdin=stdin).stdout

    def records(self, question: str) -> list[tuple[object, ...]]:
        """Reads records.db, as a person who looks after the box would."""
        file = f"file:{self.data_dir / 'records.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True, timeout=10)) as connection:
            return list(connection.execute(question))

    def admitted(self) -> dict[str, int]:
        """The kernel's word on who may pass: seconds left by MAC, as in the set of the forward chain."""
        listed = self.namespace.run("nft", "-j", "list", "set", "inet", "yingke", "admitted").stdout
        sets = [entry["set"] for entry in json.loads(listed)["nftables"] if "set" in entry]
        members = [member["elem"] for member in sets[0].get("elem", [])]
        return {member["val"]: int(member["expires"]) for member in members}


def _toml(document: Settings) -> str:
    # Strings, integers, booleans and lists of them are spelled alike in TOML and JSON.
    lines = []
    for section, values in document.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
