"""`python -m tests.fuzz TARGET [--runs N] [--seed N]`: a target of `TARGETS`, until N inputs have been tried.

Exit 0: all N were taken well. libFuzzer's own report says what went wrong otherwise, with the input; a target
that leaks is told by how many live objects it left (each target's `close`).
"""

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=[
        "portal.intercept",
        "netctl.api",
        "netctl.wire",
        "netctl.gate.server",
        "netctl.lan.answerer",
        "netctl.lan.dns_message",
        "sync.headoffice.follow.typed_code",
        "sync.headoffice.follow.wechat.messages",
        "sync.headoffice.follow.wechat.signature",
    ]
):
    from tests.fuzz import answerer, gate_socket, interceptor, wechat

DEFAULT_RUNS = 1_000_000
_LONGEST_INPUT_BYTES = 4096
_WARM_UP_RUNS = 20_000
# Caches that fill and stay (json, re, interned words) are no leak; a thing left by each input is.
_ODD_OBJECTS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`take` tries one input and raises AssertionError when it was not taken well."""

    take: Callable[[bytes], None]
    seeds: Sequence[bytes]


TARGETS = {
    "answerer": lambda: Target(take=answerer.Target().take, seeds=answerer.SEEDS),
    "interceptor": lambda: Target(take=interceptor.Target().take, seeds=interceptor.SEEDS),
    "gate-socket": lambda: Target(take=gate_socket.Target().take, seeds=gate_socket.SEEDS),
    "wechat": lambda: Target(take=wechat.Target().take, seeds=wechat.SEEDS),
}


class LeavesNothing:
    """Counts what is alive after the warm-up, and again at the end."""

    def __init__(self, take: Callable[[bytes], None], runs: int) -> None:
        self._take, self._runs = take, runs
        self._taken = self._alive = 0

    def __call__(self, data: bytes) -> None:
        self._take(data)
        self._taken += 1
        if self._taken == _WARM_UP_RUNS:
            self._alive = _alive()
        if self._taken == self._runs and self._runs > _WARM_UP_RUNS:
            left = _alive() - self._alive
            assert left < _ODD_OBJECTS, f"{left} objects were left by {self._runs - _WARM_UP_RUNS} inputs"


def _alive() -> int:
    gc.collect()
    return len(gc.get_objects())


def main(words: Sequence[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--runs", type=int, default=DEFAULT_RUNS)
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's mutations")
    args = parser.parse_args(words)
    target = TARGETS[args.target]()
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-runs={args.runs}", f"-seed={args.seed}", f"-max_len={_LONGEST_INPUT_BYTES}", "-timeout=10"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={corpus}/", str(corpus)],
        LeavesNothing(target.take, args.runs),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
