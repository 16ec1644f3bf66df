"""Shoppers who come and go: `python -m tests.bench.visitors POOL PER_SECOND SECONDS SEED MAC_OF_BOX`.

Run where the crowd is. Each takes a lease from the real DHCP server, is intercepted, registers, fetches a
page of the internet, stays a while, and leaves: some sign out, some give back their lease, some just go.
Ends when the last has left, and prints what happened as JSON.
"""

import asyncio
import json
import random
import socket
import struct
import sys
from collections import Counter
from urllib.parse import urlencode

from netctl.linux.nft import libnftables
from tests.bench.crowd import Station, station
from tests.lab.box import Box
from tests.lab.internet import WEB_IPV4
from tests.lab.web import forms

_LINK = "wire"
_ANSWER_SECONDS = 20.0
_STAY_SECONDS = (5.0, 60.0)
# RFC 2132 section 9.6
_REQUEST, _RELEASE = 3, 7
_BROADCAST = "ff:ff:ff:ff:ff:ff"


def dhcp_frame(of: Station, kind: int, server: str, to_mac: str) -> bytes:
    """An Ethernet frame: DHCPREQUEST as of a phone that knows its address already (RFC 2131 section 4.3.2,
    INIT-REBOOT), or DHCPRELEASE.
    """
    mac, ours, theirs = _mac(of.mac), socket.inet_aton(of.ip), socket.inet_aton(server)
    releasing = kind == _RELEASE
    options = b"\x63\x82\x53\x63" + bytes([53, 1, kind])
    options += bytes([54, 4]) + theirs if releasing else bytes([50, 4]) + ours
    lasting = ours if releasing else bytes(4)
    bootp = struct.pack("!BBBBIHH", 1, 1, 6, 0, random.getrandbits(32), 0, 0) + lasting + bytes(12)
    message = bootp + mac + bytes(10 + 64 + 128) + options + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    addresses = (ours + theirs) if releasing else bytes(4) + b"\xff" * 4
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return _mac(to_mac) + mac + b"\x08\x00" + head + udp


def checksum(header: bytes) -> int:
    """Of an IPv4 header (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


class Visitors:
    """The stations of the pool that are out, and what has happened so far."""

    def __init__(self, pool: int, seed: int, box_mac: str) -> None:
        self._chance = random.Random(seed)
        self._out = [station(number) for number in range(pool)]
        self._box_mac = box_mac
        self._air = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._air.bind((_LINK, 0))
        self._here = libnftables()
        self.happened: Counter[str] = Counter()

    async def come_and_go(self, per_second: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            while loop.time() < began + seconds:
                if self._out:
                    at = self._chance.randrange(len(self._out))
                    self._out[at], self._out[-1] = self._out[-1], self._out[at]
                    group.create_task(self._visit(self._out.pop()))
                await asyncio.sleep(self._chance.expovariate(per_second))

    async def _visit(self, of: Station) -> None:
        self._answer_arp(of, "add")
        try:
            self._air.send(dhcp_frame(of, _REQUEST, Box.LAN_ADDRESS, _BROADCAST))
            await asyncio.sleep(self._chance.uniform(0.5, 1.5))
            check = await self._get(of, WEB_IPV4, "/generate_204")
            # Who comes back within her minute is still admitted, and sees the internet's own answer.
            self._note(*(("still_admitted", check, 200) if check == 200 else ("intercepted", check, 302)))
            self._note("registered", await self._register(of), 303)
            self._note("browsed", await self._get(of, WEB_IPV4, "/"), 200)
            await asyncio.sleep(self._chance.uniform(*_STAY_SECONDS))
            await self._leave(of)
        except (OSError, TimeoutError, ValueError, StopIteration) as trouble:
            self.happened[f"trouble_{type(trouble).__name__}"] += 1
        finally:
            self._answer_arp(of, "delete")
            self._out.append(of)
            self.happened["visits"] += 1

    async def _leave(self, of: Station) -> None:
        if self._chance.random() < 0.3:
            status, _ = await self._ask(of, Box.LAN_ADDRESS, "POST", "/sign-out")
            self._note("signed_out", status, 303)
        if self._chance.random() < 0.7:
            self._air.send(dhcp_frame(of, _RELEASE, Box.LAN_ADDRESS, self._box_mac))
            self.happened["released"] += 1

    def _note(self, what: str, status: int, wanted: int) -> None:
        self.happened[what if status == wanted else f"{what}_answered_{status}"] += 1

    def _answer_arp(self, of: Station, verb: str) -> None:
        self._here.cmd(f"{verb} element netdev crowd here {{ {of.ip} }}")

    async def _register(self, of: Station) -> int:
        _, page = await self._ask(of, Box.LAN_ADDRESS, "GET", "/register")
        hidden = next((form.fields for form in forms(page) if "email" in form.fields), {})
        typed = {"name": "Ada", "email": f"{of.ip}@example.com", "terms": "yes"}
        status, _ = await self._ask(of, Box.LAN_ADDRESS, "POST", "/register", urlencode(hidden | typed))
        return status

    async def _get(self, of: Station, host: str, path: str) -> int:
        return (await self._ask(of, host, "GET", path))[0]

    async def _ask(self, of: Station, host: str, method: str, path: str, body: str = "") -> tuple[int, str]:
        kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        request = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{kind}\r\n{body}"
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, 80, local_addr=(of.ip, 0))
            try:
                writer.write(request.encode())
                reply = await reader.read(-1)
            finally:
                writer.close()
        return int(reply.split(b" ", 2)[1]), reply.partition(b"\r\n\r\n")[2].decode(errors="replace")


async def main(pool: int, per_second: float, seconds: float, seed: int) -> None:
    visitors = Visitors(pool, seed, sys.argv[5])
    await visitors.come_and_go(per_second, seconds)
    print(json.dumps(dict(visitors.happened)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
