"""Who attacks, and who is attacked."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from netctl.api import parse_ip
from netctl.client import GateClient
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """As in the other labs; a guest takes as many temporary passes as the tests need."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store.open(limits={"passes_a_day": 100, "pass_down_kbit": 20000, "pass_up_kbit": 20000})


@pytest.fixture(scope="module")
def witness(store: Store) -> Phone:
    """A shopper who has registered, and minds her own business."""
    phone = store.phone("witness").join()
    phone.register(email="witness@example.com", terms="yes")
    until(lambda: phone.mac in store.box.admitted(), "the witness is admitted")
    return phone


@pytest.fixture
def take_pass(store: Store) -> Callable[[Phone], None]:
    """Lets a phone have a few slow minutes."""

    def take(phone: Phone) -> None:
        gate = GateClient(store.box.run_dir / "gate.sock")
        asyncio.run(gate.temporary_pass(parse_ip(phone.ipv4)))
        assert phone.mac in store.box.admitted()

    return take


@pytest.fixture(params=["captive", "with a temporary pass"])
def attacker(
    request: pytest.FixtureRequest, phone: Phone, take_pass: Callable[[Phone], None]
) -> tuple[Phone, bool]:
    """A phone that has just joined, and whether it may go out."""
    has_pass = request.param != "captive"
    if has_pass:
        take_pass(phone)
    return phone, has_pass
