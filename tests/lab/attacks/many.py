"""Many datagrams at once, each to a host of its own."""

import select
import socket
from collections.abc import Sequence

from tests.lab.phone import Phone

_PATIENCE_SECONDS = 5.0


def refused_of(phone: Phone, hosts: Sequence[str], port: int) -> int:
    """How many of the hosts are refused audibly (an ICMP error came back), all asked at once."""
    family = socket.AF_INET6 if ":" in hosts[0] else socket.AF_INET
    waiting = select.poll()
    asking = {}
    for host in hosts:
        one = phone.namespace.open_socket(family, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.connect((host, port))
        asking[one.fileno()] = one
        waiting.register(one, select.POLLERR | select.POLLIN)
    for one in asking.values():
        one.send(b"a QUIC Initial would stand here")
    refused: set[int] = set()
    while len(refused) < len(asking):
        told = waiting.poll(_PATIENCE_SECONDS * 1000)
        if not told:
            break
        for number, happened in told:
            if happened & select.POLLERR:
                refused.add(number)
            waiting.unregister(number)
    for one in asking.values():
        one.close()
    return len(refused)
