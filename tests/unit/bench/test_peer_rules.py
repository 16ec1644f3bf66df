from tests.bench import peer_rules

ADA, BEA = ("06:00:00:00:00:01", "10.77.100.1"), ("06:00:00:00:00:02", "10.77.100.2")


def _naming(rules: str, address: str) -> list[str]:
    return [line.strip() for line in rules.splitlines() if f"{address} " in line or f"{address}/32" in line]


def test_each_portal_adds_as_many_rules_a_client_as_its_source_says() -> None:
    for rules, count in ((peer_rules.opennds, 6), (peer_rules.opennds9, 4), (peer_rules.nodogsplash, 3)):
        for _, address in (ADA, BEA):
            assert len(_naming(rules([ADA, BEA]), address)) == count


def test_opennds_puts_marks_in_front_and_rates_behind() -> None:
    rules = peer_rules.opennds([ADA, BEA])
    assert rules.index(f"saddr {BEA[1]} ether") < rules.index(f"saddr {ADA[1]} ether")
    assert rules.index(f"saddr {ADA[1]} counter return") < rules.index(f"saddr {ADA[1]} counter drop")
    assert rules.index(f"saddr {ADA[1]} counter drop") < rules.index(f"saddr {BEA[1]} counter return")


def test_a_packet_of_a_client_passes_all_marks_since_none_of_them_decides() -> None:
    marks = [line for line in _naming(peer_rules.opennds([ADA]), ADA[1]) if "mark set" in line]
    assert len(marks) == 2
    assert not [line for line in marks if line.endswith(("accept", "return"))]


def test_a_download_through_the_classic_rules_ends_at_its_own_clients_rule() -> None:
    assert _naming(peer_rules.nodogsplash([ADA]), ADA[1])[-1] == f"-A ndsINC -d {ADA[1]}/32 -j ACCEPT"
