"""While the uplink is down: captive stations get the names of their checks from us, and find the portal."""

from functools import partial

from netctl.gate.chores import Chore
from netctl.gate.desk import Condition
from netctl.lan.answerer import Answerer, known_names
from netctl.lan.uplink import Uplink
from netctl.linux import links
from netctl.linux.kernel import Kernel
from sync.config import Config

_TRY_AGAIN_SECONDS = 60.0


class Nameless:
    """Watches the uplink, answers in its place, and says in `condition` how it is."""

    def __init__(self, config: Config, kernel: Kernel, condition: Condition) -> None:
        self._kernel = kernel
        self._condition = condition
        self._answerer = Answerer(known_names(config), config.network.bridge)
        self._answers = False
        self._uplink = Uplink(config, partial(links.uplink_has_route, config), self._changed)

    def chores(self) -> list[Chore]:
        return [
            Chore(name="uplink", act=self._uplink.look, pause=lambda: self._uplink.pause_seconds),
            # A port that is taken is trouble only while the uplink is down: no reason to keep everybody out.
            Chore(name="answerer", act=self._answer, pause=lambda: _TRY_AGAIN_SECONDS),
        ]

    async def close(self) -> None:
        if self._answers:
            await self._answerer.close()

    async def _answer(self) -> None:
        if not self._answers:
            await self._answerer.open()
            self._answers = True

    async def _changed(self, up: bool) -> None:
        self._condition.uplink = up
        await self._kernel.answer_names_ourselves(not up)
