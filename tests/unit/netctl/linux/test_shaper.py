"""The decisions of the shaper: who gets a class, what changes, and what is said when the kernel cannot."""

from collections.abc import Iterable
from errno import EINVAL, ENOENT, EPERM
from itertools import islice

import pytest

from netctl.api import Mac
from netctl.linux.lanes import HANDLE, Lane, minors, rules
from netctl.linux.queues import Message, Queues, Refused, Root
from netctl.linux.rates import Rates, ShaperFailed, wish
from netctl.linux.shaper import Shaper
from sync.config import Config

ANNA, BEN = Mac("02:00:5e:10:00:01"), Mac("02:00:5e:10:00:02")


def lane(total_kbit: int = 0) -> Lane:
    return Lane(name="br-lan", index=3, map="down", total_kbit=total_kbit, fair=False)


def config(bridge: str = "br-lan") -> Config:
    return Config.parse({"network": {"lan_interfaces": ["lan0"], "uplink": "wan", "bridge": bridge}})


def test_only_who_has_a_limit_gets_a_class() -> None:
    assert wish(0, {ANNA: 2000, BEN: 0}).ceilings == {ANNA: 2000}


def test_with_a_total_everybody_gets_a_share_of_it() -> None:
    assert wish(5000, {ANNA: 2000, BEN: 0}).ceilings == {ANNA: 2000, BEN: 5000}


def test_no_rate_is_no_wish() -> None:
    assert wish(0, {ANNA: 0}).empty
    assert not wish(0, {ANNA: 1}).empty
    assert not wish(1, {}).empty


def test_a_second_wish_that_is_the_same_changes_nothing() -> None:
    there = lane()
    there.change({ANNA: 2000})
    assert there.change({ANNA: 2000}) == ([], [], [], [])


def test_a_station_that_comes_costs_a_class_a_leaf_and_an_element() -> None:
    there = lane()
    there.change({ANNA: 2000})
    made, going, coming, removed = there.change({ANNA: 2000, BEN: 1000})
    assert (len(made), going, coming, removed) == (2, [], [f"{BEN} : 594b:a"], [])


def test_a_station_that_goes_takes_its_class_with_it() -> None:
    there = lane()
    there.change({ANNA: 2000, BEN: 1000})
    made, going, coming, removed = there.change({BEN: 1000})
    assert (made, going, coming, len(removed)) == ([], [ANNA], [], 1)


def test_another_rate_keeps_the_class_and_what_waits_in_it() -> None:
    there = lane()
    there.change({ANNA: 2000})
    made, going, coming, removed = there.change({ANNA: 3000})
    assert (len(made), going, coming, removed) == (2, [], [], [])


def test_a_class_is_free_again_once_all_others_have_been_used() -> None:
    there = lane()
    everybody = {Mac(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}"): 8 for n in range(32_767)}
    there.change(everybody)
    with pytest.raises(ShaperFailed, match="32,767"):
        there.change({**everybody, ANNA: 8})
    there = lane()
    there.change(everybody)
    there.change({})
    assert len(there.change({ANNA: 8})[2]) == 1


def test_no_class_is_taken_for_a_priority_on_a_wired_port() -> None:
    assert {number & 0xF for number in minors()} == set(range(8, 16))
    assert list(islice(minors(), 3)) == [9, 10, 11]
    assert max(minors()) == 0xFFFF


def test_all_guaranteed_rates_together_stay_below_the_total() -> None:
    for total_kbit in (20_000, 1_000_000):
        body = lane(total_kbit).change({ANNA: total_kbit})[0][0].body
        # tc_ratespec: the rate in bytes/s is its last word; behind tcmsg, the kind and two heads.
        rate = int.from_bytes(body[20 + 8 + 8 + 8 : 20 + 8 + 8 + 12], "little")
        assert 0 < rate * 8 * 10_000 <= total_kbit * 1000


def test_uploads_of_others_are_left_alone_unless_all_together_have_a_limit() -> None:
    up = Lane(name="ifb-yingke", index=4, map="up", total_kbit=0, fair=False)
    assert rules(config(), {"up": up}).count("fwd to") == 1
    up.total_kbit = 1000
    assert rules(config(), {"up": up}).count("fwd to") == 2


class Nft:
    """libnftables that takes all, or nothing with these words in it."""

    def __init__(self, refuses: str = "\0") -> None:
        self._refuses = refuses

    def cmd(self, commands: str) -> tuple[int, str, str]:
        refused = self._refuses in commands
        return (1, "", "Error: No such file or directory") if refused else (0, "", "")


class Kernel(Queues):
    """Queues of a kernel that refuses whatever comes."""

    def __init__(self, errno: int = 0, root: Root | None = None) -> None:
        self._errno, self._root_there = errno, root

    def root(self, interface: int) -> Root | None:
        return self._root_there

    def send(self, messages: Iterable[Message]) -> None:
        if list(messages) and self._errno:
            raise Refused(self._errno, "")


@pytest.mark.parametrize(
    ("errno", "said"),
    [(ENOENT, "modprobe sch_htb"), (EPERM, "CAP_NET_ADMIN"), (EINVAL, "Invalid argument")],
)
def test_a_kernel_without_htb_is_told_with_the_remedy(errno: int, said: str) -> None:
    shaper = Shaper(config("lo"), library=Nft, conversation=lambda: Kernel(errno))
    with pytest.raises(ShaperFailed, match=said):
        shaper.apply({ANNA: Rates(down_kbit=100)}, Rates())


def test_a_packet_filter_that_does_not_take_our_rules_is_quoted() -> None:
    shaper = Shaper(config("lo"), library=lambda: Nft("hook"), conversation=Kernel)
    with pytest.raises(ShaperFailed, match=r"did not take .* No such file"):
        shaper.apply({ANNA: Rates(down_kbit=100)}, Rates())


def test_a_queue_that_is_not_ours_is_reported_and_left_alone() -> None:
    shaper = Shaper(config("lo"), library=Nft, conversation=lambda: Kernel(root=Root("cake", 0x80010000)))
    with pytest.raises(ShaperFailed, match=r"lo already sends .* \(cake 8001:\)"):
        shaper.apply({ANNA: Rates(down_kbit=100)}, Rates())
    shaper.apply({}, Rates())


def test_a_bridge_that_is_not_there_is_named() -> None:
    shaper = Shaper(config("br-nowhere"), library=Nft, conversation=Kernel)
    with pytest.raises(ShaperFailed, match="br-nowhere"):
        shaper.apply({ANNA: Rates(down_kbit=100)}, Rates())


def test_our_own_queues_are_known_by_their_handle() -> None:
    assert HANDLE.to_bytes(4, "big")[:2] == b"YK"
