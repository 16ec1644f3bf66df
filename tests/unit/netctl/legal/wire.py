"""News of connections as the kernel writes them, for tests: linux/netfilter/nfnetlink_conntrack.h."""

import struct

from netctl.legal.connections import packed

NEW, DESTROY = 0x100, 0x102


def attribute(kind: int, value: bytes, *, nested: bool = False) -> bytes:
    head = struct.pack("=HH", 4 + len(value), kind | (0x8000 if nested else 0))
    return head + value + bytes(-len(value) % 4)


def end(source: str, source_port: int, destination: str, port: int, protocol: int = 6) -> bytes:
    first, second = (3, 4) if ":" in source else (1, 2)
    addresses = attribute(first, packed(source)) + attribute(second, packed(destination))
    ports = attribute(1, bytes([protocol]))
    ports += attribute(2, struct.pack(">H", source_port)) + attribute(3, struct.pack(">H", port))
    return attribute(1, addresses, nested=True) + attribute(2, ports, nested=True)


def message(
    kind: int, opened: bytes, answered: bytes, identity: int = 7, start_ns: int = 0, stop_ns: int = 0
) -> bytes:
    body = struct.pack("=BBH", 2, 0, 0)
    body += attribute(1, opened, nested=True) + attribute(2, answered, nested=True)
    body += attribute(12, struct.pack(">I", identity))
    if start_ns:
        times = attribute(1, struct.pack(">Q", start_ns)) + attribute(2, struct.pack(">Q", stop_ns))
        body += attribute(20, times, nested=True)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def opened_by_anna(kind: int = NEW, port: int = 50000, identity: int = 7, **times: int) -> bytes:
    """10.77.0.11 asks a web server, and is translated to another port of the uplink's address."""
    return message(
        kind,
        end("10.77.0.11", port, "203.0.113.10", 443),
        end("203.0.113.10", 443, "198.51.100.2", 61000),
        identity,
        **times,
    )
