"""The legal connection log of a whole store: what an authority gets is what the server far away saw."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from typing import Any

import pytest

from tests.lab.box import product
from tests.lab.daemon import Daemon
from tests.lab.internet import WEB_IPV4, WEB_IPV6
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import forms

EMAIL = "anna@example.com"
Row = dict[str, Any]


class Log:
    """The daemon as the box runs it; the private key lies on the owner's laptop only."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._private = store, home / "private.pem"
        made = store.laptop.run(product("yingke-net"), "legal-log", "key", str(self._private))
        (home / "legal.pub").write_text(made.stdout)
        self.directory = store.box.data_dir / "legal"
        command = [product("yingke-net"), "legal-log", "run", "--config", str(store.box.config_file)]
        self.daemon: Daemon = store.box.namespace.daemon("legal-log", *command, notifies=True)

    def export(self, *wanted: str) -> list[Row]:
        """As the owner hands it over, from a copy of the folder."""
        command = ["legal-log", "export", "--log", str(self.directory), "--key", str(self._private)]
        told = self._store.laptop.run(product("yingke-net"), *command, *wanted, check=False).stdout
        return [json.loads(line) for line in told.splitlines()]

    def rows(self, kind: str, *wanted: str) -> list[Row]:
        return [row for row in self.export(*wanted) if row["record"] == kind]

    def verify(self) -> str:
        """Raises Failed when it is not whole."""
        check = ["legal-log", "verify", "--log", str(self.directory)]
        return self._store.laptop.run(product("yingke-net"), *check).stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def store(private_network: None, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store")) as store:
        privacy: dict[str, object] = {"legal_log": "cn", "legal_log_key": str(home / "legal.pub")}
        yield store.open(privacy=privacy)


@pytest.fixture(scope="module")
def log(store: Store, home: Path) -> Log:
    log = Log(store, home)
    log.daemon.start()
    until(lambda: log.directory.exists() and log.rows("gap"), "the log begins")
    return log


@pytest.fixture
def anna(store: Store, log: Log) -> Iterator[Phone]:
    """She has registered."""
    phone = store.phone(f"anna{len(store.seen)}").join()
    phone.wait_for_ipv6()
    phone.register(email=EMAIL, terms="yes")
    yield phone
    store.gone(phone)


def seen_far_away(store: Store, phone: Phone, address: str, kind: int) -> tuple[str, int]:
    """Opens a connection; the source address and port that the server saw."""
    family = AF_INET6 if ":" in address else AF_INET
    with contextlib.ExitStack() as open_sockets:
        server = open_sockets.enter_context(store.internet.namespace.open_socket(family, kind))
        talking = open_sockets.enter_context(phone.namespace.open_socket(family, kind))
        server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        server.bind((address, 8443))
        server.settimeout(10)
        talking.settimeout(10)
        if kind == SOCK_STREAM:
            server.listen()
            talking.connect((address, 8443))
            _, peer = server.accept()
        else:
            talking.sendto(b"hello", (address, 8443))
            _, peer = server.recvfrom(100)
        return str(peer[0]), int(peer[1])


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
@pytest.mark.parametrize("address", [WEB_IPV4, WEB_IPV6])
def test_the_port_a_server_saw_leads_to_the_station_and_the_account(
    store: Store, log: Log, anna: Phone, address: str, kind: int
) -> None:
    seen = seen_far_away(store, anna, address, kind)
    wanted = ["--ip", seen[0], "--port", str(seen[1])]
    row = until(
        lambda: [row for row in log.rows("connection", *wanted) if row.get("contact")],
        "the connection, and whose it is",
    )[-1]
    assert (row["translated"], row["translated_port"]) == seen
    assert (row["destination"], row["destination_port"]) == (address, 8443)
    assert row["source"] in [anna.ipv4, *anna.ipv6()]
    assert (row["mac"], row["contact"], row["method"]) == (anna.mac, EMAIL, "form")


def test_her_session_is_told_with_its_addresses_from_beginning_to_end(
    store: Store, log: Log, anna: Phone
) -> None:
    started = until(lambda: log.rows("session", "--mac", anna.mac), "her session")[0]
    assert (started["what"], started["contact"]) == ("started", EMAIL)
    assert anna.ipv4 in started["ips"]
    page = anna.get(f"http://{anna.router}/online")
    sign_out = next(form for form in forms(page.body) if "sign-out" in form.action)
    anna.get(f"http://{anna.router}{sign_out.action}", form=sign_out.fields)
    ended = until(lambda: log.rows("session", "--mac", anna.mac)[1:], "its end")[0]
    assert (ended["what"], ended["reason"]) == ("ended", "signed_out")


def test_her_lease_is_told(log: Log, anna: Phone) -> None:
    (lease,) = until(lambda: log.rows("lease", "--mac", anna.mac), "her lease")
    assert (lease["ips"], lease["what"]) == ([anna.ipv4], "given")


def test_what_a_captive_phone_does_and_what_names_she_looks_up_is_not_in_it(
    store: Store, log: Log, phone: Phone
) -> None:
    phone.open_portal("http://secret.example/diary")
    phone.look_up("secret.example")
    until(lambda: log.rows("lease", "--mac", phone.mac), "her lease")
    assert log.rows("connection", "--mac", phone.mac) == []
    assert "secret" not in json.dumps(log.export())


def test_no_hardware_address_lies_readable_on_the_disk(store: Store, log: Log, anna: Phone) -> None:
    until(lambda: log.rows("session", "--mac", anna.mac), "her session")
    everything = b"".join(path.read_bytes() for path in log.directory.iterdir())
    for form in (anna.mac.encode(), bytes.fromhex(anna.mac.replace(":", "")), EMAIL.encode()):
        assert form not in everything


def test_after_a_crash_the_log_is_whole_and_says_when_it_did_not_run(
    store: Store, log: Log, anna: Phone
) -> None:
    gaps = len(log.rows("gap"))
    log.daemon.kill()
    seen = seen_far_away(store, anna, WEB_IPV4, SOCK_STREAM)
    log.daemon.start()
    # Opened while nobody listened, and still known to the kernel.
    until(lambda: log.rows("connection", "--port", str(seen[1])), "the connection from the gap")
    assert len(log.rows("gap")) == gaps + 1
    assert "The log is whole." in log.verify()


def test_with_the_log_off_the_same_box_records_nothing(store: Store, tmp_path: Path) -> None:
    settings = store.box.config_file.read_text().replace('legal_log = "cn"', 'legal_log = "off"')
    settings = settings.replace(str(store.box.data_dir), str(tmp_path))
    (tmp_path / "off.toml").write_text(settings)
    told = store.box.namespace.run(
        product("yingke-net"), "legal-log", "run", "--config", str(tmp_path / "off.toml")
    )
    assert "nothing is recorded" in told.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["off.toml"]
