"""Who sent a push, and what it says: official vectors, wechatpy's opinion, and what must not be believed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import PrpCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.utils import check_signature

from sync.headoffice.follow.wechat.signature import BadPush, Envelope, check, sign
from tests.unit.sync.headoffice.follow import wechat_vectors as vectors

ENVELOPE = Envelope(vectors.AES_KEY, vectors.APP_ID)
CHANCE = bytes(range(16))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("AAAAA", "1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        (("AAAAA", "1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
        (("AAAAA", "1714112445", "415670741"), "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
        (
            ("AAAAA", "1714112445", "415670741", vectors.ENCRYPTED),
            "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
        ),
        (
            ("AAAAA", "1713424427", "415670741", vectors.REPLY_ENCRYPTED),
            "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
        ),
        (
            (vectors.WECOM_TOKEN, "1409659813", "1372623149", vectors.WECOM_ENCRYPTED),
            "477715d11cdb4164915debcba66cb864d751f3e6",
        ),
        (
            (vectors.WECOM_TOKEN, "1409659589", "263014780", vectors.WECOM_ECHO),
            "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        ),
    ],
)
def test_signatures_are_those_of_the_documents(parts: tuple[str, ...], expected: str) -> None:
    assert sign(*parts) == expected


def test_what_the_documents_encrypted_is_read() -> None:
    assert ENVELOPE.decrypt(vectors.ENCRYPTED) == vectors.DECRYPTED
    wecom = Envelope(vectors.WECOM_AES_KEY, vectors.WECOM_ID)
    assert b"<Content><![CDATA[hello]]></Content>" in wecom.decrypt(vectors.WECOM_ENCRYPTED)
    assert wecom.decrypt(vectors.WECOM_ECHO) == b"1616140317555161061"


def test_a_reply_is_encrypted_as_in_the_documents() -> None:
    assert ENVELOPE.encrypt(vectors.REPLY, vectors.REPLY_CHANCE) == vectors.REPLY_ENCRYPTED


@given(message=st.text(max_size=500), token=st.text(max_size=20), nonce=st.text(max_size=12))
def test_wechatpy_reads_what_we_write_and_signs_as_we_do(message: str, token: str, nonce: str) -> None:
    key = base64.b64decode(vectors.AES_KEY + "=")
    ours = ENVELOPE.encrypt(message.encode(), CHANCE)
    assert PrpCrypto(key).decrypt(ours, vectors.APP_ID) == message
    assert ENVELOPE.decrypt(PrpCrypto(key).encrypt(message, vectors.APP_ID).decode()) == message.encode()
    check_signature(token, sign(token, "1714036504", nonce), "1714036504", nonce)


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 40, "F464B24FC39322E44B38AA78F5EDD27BD1441696", "签名", "\ud800", "f464b24f"],
)
def test_another_signature_is_forged(signature: str) -> None:
    with pytest.raises(BadPush) as bad:
        check(signature, "AAAAA", "1714036504", "1514711492")
    assert bad.value.key == "forged"


def test_the_signature_of_the_address_is_none_of_the_message() -> None:
    address_only = sign("AAAAA", "1714112445", "415670741")
    with pytest.raises(BadPush):
        check(address_only, "AAAAA", "1714112445", "415670741", vectors.ENCRYPTED)


def test_another_accounts_message_is_refused_as_wechatpy_does() -> None:
    others = Envelope(vectors.AES_KEY, "wx0000000000000000").encrypt(b"hello", CHANCE)
    with pytest.raises(BadPush) as bad:
        ENVELOPE.decrypt(others)
    assert bad.value.key == "other_account"
    with pytest.raises(InvalidAppIdException):
        PrpCrypto(base64.b64decode(vectors.AES_KEY + "=")).decrypt(others, vectors.APP_ID)


def test_a_wrong_key_reads_nothing() -> None:
    with pytest.raises(BadPush) as bad:
        Envelope("B" * 43, vectors.APP_ID).decrypt(vectors.ENCRYPTED)
    assert bad.value.key == "undecryptable"


@pytest.mark.parametrize(
    "encrypted",
    [
        "",
        "====",
        "不是密文",
        "\ud800",
        vectors.ENCRYPTED[:-4],
        vectors.ENCRYPTED[:44],
        vectors.ENCRYPTED[:43],
        vectors.ENCRYPTED[64:],
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(bytes(48)).decode(),
    ],
)
def test_what_is_cut_off_or_garbled_is_refused(encrypted: str) -> None:
    with pytest.raises(BadPush) as bad:
        ENVELOPE.decrypt(encrypted)
    assert bad.value.key == "undecryptable"


@given(noise=st.binary(max_size=256))
def test_no_noise_gets_further_than_a_refusal(noise: bytes) -> None:
    with pytest.raises(BadPush):
        ENVELOPE.decrypt(base64.b64encode(noise).decode())


@given(length=st.integers(min_value=0, max_value=200))
def test_every_length_survives(length: int) -> None:
    assert ENVELOPE.decrypt(ENVELOPE.encrypt(b"x" * length, CHANCE)) == b"x" * length


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "A" * 42 + "!", "钥" * 43], ids=len)
def test_a_key_that_cannot_be_one_is_said_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        Envelope(key, vectors.APP_ID)
