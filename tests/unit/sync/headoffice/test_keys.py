"""Keys: made once, shown once."""

from sync.headoffice.keys import new_key, opens, split_key


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
