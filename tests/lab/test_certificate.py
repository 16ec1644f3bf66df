"""A store that holds a certificate: its pages and the Captive Portal API answer over HTTPS (RFC 8908)."""

import json
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.lab.certificate import DOMAIN, Certificate, made_certificate
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply, forms

HOME = f"https://{DOMAIN}/"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def store(
    private_network: None, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store.open(portal=certificate.settings)


class Browser:
    """One that trusts who signed the certificate."""

    def __init__(self, phone: Phone, certificate: Certificate) -> None:
        self._phone, self._trusted = phone, ("--cacert", str(certificate.chain))

    def get(self, path: str, *options: str, form: dict[str, str] | None = None) -> Reply:
        return self._phone.get(urljoin(HOME, path), form=form, options=(*self._trusted, *options))

    def capport(self, *options: str) -> dict[str, object]:
        answer = self.get("/capport/api", *options)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/captive+json")
        assert answer.headers["cache-control"] == "private"
        said: dict[str, object] = json.loads(answer.body)
        return said


@pytest.fixture
def browser(phone: Phone, certificate: Certificate) -> Browser:
    phone.wait_for_ipv6()
    return Browser(phone, certificate)


def test_a_check_is_led_to_the_name_of_the_certificate_and_the_splash_opens_there(
    phone: Phone, browser: Browser
) -> None:
    reply = phone.get("http://captive.apple.com/hotspot-detect.html")
    assert (reply.status, reply.location) == (302, HOME)
    assert "Lab store" in browser.get("/").body


@pytest.mark.parametrize("family", ["-4", "-6"], ids=["ipv4", "ipv6"])
def test_the_api_that_phones_are_told_of_answers_over_both_families(
    phone: Phone, browser: Browser, family: str
) -> None:
    assert phone.captive_portal == f"{HOME}capport/api"
    assert browser.capport(family) == {
        "captive": True,
        "user-portal-url": HOME,
        "can-extend-session": True,
    }


def test_who_has_registered_is_told_by_the_api_that_she_is_online(phone: Phone, browser: Browser) -> None:
    form = forms(browser.get("/register").body)[0]
    sent = browser.get(form.action, form=form.fields | {"email": "tls@example.com", "terms": "yes"})
    assert sent.status == 303
    said = browser.capport()
    assert said["captive"] is False
    assert 0 < int(str(said["seconds-remaining"])) <= 12 * 3600
    assert phone.get("http://connectivitycheck.gstatic.com/generate_204").status == 204


def test_the_owner_signs_in_over_https_on_any_network(browser: Browser) -> None:
    assert browser.get("/owner/sign-in").status == 200


def test_with_the_line_down_the_name_still_leads_to_the_splash(
    store: Store, phone: Phone, browser: Browser
) -> None:
    store.internet.cut()
    try:
        splash = until(lambda: _line_is_down(browser), "the splash says so", within_seconds=40)
        assert splash is not None
        reply = phone.get("http://captive.apple.com/hotspot-detect.html")
        assert (reply.status, reply.location) == (302, HOME)
    finally:
        store.internet.mend()


def _line_is_down(browser: Browser) -> Reply | None:
    splash = browser.get("/")
    return splash if "internet line is down" in splash.body else None
