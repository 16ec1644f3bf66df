"""What the box's processes raise, in the owner's words."""

from collections.abc import Mapping
from typing import Final

from sync.i18n import mark

# A key that is missing here is still shown, with its detail.
NOTICES: Final[Mapping[str, tuple[str, str]]] = {
    "sensor_interface_gone": (
        mark("A radio that counts is gone: passers-by and visitors are not counted now."),
        mark("Is it still plugged in? Pull it out and put it in again."),
    ),
    "sensor_frames_lost": (
        mark("There was more on the air than the box could hear: its estimates are too low for that time."),
        mark("If this stays, show this line to the person who looks after the box."),
    ),
    "sensor_flooded": (
        mark("Something nearby makes up more devices than can be told apart: the estimates are too low."),
        mark("If this stays, show this line to the person who looks after the box."),
    ),
    "legal_log_losses": (
        mark("The legal log missed some connections: more came at once than it could write down."),
        mark("The log itself says when and how many. If it happens often, the box is too slow."),
    ),
    "legal_log_not_written": (
        mark("The legal log cannot be written right now; guests notice nothing."),
        mark("Is the box's storage full or worn out? It goes on by itself once there is room."),
    ),
    "legal_log_no_key": (
        mark("The legal log waits for its key: nothing is recorded yet."),
        mark("Make it with yingke-net legal-log key on another machine; its public half goes to the box."),
    ),
    "mac_cloned": (
        mark("Two devices seem to use the same hardware address, so both are online when one is."),
        mark("Open WiFi cannot prevent that. The phones with these letters are on the page of phones."),
    ),
    "addresses_short": (
        mark("Nearly all addresses of the guests' WiFi are taken."),
        mark("A very full store, or somebody who makes phones up. Those of phones that are gone come back."),
    ),
}
UNKNOWN_NOTICE: Final = (
    mark("Something in the box needs a look."),
    mark("Show this line to the person who looks after the box."),
)
