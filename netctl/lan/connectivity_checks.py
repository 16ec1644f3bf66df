"""What phones and computers ask for to find out whether they are online, and what tells them that they are.

While a station is captive each of these is redirected like any other page: interception is never built on
this list, which is incomplete by nature. It serves the virtual internet and the tests.

Sources: AOSP NetworkMonitor (2025-03), the WBA's captive network behaviour paper, Mozilla's and
NetworkManager's packaged settings; those of Chinese makers as others have seen them.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityCheck:
    """`asker` gets `url` and is online when the answer has `status` and, if there is one, this `body`."""

    asker: str
    url: str
    status: int = 204
    body: str = ""

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "").rstrip(".")

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"


_APPLE = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
_FIREFOX = '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>'

CHECKS = (
    ConnectivityCheck(
        asker="Apple", url="http://captive.apple.com/hotspot-detect.html", status=200, body=_APPLE
    ),
    ConnectivityCheck(
        asker="Apple, older", url="http://www.apple.com/library/test/success.html", status=200, body=_APPLE
    ),
    ConnectivityCheck(asker="Android", url="http://connectivitycheck.gstatic.com/generate_204"),
    ConnectivityCheck(asker="Android, second", url="http://www.google.com/gen_204"),
    ConnectivityCheck(asker="Android, third", url="http://play.googleapis.com/generate_204"),
    ConnectivityCheck(asker="Xiaomi", url="http://connect.rom.miui.com/generate_204"),
    ConnectivityCheck(asker="Huawei", url="http://connectivitycheck.platform.hicloud.com/generate_204"),
    ConnectivityCheck(asker="Honor", url="http://connectivitycheck.platform.hihonorcloud.com/generate_204"),
    ConnectivityCheck(asker="OPPO, realme, OnePlus", url="http://conn1.coloros.com/generate_204"),
    ConnectivityCheck(asker="vivo", url="http://wifi.vivo.com.cn/generate_204"),
    ConnectivityCheck(asker="ChromeOS", url="http://clients3.google.com/generate_204"),
    ConnectivityCheck(asker="Chrome, Edge", url="http://www.gstatic.com/generate_204"),
    ConnectivityCheck(
        asker="Windows 10, 11",
        url="http://www.msftconnecttest.com/connecttest.txt",
        status=200,
        body="Microsoft Connect Test",
    ),
    ConnectivityCheck(
        asker="Windows 7, 8", url="http://www.msftncsi.com/ncsi.txt", status=200, body="Microsoft NCSI"
    ),
    ConnectivityCheck(
        asker="Firefox", url="http://detectportal.firefox.com/canonical.html", status=200, body=_FIREFOX
    ),
    ConnectivityCheck(
        asker="Firefox, older",
        url="http://detectportal.firefox.com/success.txt",
        status=200,
        body="success\n",
    ),
    ConnectivityCheck(
        asker="Debian", url="http://network-test.debian.org/nm", status=200, body="NetworkManager is online\n"
    ),
    ConnectivityCheck(
        asker="GNOME",
        url="http://nmcheck.gnome.org/check_network_status.txt",
        status=200,
        body="NetworkManager is online\n",
    ),
    ConnectivityCheck(asker="Ubuntu", url="http://connectivity-check.ubuntu.com./"),
    ConnectivityCheck(
        asker="Fedora", url="http://fedoraproject.org/static/hotspot.txt", status=200, body="OK\n"
    ),
)


def find(host: str, path: str) -> ConnectivityCheck | None:
    """The check that a request for this host and path is; None for a page of the web."""
    wanted = (host.lower().rstrip("."), path.partition("?")[0])
    return next((check for check in CHECKS if (check.host, check.path) == wanted), None)
