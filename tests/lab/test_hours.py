"""The doors close, and a setting changes: also those who are online already feel it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.staff_code import StaffCode
from sync.model import SystemClock
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until

CHECK = "http://connectivitycheck.gstatic.com/generate_204"
LARGE = "http://shop.example/bytes/1000000"
EMAIL = "ada@example.com"


@pytest.fixture(scope="module")
def zone() -> str:
    """Where it is noon, so that neither midnight nor closing time comes by itself. Etc/GMT-8 lies east."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


@pytest.fixture(scope="module")
def store(private_network: None, zone: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store at noon whose box knows what time it is."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        ours = "mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/timesync"
        store.box.namespace.run("sh", "-c", f"{ours} && touch /run/systemd/timesync/synchronized")
        yield store.open(venue={"timezone": zone})


@pytest.fixture
def settings(store: Store) -> Iterator[None]:
    """The owner's file as it was, afterwards."""
    before = store.box.config_file.read_text()
    yield
    store.box.config_file.write_text(before)
    restarted(store)


def limited(store: Store, line: str) -> None:
    """The owner writes one more line under [limits] and has it read."""
    file = store.box.config_file
    file.write_text(file.read_text() + f"[limits]\n{line}\n")
    restarted(store)


def restarted(store: Store) -> None:
    for process in (store.box.gate, store.box.portal):
        process.stop()
        process.start()


def registered(phone: Phone) -> Phone:
    phone.register(email=EMAIL, terms="yes")
    assert phone.get(CHECK).status == 204
    return phone


@pytest.mark.usefixtures("settings")
def test_when_the_doors_close_who_is_online_is_out_and_told_when_they_open(
    store: Store, phone: Phone
) -> None:
    registered(phone)
    limited(store, 'opening_hours = "Mo-Su 18:00-19:00"')
    until(lambda: phone.mac not in store.box.admitted(), "the session has ended")
    splash = phone.open_portal()
    assert "The WiFi is closed just now" in splash.body
    assert "18:00" in splash.body
    assert "/register" not in splash.body
    ended = phone.get(f"http://{phone.router}/expired")
    assert "We are closed" in ended.body
    assert "the store is closed" in store.box.command("yingke-net", "status", phone.ipv4)


@pytest.mark.usefixtures("settings")
def test_while_closed_staff_and_till_are_let_in_and_a_guest_is_not(
    store: Store, phone: Phone, zone: str
) -> None:
    limited(store, 'opening_hours = "Mo-Su 18:00-19:00"')
    form = phone.get(f"http://{phone.router}/register")
    phone.submit(form, email=EMAIL, terms="yes")
    assert phone.get(CHECK).status == 302

    key = store.box.data_dir / "portal" / "staff_code.key"
    code = StaffCode.from_file(key, zone, SystemClock()).today()
    page = phone.submit(phone.get(f"http://{phone.router}/voucher"), code=code)
    assert page.url == f"http://{phone.router}/online"
    assert phone.get(CHECK).status == 204

    till = store.phone(f"till{len(store.seen)}").join()
    until(lambda: "joined" in store.box.command("yingke-net", "status", till.ipv4), "the till is seen")
    store.box.command("yingke-net", "device", "allow", till.ipv4, "--name", "till")
    assert till.get(CHECK).status == 204
    store.gone(till)


@pytest.mark.usefixtures("settings")
def test_a_session_ends_with_the_opening_hours_in_the_kernel_itself(
    store: Store, phone: Phone, zone: str
) -> None:
    limited(store, 'opening_hours = "Mo-Su 09:00-17:00"')
    registered(phone)
    local = datetime.now(ZoneInfo(zone))
    until_closing = (17 - local.hour) * 3600 - local.minute * 60 - local.second
    assert until_closing - 30 < store.box.admitted()[phone.mac] <= until_closing + 1


@pytest.mark.usefixtures("settings")
def test_a_rate_holds_for_who_is_online_already(store: Store, phone: Phone) -> None:
    registered(phone)
    assert len(phone.get(LARGE).body) == 1_000_000
    limited(store, "down_kbit = 1000")

    def is_slow() -> bool:
        # A megabyte takes eight seconds at that rate.
        two_seconds = ["curl", "--silent", "--max-time", "2", "--output", "/dev/null"]
        done = phone.namespace.run(*two_seconds, "--write-out", "%{size_download}", LARGE, check=False)
        return 100_000 < int(done.stdout) < 500_000

    until(is_slow, "the rate holds")
