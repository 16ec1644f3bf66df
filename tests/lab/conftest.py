"""A virtual store for the tests of a file, and what all its programs said when one of them fails."""

from collections.abc import Generator, Iterator

import pytest

from tests.lab.phone import Phone
from tests.lab.store import Store


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that is open: everything runs."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        try:
            yield store.open()
        except AssertionError:
            print(store.logs())
            raise


@pytest.fixture
def phone(store: Store, request: pytest.FixtureRequest) -> Iterator[Phone]:
    """A phone that has just joined the WiFi; switched off after the test."""
    phone = store.phone(f"phone{len(store.seen) + 1}").join()
    yield phone
    store.gone(phone)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    store = getattr(item, "funcargs", {}).get("store")
    if report.failed and isinstance(store, Store):
        report.sections.append(("what the store's programs said", store.logs()))
    return report
