"""Bodies of uploads, however they are packed."""

import gzip
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.headoffice.decode import TooLarge, Undecodable, split, unpack

PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@given(st.binary(max_size=5000), st.sampled_from(sorted(PACK)))
def test_what_was_packed_comes_out(plain: bytes, encoding: str) -> None:
    assert unpack(PACK[encoding](plain), encoding, 5000) == plain


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_parts_packed_one_by_one_come_out_in_a_row(encoding: str) -> None:
    packed = b"".join(PACK[encoding](part) for part in (b"one\n" * 300, b"", b"two\n"))
    assert unpack(packed, encoding, 5000) == b"one\n" * 300 + b"two\n"


@pytest.mark.parametrize("encoding", sorted(PACK))
def test_the_bound_is_exact(encoding: str) -> None:
    packed = PACK[encoding](b"x" * 1000)
    assert len(unpack(packed, encoding, 1000)) == 1000
    with pytest.raises(TooLarge):
        unpack(packed, encoding, 999)


@given(st.binary(min_size=1, max_size=500), st.sampled_from(["gzip", "zstd"]))
def test_garbage_is_named_as_such(garbage: bytes, encoding: str) -> None:
    # 0x184D2A5? begins a frame that readers skip (RFC 8878 section 3.1.2).
    assume(garbage[1:4] != b"\x2a\x4d\x18")
    with pytest.raises((Undecodable, TooLarge)):
        unpack(garbage, encoding, 100_000)


def test_lines_are_counted_without_the_empty_ones() -> None:
    assert split(b"a\r\n\n \t\nb", 2) == [b"a", b"b"]
    with pytest.raises(TooLarge):
        split(b"a\nb\nc", 2)
