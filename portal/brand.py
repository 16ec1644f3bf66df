"""A brand's one colour -> a palette in which every text can be read (pure)."""

import colorsys
from dataclasses import dataclass
from typing import Final

WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
"""Pure: only then is one of black and white readable on every colour (the product of both ratios is 21)."""
LIGHT_SURFACE: Final = "#ffffff"
DARK_SURFACE: Final = "#14171a"
_NIGHT_HUE: Final = 0.69
READABLE: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3, level AA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """`ink` reads on `brand`, `deep` and `deeper`; `link` on white; `link_dark` on the dark surface;
    `button_ink_dark` on `button_dark`, which stands out from the dark surface. `glow` carries no text.
    """

    brand: str
    ink: str
    deep: str
    deeper: str
    glow: str
    link: str
    link_dark: str
    button_dark: str
    button_ink_dark: str


def palette(colour: str) -> Palette:
    """The palette of a colour `#rrggbb`."""
    ink = readable_on(colour)
    # Dark brands get neighbours of their colour towards the night, light ones a paler self: both are legible.
    if ink == WHITE:
        night = _towards_night(colour)
        deep, deeper = _turned(colour, 0.05 * night, -0.07), _turned(colour, 0.10 * night, -0.13)
        glow = _muted(_turned(colour, -0.03 * night, 0.24))
    else:
        deep, deeper, glow = _paler(colour, 0.4), _paler(colour, 0.65), _paler(colour, 0.8)
    button_dark = _until(colour, DARK_SURFACE, 3.0, 1)
    return Palette(
        brand=colour,
        ink=ink,
        deep=deep if contrast(deep, ink) >= READABLE else colour,
        deeper=deeper if contrast(deeper, ink) >= READABLE else colour,
        glow=glow,
        link=_until(colour, LIGHT_SURFACE, READABLE, -1),
        link_dark=_until(colour, DARK_SURFACE, READABLE, 1),
        button_dark=button_dark,
        button_ink_dark=readable_on(button_dark),
    )


def readable_on(colour: str) -> str:
    """White or black, whichever is read better on this colour: one of them is always AA."""
    return WHITE if contrast(WHITE, colour) >= READABLE else BLACK


def contrast(one: str, other: str) -> float:
    """The contrast ratio, 1 to 21 (WCAG 2.2, `contrast ratio`)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _until(colour: str, against: str, ratio: float, direction: int) -> str:
    """The colour, made lighter (1) or darker (-1) only as far as the ratio asks."""
    end = WHITE if direction > 0 else "#000000"
    while contrast(colour, against) < ratio and colour != end:
        colour = _turned(colour, 0.0, 0.02 * direction)
    return colour


def _turned(colour: str, hue: float, lightness: float) -> str:
    """The colour with its hue turned (1 is a full circle) and its lightness moved."""
    h, light, s = colorsys.rgb_to_hls(*_rgb(colour))
    return _hex(colorsys.hls_to_rgb((h + hue) % 1.0, min(max(light + lightness, 0.0), 1.0), s))


def _towards_night(colour: str) -> float:
    """Which way round the circle, and how far at most, it is to the blue of the night."""
    hue = colorsys.rgb_to_hls(*_rgb(colour))[0]
    away = (_NIGHT_HUE - hue + 0.5) % 1.0 - 0.5
    return max(-1.0, min(1.0, away / 0.1))


def _muted(colour: str) -> str:
    """Less loud."""
    h, light, s = colorsys.rgb_to_hls(*_rgb(colour))
    return _hex(colorsys.hls_to_rgb(h, light, s * 0.55))


def _paler(colour: str, part: float) -> str:
    """Mixed with this part of white."""
    red, green, blue = (each + (1 - each) * part for each in _rgb(colour))
    return _hex((red, green, blue))


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _rgb(colour: str) -> tuple[float, float, float]:
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255
