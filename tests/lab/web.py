"""Pages as a phone gets them: replies and forms; one HTTP client, curl, started in the phone's namespace."""

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.lab.namespace import Namespace

_TRAILER = "\n<<%{http_code} %{url_effective} %{remote_ip}>>"
_REASONS = {6: "no such name", 7: "refused", 28: "timed out", 35: "no TLS", 52: "empty", 56: "reset"}


class NoAnswer(Exception):
    """The network gave no reply; `reason` is one of refused, timed out, reset, no such name, …"""

    def __init__(self, url: str, code: int, said: str) -> None:
        self.reason = _REASONS.get(code, f"curl {code}")
        super().__init__(f"{url}: {self.reason}: {said.strip()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP reply; header names are lower case."""

    status: int
    url: str
    address: str
    headers: dict[str, str]
    body: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of a page: where it goes, and what its fields hold (hidden ones and their values included)."""

    action: str
    fields: dict[str, str]


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=given.get("action", ""), fields={}))
        elif tag == "input" and self.forms and given.get("name") and given.get("type") != "checkbox":
            self.forms[-1].fields[given["name"]] = given.get("value", "")


def forms(page: str) -> list[Form]:
    """The forms of a page. Tick boxes are left out: they are ticked by whoever fills the form in."""
    reader = _FormReader()
    reader.feed(page)
    return reader.forms


def fetch(
    namespace: Namespace,
    url: str,
    *,
    form: dict[str, str] | None = None,
    method: str | None = None,
    headers: dict[str, str] | None = None,
    follow: bool = False,
    seconds: float = 10,
    options: tuple[str, ...] = (),
) -> Reply:
    """Gets `url`, or posts `form` to it, without cookies. Raises NoAnswer."""
    command = ["curl", "--silent", "--show-error", "--include", "--max-time", str(seconds), "-g", *options]
    command += ["--write-out", _TRAILER, "--header", "Expect:"]
    if follow:
        command += ["--location", "--max-redirs", "5"]
    if form is not None:
        command += ["--data-binary", urlencode(form)]
    if method == "HEAD":
        command += ["--head"]
    elif method:
        command += ["--request", method]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    done = namespace.run(*command, url, check=False, timeout_seconds=seconds + 10)
    if done.returncode:
        raise NoAnswer(url, done.returncode, done.stderr)
    return _parse(done.stdout)


def _parse(text: str) -> Reply:
    content, _, trailer = text.rpartition("\n<<")
    status, final_url, address = trailer.removesuffix(">>").split(" ")
    content = content.replace("\r\n", "\n")
    # A followed redirect leaves its own header block in front.
    while True:
        head, _, rest = content.partition("\n\n")
        if not rest.startswith("HTTP/"):
            break
        content = rest
    lines = head.split("\n")[1:]
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return Reply(status=int(status), url=final_url, address=address, headers=headers, body=rest)
