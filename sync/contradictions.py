"""What no setting shows alone: values that are right each by itself and cannot hold together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING, Final

from sync.setting import Mistake

if TYPE_CHECKING:
    from sync.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Between the settings called `keys`; the mistake is told at the first."""

    keys: tuple[str, ...]
    wrong: str
    meant: str = ""


def contradictions(config: Config, already_wrong: Iterable[str] = ()) -> list[Mistake]:
    """A contradiction with a setting that is wrong already is none: its value is not the owner's."""
    wrong = set(already_wrong)
    return [
        Mistake(key=found.keys[0], wrong=found.wrong, meant=found.meant)
        for rule in _RULES
        for found in rule(config)
        if not wrong.intersection(found.keys)
    ]


def _a_contact_is_asked_for(config: Config) -> Iterator[Contradiction]:
    if config.registration.phone == config.registration.email == "hidden":
        yield Contradiction(
            keys=("registration.phone", "registration.email"),
            wrong="a lead needs a telephone number or an e-mail address, and both are hidden",
            meant="optional",
        )


def _a_certificate_is_whole(config: Config) -> Iterator[Contradiction]:
    portal = config.portal
    if bool(portal.certificate) != bool(portal.certificate_key):
        yield Contradiction(
            keys=("portal.certificate", "portal.certificate_key"),
            wrong="a certificate needs its key, and a key its certificate",
            meant="both or neither",
        )
    if portal.certificate and not portal.domain:
        yield Contradiction(
            keys=("portal.domain", "portal.certificate"),
            wrong="a certificate is for a name",
            meant='domain = "…"',
        )
    if not portal.certificate and any(listen.endswith(":443") for listen in portal.listen):
        yield Contradiction(
            keys=("portal.listen", "portal.certificate"),
            wrong="port 443 is for a certificate, and there is none",
            meant="0.0.0.0:80",
        )


def _an_interface_has_one_place(config: Config) -> Iterator[Contradiction]:
    network = config.network
    uplink, guests, owners = "network.uplink", "network.lan_interfaces", "network.owner_interfaces"
    if network.uplink in network.lan_interfaces:
        wrong = f"{network.uplink} is the uplink and cannot be the guests' LAN too"
        yield Contradiction(keys=(guests, uplink), wrong=wrong)
    if network.uplink in network.owner_interfaces:
        wrong = f"{network.uplink} is the uplink and cannot be the owner's network too"
        yield Contradiction(keys=(owners, uplink), wrong=wrong)
    for name in sorted(set(network.lan_interfaces) & set(network.owner_interfaces)):
        wrong = f"{name} is the guests' LAN and cannot be the owner's network too"
        yield Contradiction(keys=(owners, guests), wrong=wrong)


def _guests_are_kept_from_the_owner(config: Config) -> Iterator[Contradiction]:
    network = config.network
    if network.bridge == network.owner_bridge:
        wrong = f"{network.bridge} is the guests' bridge and cannot be the owner's too"
        yield Contradiction(keys=("network.owner_bridge", "network.bridge"), wrong=wrong, meant="br-owner")
    guests, owners = IPv4Interface(network.lan_address), IPv4Interface(network.owner_address)
    if guests.network.overlaps(owners.network):
        wrong = f"{owners.network} and the guests' {guests.network} overlap"
        yield Contradiction(keys=("network.owner_address", "network.lan_address"), wrong=wrong)


def _a_port_has_one_listener(config: Config) -> Iterator[Contradiction]:
    taken = {int(listen.rpartition(":")[2]) for listen in config.portal.listen}
    if config.portal.intercept_port in taken:
        wrong = f"{config.portal.intercept_port} is a port of portal.listen already"
        yield Contradiction(keys=("portal.intercept_port", "portal.listen"), wrong=wrong)


def _roaming_needs_head_office(config: Config) -> Iterator[Contradiction]:
    if config.registration.roaming == "on" and not config.sync.head_office_url:
        yield Contradiction(
            keys=("registration.roaming", "sync.head_office_url"),
            wrong="head office says who may go on in another store, and there is no sync.head_office_url",
            meant="off",
        )


_RULES: Final[tuple[Callable[[Config], Iterator[Contradiction]], ...]] = (
    _a_contact_is_asked_for,
    _a_certificate_is_whole,
    _an_interface_has_one_place,
    _guests_are_kept_from_the_owner,
    _a_port_has_one_listener,
    _roaming_needs_head_office,
)
