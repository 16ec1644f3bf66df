"""The desk, played: writes down what it hears, and answers the same to the same."""

from dataclasses import dataclass, field

from sync.headoffice.follow.event import Answer, FollowEvent


class DeskIsDown(Exception):
    """As when the database cannot be used."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """`answer` is what it says to everything; `down_for` so many events it fails first."""

    answer: Answer = field(default_factory=Answer)
    down_for: int = 0
    heard: list[FollowEvent] = field(default_factory=list)
    """Each event once, in the order they came first."""
    _given: dict[tuple[str, str, str], Answer] = field(default_factory=dict)

    async def hear(self, event: FollowEvent) -> Answer:
        if self.down_for:
            self.down_for -= 1
            raise DeskIsDown
        key = (event.platform, event.account, event.dedupe_key)
        if key not in self._given:
            self.heard.append(event)
            self._given[key] = self.answer
        return self._given[key]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.heard]
