"""Naming what the kernel lacks, and what the packet filter did not take."""

from errno import EPERM

import pytest

from netctl.api import Mac
from netctl.linux import nft
from netctl.linux.nft import FilterFailed, PacketFilter, first_complaint, libnftables
from sync.config import Config
from sync.process import ProcessFailed


class Library:
    """Stands for libnftables on a kernel that lacks something."""

    def __init__(self, lacks: str) -> None:
        self.lacks = lacks

    def cmd(self, commands: str) -> tuple[int, str, str]:
        if self.lacks in commands:
            return -1, "", "internal:0:0-0: Error: Could not process rule: Operation not supported"
        return 0, "", ""

    def set_json_output(self, on: bool) -> None:
        pass


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ("hook ingress", "This kernel cannot do netdev ingress: .*CONFIG_NETFILTER_INGRESS"),
        ("limit rate", "This kernel cannot do limits of each station: .*nft_limit"),
        ("ct count", "This kernel cannot do counting of connections: .*nft_connlimit"),
        ("table bridge", "This kernel cannot do bridge filtering: .*CONFIG_NF_TABLES_BRIDGE"),
        ("hook egress", "This kernel cannot do netdev egress: .*Linux 5.16"),
        ("type nat", "This kernel cannot do NAT: .*nft_chain_nat"),
        ("masquerade", "This kernel cannot do masquerade: .*nft_masq"),
        ("redirect", "This kernel cannot do redirect: .*nft_redir"),
        ("reject", "This kernel cannot do reject: .*nft_reject_inet"),
        ("fib daddr", "This kernel cannot do fib: .*nft_fib_inet"),
        ("ct state", "This kernel cannot do connection tracking: .*nft_ct"),
        ("add table", "This kernel cannot do nf_tables: .*nf_tables"),
    ],
)
def test_a_kernel_that_lacks_something_is_told_what(lacks: str, named: str) -> None:
    with pytest.raises(ProcessFailed, match=named):
        PacketFilter(Config.parse({}), lambda: Library(lacks)).load([])


def test_a_complaint_is_one_line_without_a_place_in_no_file() -> None:
    told = "internal:0:0-0: Error: Could not process rule: Device or resource busy\nadd rule\n^^^"
    assert first_complaint(told) == "Error: Could not process rule: Device or resource busy"


def test_an_error_of_the_filter_is_raised() -> None:
    with pytest.raises(FilterFailed, match="not supported"):
        PacketFilter(Config.parse({}), lambda: Library("flush map")).answer_names_ourselves(True)


def test_sets_that_cannot_be_read_are_an_error_of_the_filter_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(EPERM, "Operation not permitted")

    monkeypatch.setattr(nft, "list_members", forbidden)
    monkeypatch.setattr(nft, "find_member", forbidden)
    packet_filter = PacketFilter(Config.parse({}), lambda: Library("nothing"))
    with pytest.raises(FilterFailed, match="not permitted"):
        packet_filter.members()
    with pytest.raises(FilterFailed, match="not permitted"):
        packet_filter.member(Mac("02:00:5e:10:00:01"))


def test_without_libnftables_the_remedy_is_named() -> None:
    with pytest.raises(ProcessFailed, match="is missing: apt install libnftables1"):
        libnftables("libnftables-of-no-distribution.so")
