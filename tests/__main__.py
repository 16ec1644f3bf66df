"""`python -m tests [pytest arguments]`: the tests, in a private world of their own.

Without arguments all of them, in two worlds side by side: those of the virtual store wait most of their time.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.lab.private import NoPrivateWorld, run_inside

_LAB = "tests/lab"
_SHARES = (("tests", f"--ignore={_LAB}"), (_LAB,))


def main(arguments: list[str]) -> int:
    return run(arguments) if arguments else run_all()


def run(arguments: Sequence[str]) -> int:
    try:
        return run_inside([sys.executable, "-m", "pytest", *arguments])
    except NoPrivateWorld as reason:
        print(reason, file=sys.stderr)
        print("Plain `pytest` runs what needs no network, and skips the rest.", file=sys.stderr)
        return 1


def run_all() -> int:
    """The first share speaks as it goes, the others when it is done. The worst exit code of all."""
    first, *others = _SHARES
    with tempfile.TemporaryDirectory() as folder:
        words = [(Path(folder) / str(number)).open("w+") for number, _ in enumerate(others)]
        behind = [_start(share, said) for share, said in zip(others, words, strict=True)]
        codes = [_start(first, None).wait()]
        for process, said in zip(behind, words, strict=True):
            codes.append(process.wait())
            said.seek(0)
            print(said.read(), end="", flush=True)
            said.close()
    return max(map(abs, codes))


def _start(share: Sequence[str], said: IO[str] | None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "tests", *share], stdout=said, stderr=said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
