"""Sends datagrams of 64 bytes as fast as one core can: `python -m tests.bench.blast ADDRESS PORT SECONDS`.

Run on the phone. Prints how many were sent in how many seconds. By sendmmsg(2), a batch a call: Python has no
part in the cost of one datagram.
"""

import ctypes
import socket
import sys
import time

_BATCH = 512
PAYLOAD_BYTES = 64


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr (recvmsg(2)): the socket is connected, so no name."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint32))


def blast(address: str, port: int, seconds: float) -> tuple[int, float]:
    """How many datagrams were sent, and the seconds it took."""
    send = ctypes.CDLL(None, use_errno=True).sendmmsg
    vector = _Vector(b"x" * PAYLOAD_BYTES, PAYLOAD_BYTES)
    message = _Message(header=_Header(vectors=ctypes.pointer(vector), vector_count=1))
    messages = (_Message * _BATCH)(*(message for _ in range(_BATCH)))
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect((address, port))
        began = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            sent += max(0, send(phone.fileno(), messages, _BATCH, 0))
    return sent, now - began


if __name__ == "__main__":
    print(*blast(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
