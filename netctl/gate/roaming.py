"""Codes by which a session is taken along to another store of the brand."""

from typing import Final, Self

from netctl.gate.sessions import LiveSession
from sync import roaming_code
from sync.config import Config
from sync.secret_file import read_key

# Whom head office can know again: she has given a contact, here, or as a follower it knows already. What
# came from another store has its code there.
_TAKEN_ALONG: Final = frozenset({"form", "follow"})


class RoamingCodes:
    """The codes of this box's sessions; they follow from its key, so that none is written down."""

    def __init__(self, key: bytes | None) -> None:
        """Without a key no session has a code."""
        self._key = key

    @classmethod
    def of_box(cls, config: Config) -> Self:
        """With the key of this box's gate, made when there is none. Raises OSError, ValueError."""
        if config.registration.roaming != "on":
            return cls(None)
        return cls(read_key(config.venue.data_dir / "gate" / "roaming.key"))

    def code_of(self, session: LiveSession) -> str | None:
        """Her code, None for a session that stays where it is."""
        if self._key is None or session.lead_id is None or session.method not in _TAKEN_ALONG:
            return None
        return roaming_code.code_of(session.session_id, self._key)

    def shown(self, session: LiveSession) -> str | None:
        """Her code as she reads it."""
        code = self.code_of(session)
        return roaming_code.shown(code) if code else None

    def told(self, session: LiveSession) -> dict[str, str]:
        """What head office is told of it with `session.started`: enough to know it again, not to make it."""
        code = self.code_of(session)
        return {"roaming_sha256": roaming_code.digest(code)} if code else {}
