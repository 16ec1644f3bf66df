"""How soon a captive phone hears that it is refused, fifty QUIC hosts at once: a packet that is dropped keeps
a phone waiting, and its portal does not pop up.
"""

from tests.bench.result import Result, median
from tests.lab import private
from tests.lab.attacks.many import refusals_ms
from tests.lab.phone import Phone
from tests.lab.store import Store

ROUNDS = 10
HOSTS = {
    "ipv4": [f"203.0.113.{number}" for number in range(100, 150)],
    "ipv6": [f"2001:db8:80::{number}" for number in range(100, 150)],
}
_QUIC_PORT = 443


def measure() -> Result:
    """Raises RuntimeError when a host was not refused at all."""
    with Store(private.HOME / "refuse") as store:
        phone = store.open().phone("phone").join()
        phone.wait_for_ipv6()
        last = {family: [_last_ms(phone, hosts) for _ in range(ROUNDS)] for family, hosts in HOSTS.items()}
    figures = {
        family: {"last_of_50_ms": median(rounds), "worst_round_ms": max(rounds)}
        for family, rounds in last.items()
    }
    return Result(figures=figures)


def _last_ms(phone: Phone, hosts: list[str]) -> float:
    """Until the last of them had been refused."""
    refused = refusals_ms(phone, hosts, _QUIC_PORT)
    if len(refused) < len(hosts):
        raise RuntimeError(f"{len(hosts) - len(refused)} of {len(hosts)} hosts were not refused audibly")
    return round(max(refused), 3)
