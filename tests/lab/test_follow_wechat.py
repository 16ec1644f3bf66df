"""A follow on WeChat opens the gate: the platform in the internet, head office between, a phone here."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.browser.chromium import BrowserFailed, Chromium
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import forms
from tests.lab.wechat import WeChat

CHECK = "http://connectivitycheck.gstatic.com/generate_204"
LINKS = "wifi.example"


@pytest.fixture(scope="module")
def shop(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, WeChat]]:
    """A store that offers to follow it on WeChat, with its stock of codes."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        wechat = WeChat(store.home, store.internet)
        wechat.introduce(store.head_office, f"http://{LINKS}")
        wechat.start()
        store.open(follow={"link_host": LINKS})
        for told in ("follow_accounts", "follow_codes"):
            until(lambda told=told: store.box.records(f"SELECT 1 FROM {told}"), told)  # type: ignore[misc]
        yield store, wechat
        wechat.close()


@pytest.fixture
def store(shop: tuple[Store, WeChat]) -> Store:
    return shop[0]


@pytest.fixture
def wechat(shop: tuple[Store, WeChat]) -> WeChat:
    return shop[1]


def _asks_to_follow(phone: Phone) -> str:
    """The code on the page that says how to."""
    phone.open_portal()
    return _code_on(phone.get(f"http://{phone.router}/follow/wechat").body)


def _code_on(page: str) -> str:
    found = re.search(r'class="digits">(\d{3}) ?(\d{3})<', page)
    assert found is not None, "the page shows no code"
    return found[1] + found[2]


def _qr_of(store: Store, code: str) -> str:
    """What the QR beside the code says."""
    [(url,)] = store.box.records(f"SELECT url FROM follow_codes WHERE code = '{code}'")
    return str(url)


def _link_in(text: str | None) -> str:
    found = re.search(r'href="([^"]+)"', text or "")
    assert found is not None, f"no link in {text!r}"
    return found[1]


def _follows_and_sends(wechat: WeChat, person: str, code: str) -> str:
    """She finds the account by its name; what she reads in the end."""
    assert "六位数字" in (wechat.follow(person) or "")
    return wechat.say(person, code) or ""


def _shown(browser: Chromium) -> str:
    """Nothing, while it is on its way from one page to the next."""
    try:
        return browser.url
    except BrowserFailed:
        return ""


def _is_captive(phone: Phone) -> bool:
    return phone.get(CHECK).status == 302


def _follows(store: Store, state: str) -> int:
    return sum(row.get("state") == state for row in store.head_office.pull("follows"))


def test_from_the_splash_to_online_with_the_qr_and_no_finger_on_the_page(
    store: Store, wechat: WeChat, phone: Phone
) -> None:
    """By head office's log, in a real browser without JavaScript."""
    with Chromium(phone.namespace, javascript=False) as browser:
        browser.open(CHECK)
        browser.press("a[href^='/follow/wechat']")
        code = _code_on(browser.html)
        assert browser.shows("figure.scan svg")
        browser.press("form[action^='/follow/wechat/pass'] button")
        assert phone.connects("203.0.113.10", 443) == "open"
        assert store.box.admitted()[phone.mac] <= 600
        reply = wechat.scan("oQr", _qr_of(store, code)) or ""
        assert _link_in(reply).startswith(f"http://{LINKS}/g/")
        assert code in reply.replace(" ", "")
        until(lambda: _shown(browser).endswith("/online"), "the page leads on by itself")
    assert store.box.admitted()[phone.mac] > 3600
    until(lambda: _follows(store, "verified") == 1, "head office has the follow", within_seconds=40)


def test_by_the_link_with_the_stores_own_line_down(store: Store, wechat: WeChat, phone: Phone) -> None:
    """Her phone asks WeChat on mobile data; the box can ask nobody."""
    code = _asks_to_follow(phone)
    known = "SELECT count(*) FROM follow_grants"
    granted = store.box.records(known)
    store.internet.cut()
    try:
        link = _link_in(_follows_and_sends(wechat, "oLink", f"验证码 {code}"))
        page = phone.get(link, follow=True)
        assert (page.status, page.url.endswith("/online")) == (200, True)
        before = store.box.admitted()[phone.mac]
        assert before > 3600
    finally:
        store.internet.mend()
    # The log brings the same grant once more, late: nothing is added.
    until(lambda: store.box.records(known) != granted, "the log has brought it", within_seconds=60)
    assert store.box.admitted()[phone.mac] <= before


