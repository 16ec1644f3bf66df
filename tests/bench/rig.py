"""One phone, a router, a server of the internet, each a namespace; as measured for the peers in 2026.

GSO, TSO and GRO are off, so each packet of 1500 bytes is one pass through the packet filter, as with a plain
network card. What the phone runs has one core, what the server runs another.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.lab.daemon import Daemon
from tests.lab.namespace import Namespace
from tests.lab.waiting import until

PHONE, PHONE_MAC = "10.77.50.1", "06:ff:00:00:00:01"
ROUTER, SERVER = "10.77.0.1", "10.88.0.2"
BRIDGE, UPLINK, LAN_PORT = "br-lan", "eth0", "lan0"
SINK_PORT, IPERF_PORT, WEB_PORT = 9999, 5201, 80

# Counts datagrams where they arrive and ends them there: no socket, no answer.
_SINK = f"""
table netdev sink {{
	counter arrived {{ }}
	chain arriving {{
		type filter hook ingress device line priority 0; policy accept;
		udp dport {SINK_PORT} counter name arrived drop
	}}
}}
"""


class Rig:
    """`phone`, `router` and `server`; the router's packet filter is empty. Gone after `close`."""

    def __init__(self, home: Path) -> None:
        self.phone, self.router, self.server = (
            Namespace(name, home) for name in ("phone", "router", "server")
        )
        self.phone.join("wlan0", self.router, LAN_PORT, PHONE_MAC)
        self.server.join("line", self.router, UPLINK)
        self.router.sysctl(ipv4__ip_forward=1)
        self.router.ip(
            f"link add {BRIDGE} type bridge forward_delay 0",
            f"link set {LAN_PORT} master {BRIDGE}",
            f"link set {BRIDGE} up",
            f"address add {ROUTER}/16 dev {BRIDGE}",
            f"address add fd77:79b6:1::1/64 dev {BRIDGE} nodad",
            f"address add 10.88.0.1/24 dev {UPLINK}",
        )
        self.phone.ip(f"address add {PHONE}/16 dev wlan0", f"route add default via {ROUTER}")
        self.server.ip(f"address add {SERVER}/24 dev line", "route add default via 10.88.0.1")
        # A thousand short connections a second leave their ports behind for a minute.
        self.phone.run("sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=1024 65535")
        for namespace, links in (
            (self.phone, ["wlan0"]),
            (self.router, [LAN_PORT, UPLINK, BRIDGE]),
            (self.server, ["line"]),
        ):
            for link in links:
                namespace.run("ethtool", "-K", link, "gso", "off", "tso", "off", "gro", "off", check=False)
        self.server.run("nft", "-f", "-", stdin=_SINK)
        self._nginx = self._daemon("nginx", "nginx", "-c", str(self._nginx_conf(home)), "-p", str(home))
        self._iperf = self._daemon("iperf3", "iperf3", "-s", "-p", str(IPERF_PORT))

    def start(self) -> None:
        """The server answers the phone when it returns."""
        for daemon, port in ((self._nginx, WEB_PORT), (self._iperf, IPERF_PORT)):
            daemon.start()
            until(lambda port=port: self._answers(port), f"an answer on port {port}")  # type: ignore[misc]

    def on_phone(self, *command: str) -> list[str]:
        """The command line that runs `command` on the phone, on its core."""
        return self.phone.command("taskset", "-c", str(cores()[0]), *command)

    def arrived(self) -> int:
        """Datagrams that have come through to the server so far."""
        listed = self.server.run("nft", "list", "counter", "netdev", "sink", "arrived").stdout
        return int(listed.split("packets")[1].split()[0])

    def close(self) -> None:
        for namespace in (self.phone, self.router, self.server):
            namespace.close()

    def _daemon(self, name: str, *command: str) -> Daemon:
        return self.server.daemon(name, "taskset", "-c", str(cores()[-1]), *command)

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(OSError), self.phone.open_socket() as trying:
            trying.settimeout(1)
            trying.connect((SERVER, port))
            return True
        return False

    @staticmethod
    def _nginx_conf(home: Path) -> Path:
        file = home / "nginx.conf"
        folders = " ".join(
            f"{kind}_temp_path {home}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file.write_text(f"""
worker_processes 1; daemon off; pid {home}/nginx.pid; error_log stderr crit; user root;
events {{ worker_connections 4096; }}
http {{ access_log off; {folders}
  server {{ listen {WEB_PORT} backlog=4096; location / {{ return 200 "welcome to the internet\\n"; }} }} }}
""")
        return file


def cores() -> list[int]:
    """The cores we may run on."""
    return sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def rig(home: Path) -> Iterator[Rig]:
    made = Rig(home)
    try:
        made.start()
        yield made
    finally:
        made.close()
