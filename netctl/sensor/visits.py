"""Joins and leaves of stations -> visits (pure)."""

from netctl.api import Presence
from sync.model import LeadId
from sync.records.visits import Visit


class Stays:
    """The stations now here, and how far the gate's joins and leaves need not be heard again.

    After a restart the joins of those still here are heard again, from `cursor` on: so they are known, and a
    leave heard twice makes the same visit under the same `visit_id`.
    """

    def __init__(self, cursor: int) -> None:
        self._heard = cursor
        self._joined: dict[str, int] = {}  # visit_id -> seq of its join

    @property
    def present(self) -> int:
        return len(self._joined)

    @property
    def cursor(self) -> int:
        """Everything up to here is done with."""
        return min([self._heard, *(seq - 1 for seq in self._joined.values())])

    def hear(self, presence: Presence) -> Visit | None:
        """The visit that a leave ends; None for a join."""
        self._heard = max(self._heard, presence.seq)
        if presence.left_at is None:
            self._joined[presence.visit_id] = presence.seq
            return None
        self._joined.pop(presence.visit_id, None)
        return Visit(
            visit_id=presence.visit_id,
            session_id=presence.session_id,
            lead_id=None if presence.lead_id is None else LeadId(presence.lead_id),
            started_at=presence.joined_at,
            ended_at=presence.left_at,
        )
