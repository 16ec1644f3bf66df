"""The rest of the world: a router of the provider, a web server, a resolver that knows every name."""

import json
import shutil
from pathlib import Path

from tests.lab.namespace import Namespace
from tests.lab.waiting import until

WEB_IPV4, WEB_IPV6 = "203.0.113.10", "2001:db8:80::10"
RESOLVER = "203.0.113.53"
# A zone whose name server is somebody's own: what a DNS tunnel needs.
TUNNEL_ZONE, TUNNEL_DNS = "t.example", "203.0.113.99"
UPLINK_IPV4, UPLINK_IPV6 = "198.51.100.2", "2001:db8:77::2"
HEAD_OFFICE = "192.0.2.2"
DELEGATED = "2001:db8:dd00::/40"
MENU, STREET = "menu.example", "street.example"
"""Two domains with `HOSTS_EACH` hosts of addresses of their own: n1.menu.example and so on."""
HOSTS_EACH = 200


def addresses_of(domain: str, number: int) -> tuple[str, str]:
    """IPv4 and IPv6 of a host of MENU or STREET. RFC 2544's range stands for public addresses."""
    net = (MENU, STREET).index(domain)
    return f"198.18.{net}.{number}", f"2001:db8:81:{net + 1}::{number:x}"


def _hosts_file() -> str:
    return "".join(
        f"{address} n{number}.{domain}\n"
        for domain in (MENU, STREET)
        for number in range(1, HOSTS_EACH + 1)
        for address in addresses_of(domain, number)
    )


def _delegation(folder: Path) -> dict[str, object]:
    first, length = DELEGATED.split("/")
    pool = {"prefix": first, "prefix-len": int(length), "delegated-len": 56}
    subnet = {"subnet": "2001:db8:77::/64", "interface": "line", "pd-pools": [pool]}
    return {
        "interfaces-config": {"interfaces": ["line"]},
        "data-directory": str(folder),
        "lease-database": {"type": "memfile", "persist": False},
        "subnet6": [subnet],
        "loggers": [{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}],
    }


class Internet:
    """Addresses of the documentation ranges (RFC 5737, RFC 3849) stand for public ones."""

    def __init__(self, home: Path) -> None:
        self.namespace = Namespace("internet", home)
        self.namespace.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.namespace.ip(
            f"address add {WEB_IPV4}/32 dev lo",
            f"address add {RESOLVER}/32 dev lo",
            f"address add {WEB_IPV6}/128 dev lo nodad",
            # One that answers datagrams; a whole range of others need only be reached.
            f"address add {addresses_of(MENU, 1)[1]}/128 dev lo nodad",
            "route add local 198.18.0.0/23 dev lo",
            "route add local 2001:db8:81::/48 dev lo",
        )
        self._kea = self.namespace.home / "kea"
        self._kea.mkdir()
        self.web = self.namespace.python("web", "tests.lab.internet_server")
        hosts = self.namespace.home / "hosts"
        hosts.write_text(_hosts_file())
        # Answers every name, IPv4 and IPv6 alike.
        names = [
            f"--address=/#/{WEB_IPV4}",
            f"--address=/#/{WEB_IPV6}",
            f"--server=/{TUNNEL_ZONE}/{TUNNEL_DNS}",
        ]
        plain = [
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            f"--addn-hosts={hosts}",
            "--bind-interfaces",
            "--pid-file=",
        ]
        listen = [f"--listen-address={RESOLVER}"]
        self.resolver = self.namespace.daemon("resolver", "dnsmasq", "-d", *plain, *listen, *names)

    def start(self) -> None:
        self.resolver.start()
        self.web.start()

    def connect(self, box: Namespace, link: str) -> None:
        """The provider's line to a box: IPv4 and IPv6, as a router of the provider would give them."""
        self.namespace.join("line", box, link)
        self.namespace.ip(
            "address add 198.51.100.1/24 dev line", "address add 2001:db8:77::1/64 dev line nodad"
        )
        box.ip(
            f"address add {UPLINK_IPV4}/24 dev {link}",
            "route add default via 198.51.100.1",
            f"address add {UPLINK_IPV6}/64 dev {link} nodad",
            "route add ::/0 via 2001:db8:77::1",
        )

    def connect_head_office(self, head_office: Namespace) -> None:
        self.namespace.join("office", head_office, "eth0")
        self.namespace.ip("address add 192.0.2.1/24 dev office")
        head_office.ip(f"address add {HEAD_OFFICE}/24 dev eth0", "route add default via 192.0.2.1")

    def delegate_prefixes(self) -> None:
        """From now on a box that asks for it gets a /56 of `DELEGATED` (RFC 8415 section 6.3)."""
        self.namespace.ip(f"route add {DELEGATED} via {UPLINK_IPV6} dev line")
        # The machine may confine kea, known by its path, to folders of its own.
        program = Path(shutil.copy(shutil.which("kea-dhcp6", path="/usr/sbin:/usr/bin") or "", self._kea))
        (self._kea / "kea.json").write_text(json.dumps({"Dhcp6": _delegation(self._kea)}))
        folders = {"KEA_LOCKFILE_DIR": str(self._kea), "KEA_PIDFILE_DIR": str(self._kea)}
        line = [str(program), "-c", str(self._kea / "kea.json")]
        kea = self.namespace.daemon("kea", *line, extra=folders).start()
        until(lambda: "DHCP6_STARTED" in kea.said() or not kea.running, "kea starts")
        assert kea.running, kea.said()

    def cut(self) -> None:
        """The provider's line is dead."""
        self.namespace.ip("link set line down")

    def mend(self) -> None:
        # The kernel drops IPv6 addresses with the link.
        self.namespace.ip("link set line up", "address replace 2001:db8:77::1/64 dev line nodad")

    def logs(self) -> str:
        return self.namespace.logs()

    def close(self) -> None:
        self.namespace.close()