def test_the_poster_on_the_wall_gives_her_a_link_that_opens(
    store: Store, wechat: WeChat, phone: Phone
) -> None:
    [(poster,)] = store.box.records("SELECT poster_url FROM follow_accounts")
    link = _link_in(wechat.scan("oPoster", str(poster)))
    assert _is_captive(phone)
    assert phone.get(link, follow=True).url.endswith("/online")
    assert not _is_captive(phone)


def test_a_code_without_a_follow_and_one_used_or_wrong_open_nothing_and_say_so(
    store: Store, wechat: WeChat, phone: Phone
) -> None:
    code = _asks_to_follow(phone)
    assert "先关注" in (wechat.say("oFollowsNot", code) or "")
    assert _is_captive(phone)
    assert "href" in _follows_and_sends(wechat, "oFirst", code)
    assert "href" not in _follows_and_sends(wechat, "oSecond", code)
    assert "href" not in _follows_and_sends(wechat, "oGuesses", "000000")
    assert wechat.say("oSecond", "几点关门?") is None


def test_who_unfollows_is_forgotten_at_head_office(store: Store, wechat: WeChat, phone: Phone) -> None:
    code = _asks_to_follow(phone)
    before = _follows(store, "ended")
    assert _link_in(wechat.scan("oLeaves", _qr_of(store, code)))
    known = [row["id"] for row in store.head_office.pull("identities") if not row["deleted"]]
    assert wechat.unfollow("oLeaves") is None
    until(lambda: _follows(store, "ended") == before + 1, "the follow has ended")
    left = [row["id"] for row in store.head_office.pull("identities") if not row["deleted"]]
    assert len(left) == len(known) - 1
    assert "oLeaves" not in str(store.head_office.pull("identities"))


def test_head_office_killed_between_the_follow_and_the_grant_loses_nothing(
    store: Store, wechat: WeChat, phone: Phone
) -> None:
    code = _asks_to_follow(phone)
    page = phone.get(f"http://{phone.router}/follow/wechat")
    button = next(form for form in forms(page.body) if form.action.endswith("/pass"))
    phone.get(f"http://{phone.router}{button.action}", form=button.fields, follow=True)
    store.internet.cut()
    assert _link_in(_follows_and_sends(wechat, "oKilled", code))
    store.head_office.server.kill()
    store.internet.mend()
    store.head_office.server.start()
    until(lambda: store.box.admitted().get(phone.mac, 0) > 3600, "the log brings it", within_seconds=60)


def _won(store: Store, name: str) -> int:
    """Follows on this week's board."""
    told = json.loads(store.head_office.command("staff", "board", store.box.VENUE, "--json"))
    return next((row["follows"] for row in told["rows"] if row["name"] == name), 0)


def test_a_badge_wins_its_follow_once_and_loses_it_again_to_who_leaves(
    store: Store, wechat: WeChat, phone: Phone
) -> None:
    """What `yingke-headoffice staff` gives out, and the owner's board."""
    store.head_office.command("staff", "enlist", store.box.VENUE, "--name", "Li Na")
    badge = "SELECT poster_url FROM follow_staff WHERE poster_url IS NOT NULL"
    [(url,)] = until(lambda: store.box.records(badge), "the store has her badge", within_seconds=60)
    link = _link_in(wechat.scan("oBadge", str(url)))
    assert phone.get(link, follow=True).url.endswith("/online")
    assert _won(store, "Li Na") == 1
    wechat.scan("oBadge", str(url))
    assert _won(store, "Li Na") == 1
    wechat.unfollow("oBadge")
    assert _won(store, "Li Na") == 0
    wechat.scan("oBadge", str(url))
    assert _won(store, "Li Na") == 0
    wechat.scan("oAnother", str(url))
    board = "SELECT follows FROM follow_board WHERE name = 'Li Na'"
    until(lambda: store.box.records(board) == [(1,)], "the owner's board", within_seconds=60)
