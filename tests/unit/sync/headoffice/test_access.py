"""Keys and how often they may be used."""

from sync.headoffice.keys import new_key, opens, split_key
from sync.headoffice.rate import RateLimit, Turnstile


def test_a_key_opens_what_it_was_made_for_and_is_not_kept_itself() -> None:
    shown, stored = new_key("pull", "data", scopes=("read",))
    named = split_key(shown)
    assert named is not None
    key_id, secret = named

    assert key_id == stored.key_id
    assert opens(stored, secret)
    assert not opens(stored, secret[:-1])
    assert not opens(None, secret)
    assert secret not in repr(stored)


def test_two_keys_are_never_the_same() -> None:
    assert new_key("upload", "a")[0] != new_key("upload", "a")[0]


def test_what_is_no_key_of_ours_is_not_even_looked_up() -> None:
    for text in ("", "yk", "yk_", "yk_x_", "zz_a_b", "yk_a b_c", "yk_ä_ö", "yk_a_" + "x" * 500):
        assert split_key(text) is None


def test_a_burst_is_allowed_then_a_pace() -> None:
    limit = RateLimit(burst=3, per_second=0.5)
    assert [limit.take("box", 100.0) for _ in range(4)] == [0, 0, 0, 2]
    assert limit.take("another", 100.0) == 0
    assert limit.take("box", 102.0) == 0
    assert limit.take("box", 102.0) == 2


def test_idle_names_are_forgotten() -> None:
    limit = RateLimit(burst=2, per_second=1)
    for number in range(20_000):
        limit.take(f"name-{number}", float(number))
    assert len(limit._buckets) <= 10_001


def test_a_full_house_turns_away_until_somebody_leaves() -> None:
    door = Turnstile(2)
    assert [door.enter() for _ in range(3)] == [True, True, False]
    door.leave()
    assert door.enter()
