"""WeChat's platform, on a machine of its own in the internet, and the people who use it there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.fakes.wechat_push import Settings
from tests.lab.headoffice import HeadOffice
from tests.lab.internet import HEAD_OFFICE, Internet
from tests.lab.namespace import Namespace

ADDRESS, _GATEWAY = "203.0.113.194", "203.0.113.193"
ACCOUNT = "main"


class WeChat:
    """One verified service account; what somebody does on her phone is done here, whatever line she is on."""

    def __init__(self, home: Path, internet: Internet) -> None:
        self.settings = Settings(callback=f"http://{HEAD_OFFICE}:8443/platforms/wechat/{ACCOUNT}")
        self.namespace = Namespace("wechat", home)
        internet.namespace.join("tencent", self.namespace, "eth0")
        internet.namespace.ip(f"address add {_GATEWAY}/30 dev tencent")
        self.namespace.ip(f"address add {ADDRESS}/30 dev eth0", f"route add default via {_GATEWAY}")
        written = self.namespace.home / "settings.json"
        written.write_text(json.dumps(asdict(self.settings)))
        self.server = self.namespace.python(
            "platform", "tests.fakes.wechat", "--listen", f"{ADDRESS}:80", "--settings", str(written)
        )

    def start(self) -> None:
        self.server.start()

    def introduce(self, head_office: HeadOffice, links: str, codes_per_store: int = 24) -> None:
        """The account, as marketing enters it at head office, which then starts; replies link to `links`."""
        head_office.configure(
            f"""
[follow]
links = "{links}"
codes_per_store = {codes_per_store}
[accounts.{ACCOUNT}]
platform = "wechat"
title = "Tea House"
id = "{self.settings.app_id}"
original_id = "{self.settings.original_id}"
api = "http://{ADDRESS}"
""",
            main__token=self.settings.token,
            main__aes_key=self.settings.aes_key,
            main__app_secret=self.settings.app_secret,
        )

    def scan(self, person: str, url: str) -> str | None:
        """She scans, taps "follow" if she does not follow yet, and reads."""
        return self._does(person, does="scan", url=url)

    def follow(self, person: str) -> str | None:
        """She finds the account by its name and follows."""
        return self._does(person, does="follow")

    def unfollow(self, person: str) -> str | None:
        return self._does(person, does="unfollow")

    def say(self, person: str, text: str) -> str | None:
        return self._does(person, does="say", text=text)

    def _does(self, person: str, **wish: str) -> str | None:
        text: str | None = self.act(person, **wish)["text"]
        return text

    def act(self, person: str, **wish: str) -> dict[str, Any]:
        """What she reads, as `Read` has fields. An account out of order fails the test."""
        body = json.dumps({"openid": person} | wish)
        # Three tries of five seconds are WeChat's, and it is WeChat that gives up.
        done = self.namespace.run(
            "curl", "--silent", "--show-error", "--fail", "--data", body, f"http://{ADDRESS}/fake"
        )
        read: dict[str, Any] = json.loads(done.stdout)
        assert not read["out_of_order"], f"the account is out of order: {read}"
        return read

    def logs(self) -> str:
        return self.namespace.logs()

    def close(self) -> None:
        self.namespace.close()
