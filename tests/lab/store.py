"""The virtual store: internet, head office, the box with its two networks, and phones that come and go."""

from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.box import Box
from tests.lab.headoffice import HeadOffice
from tests.lab.internet import Internet
from tests.lab.namespace import Namespace
from tests.lab.phone import Phone


class Store:
    """Built by its constructor, alive after `open`, gone after `close`; `home` holds every file and log.

    `laptop` is the owner's, on the owner's wired port. `seen` names every phone that ever came within reach,
    `phones` those that are.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.internet = Internet(home)
        self.head_office = HeadOffice(home)
        self.internet.connect_head_office(self.head_office.namespace)
        self.box = Box(home)
        self.internet.connect(self.box.namespace, self.box.UPLINK)
        # The access point on the ceiling: a bridge that keeps phones apart (ap_isolate of hostapd).
        self._air = Namespace("air", home)
        self._air.ip("link add air type bridge forward_delay 0", "link set air up")
        self._air.join("cable", self.box.namespace, self.box.LAN_PORT)
        self._air.ip("link set cable master air")
        self._air.join("radio", self.box.namespace, self.box.MONITOR)
        self.laptop = Namespace("laptop", home)
        self.laptop.join("eth0", self.box.namespace, self.box.OWNER_PORT)
        self.laptop.ip(f"address add {self.box.OWNER_LAPTOP}/24 dev eth0")
        self.phones: dict[str, Phone] = {}
        self.seen: list[str] = []

    @property
    def air(self) -> Namespace:
        """Where frames are sent from: its link `radio` ends at the box's monitor interface."""
        return self._air

    def open(self, **settings: dict[str, object]) -> Self:
        """Everything runs when it returns. `settings` go into yingke.toml, by section."""
        self.internet.start()
        self.head_office.start()
        name = str(settings.get("venue", {}).get("name", self.box.NAME))
        key = self.head_office.add_venue(self.box.VENUE, name)
        self.box.configure(self.head_office.url, key, settings)
        self.box.start()
        return self

    def phone(self, name: str) -> Phone:
        """A phone within reach of the WiFi, not yet joined."""
        self.seen.append(name)
        number = len(self.seen)
        mac = f"02:00:5e:10:{number >> 8:02x}:{number & 0xFF:02x}"
        namespace = Namespace(name, self.home)
        self.plug_in(namespace, "wlan0", f"ap{number}", mac)
        namespace.ip("link set wlan0 down")
        self.phones[name] = Phone(namespace, mac)
        return self.phones[name]

    def plug_in(self, namespace: Namespace, link: str, port: str, mac: str | None = None) -> None:
        """Associates a link of a namespace with the access point."""
        namespace.join(link, self._air, port, mac)
        self._air.ip(f"link set {port} master air")
        self._air.run("bridge", "link", "set", "dev", port, "isolated", "on")

    def gone(self, phone: Phone) -> None:
        """The phone is switched off for good."""
        self.phones.pop(phone.name).namespace.close()

    def logs(self) -> str:
        parts = [self.internet.logs(), self.head_office.namespace.logs(), self.box.namespace.logs()]
        return "\n".join([*parts, *(phone.namespace.logs() for phone in self.phones.values())])

    def close(self) -> None:
        for phone in self.phones.values():
            phone.namespace.close()
        self.box.namespace.close()
        self.laptop.close()
        self._air.close()
        self.head_office.namespace.close()
        self.internet.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
