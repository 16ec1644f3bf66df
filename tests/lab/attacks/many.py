"""Many datagrams at once, each to a host of its own."""

import select
import socket
import time
from collections.abc import Sequence

from tests.lab.phone import Phone

_PATIENCE_SECONDS = 5.0


def refusals_ms(phone: Phone, hosts: Sequence[str], port: int) -> list[float]:
    """All are asked at once; for each that is refused audibly (an ICMP error came back), how long after the
    first was asked.
    """
    family = socket.AF_INET6 if ":" in hosts[0] else socket.AF_INET
    waiting = select.poll()
    asking = {}
    for host in hosts:
        one = phone.namespace.open_socket(family, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.connect((host, port))
        asking[one.fileno()] = one
        waiting.register(one, select.POLLERR | select.POLLIN)
    began = time.monotonic()
    for one in asking.values():
        one.send(b"a QUIC Initial would stand here")
    refused: list[float] = []
    while len(refused) < len(asking):
        told = waiting.poll(_PATIENCE_SECONDS * 1000)
        if not told:
            break
        heard = time.monotonic()
        for number, happened in told:
            if happened & select.POLLERR:
                refused.append((heard - began) * 1000)
            waiting.unregister(number)
    for one in asking.values():
        one.close()
    return refused
