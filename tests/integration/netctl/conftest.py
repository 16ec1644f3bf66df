"""One street for all tests of the ruleset; each starts with everybody captive."""

from collections.abc import Iterator

import pytest

from tests.integration.netctl.street import Street


@pytest.fixture(scope="module")
def laid_out(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("street"))
    yield street
    street.close()


@pytest.fixture
def street(laid_out: Street) -> Street:
    laid_out.nobody()
    return laid_out
