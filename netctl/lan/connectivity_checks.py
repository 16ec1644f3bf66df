"""What phones and computers ask for to find out whether they are online, and what tells them that they are.

While a station is captive each of these is redirected like any other page: interception is never built on
this list, which is incomplete by nature. It serves the trace of a station (who asked), the answerer of the
time without internet, the virtual internet and the tests.

Sources: AOSP NetworkMonitor (2025-03), the WBA's captive network behaviour paper, Mozilla's and
NetworkManager's packaged settings; those of other makers as others have seen them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that means "online". None and nothing named: whatever it is. Header names in lower case."""

    status: int | None = 200
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def is_given_by(self, status: int, headers: Mapping[str, str], body: str) -> bool:
        """White space around the body aside: some of the real hosts end it with a newline, some do not."""
        return (
            self.status in (None, status)
            and (self.body is None or self.body.strip() == body.strip())
            and all(headers.get(name) == value for name, value in self.headers.items())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityCheck:
    """`asker` gets `url`, or one of `others` in its place, and is online when any of `answers` comes.

    `partner`: asked over TLS at the same time; while it fails the asker speaks of a limited connection.
    `user_agent`: what the check calls itself, where that is known.
    """

    asker: str
    url: str
    answers: tuple[Answer, ...]
    others: tuple[str, ...] = ()
    partner: str = ""
    user_agent: str = ""

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url, *self.others)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name that is looked up for it."""
        named = (*self.urls, self.partner) if self.partner else self.urls
        return tuple(dict.fromkeys(_host(url) for url in named))

    def passes(self, status: int, headers: Mapping[str, str], body: str) -> bool:
        """Whether the asker takes this for the internet."""
        return any(answer.is_given_by(status, headers, body) for answer in self.answers)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


_NO_CONTENT = (Answer(status=204, body=""),)
_SUCCESS = (Answer(body="<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"),)
# Either is enough for NetworkManager (nm-connectivity.c), the header with any status.
_NETWORK_MANAGER = (
    Answer(body="NetworkManager is online\n", headers={"x-networkmanager-status": "online"}),
    Answer(body="NetworkManager is online\n"),
    Answer(status=None, headers={"x-networkmanager-status": "online"}),
)
_APPLE_AGENT = "CaptiveNetworkSupport-390.60.1 wispr"
# NetworkMonitor's own, unless the maker sets another (captive_portal_user_agent).
_ANDROID_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36"
)
_WINDOWS_AGENT = "Microsoft NCSI"

CHECKS = (
    ConnectivityCheck(
        asker="Apple",
        url="http://captive.apple.com/hotspot-detect.html",
        answers=_SUCCESS,
        user_agent=_APPLE_AGENT,
    ),
    ConnectivityCheck(
        asker="Apple, older",
        url="http://www.apple.com/library/test/success.html",
        others=(
            "http://www.appleiphonecell.com/library/test/success.html",
            "http://www.airport.us/library/test/success.html",
            "http://www.ibook.info/library/test/success.html",
            "http://www.itools.info/library/test/success.html",
            "http://www.thinkdifferent.us/library/test/success.html",
        ),
        answers=_SUCCESS,
        user_agent=_APPLE_AGENT,
    ),
    ConnectivityCheck(
        asker="Android",
        url="http://connectivitycheck.gstatic.com/generate_204",
        others=("http://www.google.com/gen_204", "http://play.googleapis.com/generate_204"),
        answers=_NO_CONTENT,
        partner="https://www.google.com/generate_204",
        user_agent=_ANDROID_AGENT,
    ),
    ConnectivityCheck(
        asker="Xiaomi",
        url="http://connect.rom.miui.com/generate_204",
        others=("http://connectivitycheck.platform.xiaomi.com/generate_204",),
        answers=_NO_CONTENT,
        partner="https://connect.rom.miui.com/generate_204",
    ),
    ConnectivityCheck(
        asker="Huawei",
        url="http://connectivitycheck.platform.hicloud.com/generate_204",
        answers=_NO_CONTENT,
    ),
    ConnectivityCheck(
        asker="Honor",
        url="http://connectivitycheck.platform.hihonorcloud.com/generate_204",
        answers=_NO_CONTENT,
    ),
    ConnectivityCheck(
        asker="OPPO, realme, OnePlus",
        url="http://conn1.coloros.com/generate_204",
        others=tuple(f"http://conn{number}.coloros.com/generate_204" for number in range(2, 6)),
        answers=_NO_CONTENT,
    ),
    ConnectivityCheck(asker="vivo", url="http://wifi.vivo.com.cn/generate_204", answers=_NO_CONTENT),
    ConnectivityCheck(
        asker="Samsung",
        url="http://connectivitycheck.samsung.com/generate_204",
        others=(
            "http://connectivity.samsung.com.cn/generate_204",
            "http://d2uzsrnmmf6tds.cloudfront.net/generate_204",
        ),
        answers=_NO_CONTENT,
    ),
    ConnectivityCheck(
        asker="Meizu", url="http://connectivitycheck.meizu.com/generate_204", answers=_NO_CONTENT
    ),
    ConnectivityCheck(
        asker="Fire OS, Kindle",
        url="http://spectrum.s3.amazonaws.com/kindle-wifi/wifistub.html",
        others=("http://spectrum.s3.amazonaws.com/kindle-wifi/wifiredirect.html",),
        answers=(Answer(body="81ce4465-7167-4dcb-835b-dcc9e44c112a"),),
    ),
    ConnectivityCheck(
        asker="ChromeOS",
        url="http://clients3.google.com/generate_204",
        answers=_NO_CONTENT,
        partner="https://www.google.com/generate_204",
    ),
    ConnectivityCheck(asker="Chrome, Edge", url="http://www.gstatic.com/generate_204", answers=_NO_CONTENT),
    ConnectivityCheck(
        asker="Windows 10, 11",
        url="http://www.msftconnecttest.com/connecttest.txt",
        others=("http://ipv6.msftconnecttest.com/connecttest.txt",),
        answers=(Answer(body="Microsoft Connect Test"),),
        user_agent=_WINDOWS_AGENT,
    ),
    ConnectivityCheck(
        asker="Windows 7, 8",
        url="http://www.msftncsi.com/ncsi.txt",
        others=("http://ipv6.msftncsi.com/ncsi.txt",),
        answers=(Answer(body="Microsoft NCSI"),),
        user_agent=_WINDOWS_AGENT,
    ),
    ConnectivityCheck(
        asker="Firefox",
        url="http://detectportal.firefox.com/canonical.html",
        answers=(
            Answer(
                body='<meta http-equiv="refresh" '
                'content="0;url=https://support.mozilla.org/kb/captive-portal"/>'
            ),
        ),
    ),
    ConnectivityCheck(
        asker="Firefox, by family",
        url="http://detectportal.firefox.com/success.txt?ipv4",
        others=("http://detectportal.firefox.com/success.txt?ipv6",),
        answers=(Answer(body="success\n"),),
    ),
    ConnectivityCheck(asker="Debian", url="http://network-test.debian.org/nm", answers=_NETWORK_MANAGER),
    ConnectivityCheck(
        asker="GNOME",
        url="http://nmcheck.gnome.org/check_network_status.txt",
        answers=_NETWORK_MANAGER,
    ),
    ConnectivityCheck(
        asker="Ubuntu",
        url="http://connectivity-check.ubuntu.com./",
        answers=(Answer(status=204, body="", headers={"x-networkmanager-status": "online"}), *_NO_CONTENT),
    ),
    ConnectivityCheck(
        asker="Fedora",
        url="http://fedoraproject.org/static/hotspot.txt",
        answers=(Answer(body="OK\n"),),
    ),
    ConnectivityCheck(
        asker="Arch Linux", url="http://ping.archlinux.org/nm-check.txt", answers=_NETWORK_MANAGER
    ),
    ConnectivityCheck(asker="openSUSE", url="http://conncheck.opensuse.org/", answers=_NETWORK_MANAGER),
    ConnectivityCheck(asker="KDE", url="http://networkcheck.kde.org/", answers=(Answer(body="OK\n"),)),
    ConnectivityCheck(
        asker="Nintendo Switch",
        url="http://ctest.cdn.nintendo.net/",
        answers=(Answer(body="ok", headers={"x-organization": "Nintendo"}), Answer(body="ok")),
    ),
    ConnectivityCheck(
        asker="Nintendo 3DS",
        url="http://conntest.nintendowifi.net/",
        answers=(Answer(headers={"x-organization": "Nintendo"}),),
    ),
    ConnectivityCheck(
        asker="PlayStation",
        url="http://ena.net.playstation.net/netstart/ps4",
        others=(
            "http://ena.net.playstation.net/netstart/ps5",
            "http://get.net.playstation.net/netstart/ps4",
        ),
        answers=(Answer(),),
    ),
)

HOSTS = frozenset(host for check in CHECKS for host in check.hosts) | {
    # Windows looks these up and compares the answer with a known address; it asks them nothing.
    "dns.msftncsi.com",
}
"""The names of all checks, in small letters without a final dot."""

_BY_PAGE = {
    (_host(url), urlsplit(url).path or "/"): check for check in reversed(CHECKS) for url in check.urls
}


def find(host: str, path: str) -> ConnectivityCheck | None:
    """The check that a request for this host and path is; None for a page of the web."""
    return _BY_PAGE.get((host.lower().rstrip("."), path.partition("?")[0]))
