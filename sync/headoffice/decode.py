"""The body of an upload -> lines, however it was packed and whatever it unpacks to. Pure."""

import zlib
from collections.abc import Iterator
from typing import Final

import zstandard

ENCODINGS: Final = ("identity", "gzip", "zstd")
# A block of zstd is 4 bytes for 128 KiB at best (RFC 8878, RLE block): 256 bytes unpack to 8 MiB at most.
_SLICE_BYTES: Final = 256
_LARGEST_WINDOW_BYTES: Final = 8 * 1024 * 1024


class TooLarge(Exception):
    """More bytes or lines than one upload may have."""


class Undecodable(Exception):
    """The body is not what its Content-Encoding says."""


def unpack(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """The plain bytes. Raises TooLarge as soon as there are more than `most_bytes`, or Undecodable."""
    if encoding == "identity":
        return _joined(iter([body]), most_bytes)
    pieces = _gunzip(body, most_bytes) if encoding == "gzip" else _unzstd(body)
    try:
        return _joined(pieces, most_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise Undecodable(f"the body is no {encoding}") from error


def split(plain: bytes, most_lines: int) -> list[bytes]:
    """The lines that hold anything. Raises TooLarge."""
    lines = [line for raw in plain.split(b"\n") if (line := raw.strip(b" \t\r"))]
    if len(lines) > most_lines:
        raise TooLarge(f"more than {most_lines} lines")
    return lines


def _joined(pieces: Iterator[bytes], most_bytes: int) -> bytes:
    plain = bytearray()
    for piece in pieces:
        plain += piece
        if len(plain) > most_bytes:
            raise TooLarge(f"more than {most_bytes} bytes unpacked")
    return bytes(plain)


def _gunzip(body: bytes, most_bytes: int) -> Iterator[bytes]:
    """Members one after the other (RFC 1952 section 2.2)."""
    while body:
        member = zlib.decompressobj(wbits=31)
        yield member.decompress(body, most_bytes + 1)
        if not member.eof:
            # Either cut short, or stopped at the bound, which the reader notices first.
            raise zlib.error("cut short")
        body = member.unused_data


def _unzstd(body: bytes) -> Iterator[bytes]:
    """Frames one after the other (RFC 8878 section 3)."""
    frame = _zstd_frame()
    fed = False
    for start in range(0, len(body), _SLICE_BYTES):
        piece = body[start : start + _SLICE_BYTES]
        while piece:
            fed = True
            yield frame.decompress(piece)
            piece = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame, fed = _zstd_frame(), False
    if fed:
        raise zstandard.ZstdError("cut short")


def _zstd_frame() -> "zstandard.ZstdDecompressionObj":
    return zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW_BYTES).decompressobj()
