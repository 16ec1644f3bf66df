"""Any brand's colour, readable everywhere."""

from hypothesis import example, given
from hypothesis import strategies as st

from portal.brand import DARK_SURFACE, LIGHT_SURFACE, READABLE, contrast, palette, readable_on

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
@example("#008c00")
@example("#000000")
@example("#ffffff")
def test_every_text_can_be_read_in_every_brands_colour(colour: str) -> None:
    colours = palette(colour)
    for ground in (colours.brand, colours.deep, colours.deeper):
        assert contrast(colours.ink, ground) >= READABLE
    assert contrast(colours.link, LIGHT_SURFACE) >= READABLE
    assert contrast(colours.link_dark, DARK_SURFACE) >= READABLE
    assert contrast(colours.button_ink_dark, colours.button_dark) >= READABLE
    assert contrast(colours.button_dark, DARK_SURFACE) >= 3


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


def test_a_light_brand_gets_dark_letters_and_a_dark_one_white() -> None:
    assert readable_on("#ffd400") != "#ffffff"
    assert readable_on("#0b6e4f") == "#ffffff"
