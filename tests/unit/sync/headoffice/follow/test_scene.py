"""What a QR says, and the digits that say the same."""

import pytest

from sync.headoffice.follow.scene import Scene, new_code, new_ref, read_code, read_scene, to_mint

REF = "ABEiM0RVZneImQCq"


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        (f"s123.{REF}", Scene(kind="session", venue_number=123, ref=REF)),
        (f"s123-{REF}", Scene(kind="session", venue_number=123, ref=REF)),
        (REF, Scene(kind="session", ref=REF)),
        ("st.123", Scene(kind="poster", venue_number=123)),
        ("st-123", Scene(kind="poster", venue_number=123)),
        (f"sm.123.{REF}", Scene(kind="staff", venue_number=123, ref=REF)),
        (f"sm-123-{REF}", Scene(kind="staff", venue_number=123, ref=REF)),
    ],
)
def test_a_scene_is_read_as_it_was_written(text: str, scene: Scene) -> None:
    assert read_scene(text) == scene


@pytest.mark.parametrize(
    "text", ["", "st.", "st.x", f"s.{REF}", "s123." + REF[1:], REF + "=", "st.1\n", "a" * 64]
)
def test_a_scene_of_somebody_else_is_none_of_ours(text: str) -> None:
    assert read_scene(text) is None


@pytest.mark.parametrize("scene", [f"s123.{REF}", "st.123", f"sm.4294967295.{REF}"])
def test_what_is_minted_is_what_comes_back(scene: str) -> None:
    read = read_scene(scene)
    assert read is not None
    assert to_mint("wechat", read, "482913") == scene
    assert to_mint("line", read, "482913") == "482913"


def test_every_new_ref_fits_a_scene() -> None:
    refs = {new_ref() for _ in range(200)}
    assert len(refs) == 200
    assert all(read_scene(f"s1.{ref}") and ref[0] != "-" for ref in refs)


@pytest.mark.parametrize("text", ["482913", " 482 913\n", "482-913", "４８２９１３"])
def test_digits_are_read_as_people_send_them(text: str) -> None:
    assert read_code(text) == "482913"


@pytest.mark.parametrize("text", ["48291", "4829133", "hello", "４８２９１x", ""])
def test_other_words_are_no_code(text: str) -> None:
    assert read_code(text) is None


def test_a_code_that_somebody_holds_is_not_given_again() -> None:
    asked: list[str] = []

    def is_taken(code: str) -> bool:
        asked.append(code)
        return len(asked) < 3

    assert new_code(is_taken) == asked[2]
    assert read_code(asked[2]) == asked[2]


def test_when_hardly_any_code_is_left_none_is_given() -> None:
    assert new_code(lambda _: True) is None
