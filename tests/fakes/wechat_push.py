"""How WeChat pushes what people do: signed, encrypted, three times at most; or wrongly, as a test asks.

Signatures and encryption are wechatpy's, so that ours are never checked against themselves.
"""

import base64
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast
from urllib.parse import urlencode
from xml.etree import ElementTree

import aiohttp
from wechatpy.crypto import PrpCrypto
from wechatpy.replies import deserialize_reply
from wechatpy.utils import WeChatSigner

Mode = Literal["plain", "compatible", "security"]
TRIES, PATIENCE_SECONDS = 3, 5.0


@dataclass(kw_only=True)
class Settings:
    """What its owner has entered in the console. `callback`: our address."""

    callback: str = ""
    app_id: str = "wx1234567890abcdef"
    app_secret: str = "an app secret"
    token: str = "a token"
    aes_key: str = base64.b64encode(bytes(range(32))).decode().rstrip("=")
    original_id: str = "gh_97417a04a28d"
    mode: Mode = "security"
    form: Literal["xml", "json"] = "xml"
    is_verified_service: bool = True
    knows_our_address: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What she gets to read, after how many tries; `out_of_order`: the platform's own sentence instead.
    `pushed_at_ns`: when the push went out first, since 1970.
    """

    tries: int
    text: str | None
    out_of_order: bool = False
    statuses: tuple[int | None, ...] = ()
    pushed_at_ns: int = 0


@dataclass(kw_only=True)
class Tampering:
    """What is wrong with a push; a field that is None is as it should be."""

    signature: str | None = None
    token: str | None = None
    aes_key: str | None = None
    app_id: str | None = None
    seconds_off: int = 0
    cut_at: int | None = None
    original_id: str | None = None
    inside: str | None = None
    body: bytes | None = None


@dataclass(slots=True, kw_only=True)
class Pushed:
    """One request as it went out, to be replayed."""

    query: dict[str, str]
    body: bytes


@dataclass
class Pusher:
    """`now` gives seconds since 1970, `patience_seconds` is how long an answer may take."""

    settings: Settings
    now: Callable[[], float]
    patience_seconds: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self.pushed: list[Pushed] = []
        self._nonces = itertools.count(415670741)

    async def verify_address(self, echo: str = "4375120948345356249") -> tuple[int, str]:
        """What the console does when the address is entered: status and body."""
        timestamp, nonce = str(int(self.now())), str(next(self._nonces))
        query = {"timestamp": timestamp, "nonce": nonce, "echostr": echo}
        query["signature"] = signed(self.settings.token, timestamp, nonce)
        async with aiohttp.ClientSession() as http, http.get(self._address(query)) as response:
            return response.status, await response.text()

    async def push(self, openid: str, tampering: Tampering | None = None, **own: str | int) -> Read:
        """To our address, three times at most, the same bytes each time."""
        pushed = self.write(openid, tampering, **own)
        self.pushed.append(pushed)
        return await self.send(pushed)

    def write(self, openid: str, tampering: Tampering | None = None, **own: str | int) -> Pushed:
        wrong = tampering or Tampering()
        fields: dict[str, str | int] = {
            "ToUserName": wrong.original_id or self.settings.original_id,
            "FromUserName": openid,
            "CreateTime": int(self.now()),
            **own,
        }
        timestamp, nonce = str(int(self.now()) + wrong.seconds_off), str(next(self._nonces))
        token = wrong.token or self.settings.token
        query = {"signature": wrong.signature or signed(token, timestamp, nonce)}
        query |= {"timestamp": timestamp, "nonce": nonce, "openid": openid}
        if self.settings.mode != "plain":
            secret = base64.b64decode((wrong.aes_key or self.settings.aes_key) + "=")
            app_id = wrong.app_id or self.settings.app_id
            inside = wrong.inside or self._written(fields).decode()
            encrypted = PrpCrypto(secret).encrypt(inside, app_id).decode()
            signature = wrong.signature or signed(token, timestamp, nonce, encrypted)
            query |= {"encrypt_type": "aes", "msg_signature": signature}
            plain = fields if self.settings.mode == "compatible" else {"ToUserName": fields["ToUserName"]}
            fields = {**plain, "Encrypt": encrypted}
        body = self._written(fields) if wrong.body is None else wrong.body
        return Pushed(query=query, body=body[: wrong.cut_at])

    async def send(self, pushed: Pushed) -> Read:
        statuses: list[int | None] = []
        began_ns = time.time_ns()
        patience = aiohttp.ClientTimeout(total=self.patience_seconds)
        async with aiohttp.ClientSession(timeout=patience) as http:
            for tries in range(1, TRIES + 1):
                kind = "text/xml" if self.settings.form == "xml" else "application/json"
                try:
                    async with http.post(
                        self._address(pushed.query), data=pushed.body, headers={"Content-Type": kind}
                    ) as response:
                        statuses.append(response.status)
                        body = await response.read()
                except (aiohttp.ClientError, TimeoutError):
                    statuses.append(None)
                    continue
                if statuses[-1] == 200:
                    return replace(self._shown(body, tries, tuple(statuses)), pushed_at_ns=began_ns)
        return Read(tries=TRIES, text=None, out_of_order=True, statuses=tuple(statuses))

    def _shown(self, body: bytes, tries: int, statuses: tuple[int | None, ...]) -> Read:
        """An empty body or `success`: nothing. What cannot be read: its sentence to her."""
        if body in (b"", b"success"):
            return Read(tries=tries, text=None, statuses=statuses)
        try:
            text = self._reply_in(body)
        except Exception:
            return Read(tries=tries, text=None, out_of_order=True, statuses=statuses)
        return Read(tries=tries, text=text, statuses=statuses)

    def _reply_in(self, body: bytes) -> str:
        is_json = self.settings.form == "json"
        if self.settings.mode == "security":
            envelope = json.loads(body) if is_json else _fields(body)
            timestamp, nonce = str(envelope["TimeStamp"]), envelope["Nonce"]
            encrypted = envelope["Encrypt"]
            if envelope["MsgSignature"] != signed(self.settings.token, timestamp, nonce, encrypted):
                raise ValueError("the reply's signature is wrong")
            body = self._decrypted(encrypted)
        elif self.settings.mode == "compatible" and b"Encrypt" in body:
            envelope = json.loads(body) if is_json else _fields(body)
            body = self._decrypted(envelope["Encrypt"])
        if is_json:
            return cast("str", json.loads(body)["Content"])
        return cast("str", deserialize_reply(body.decode()).content)

    def _decrypted(self, encrypted: str) -> bytes:
        key = base64.b64decode(self.settings.aes_key + "=")
        return cast("str", PrpCrypto(key).decrypt(encrypted, self.settings.app_id)).encode()

    def _written(self, fields: dict[str, str | int]) -> bytes:
        if self.settings.form == "json":
            return json.dumps(fields).encode()
        inside = "".join(
            f"<{key}>{value}</{key}>" if isinstance(value, int) else f"<{key}><![CDATA[{value}]]></{key}>"
            for key, value in fields.items()
        )
        return f"<xml>{inside}</xml>".encode()

    def _address(self, query: dict[str, str]) -> str:
        return f"{self.settings.callback}?{urlencode(query)}"


def _fields(body: bytes) -> dict[str, str]:
    return {child.tag: child.text or "" for child in ElementTree.fromstring(body)}


def signed(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    return cast("str", signer.signature)
