"""`python -m tests [pytest arguments]`: the tests, in a private world of their own."""

import sys

from tests.lab.private import NoPrivateWorld, run_inside


def main(arguments: list[str]) -> int:
    try:
        return run_inside([sys.executable, "-m", "pytest", *arguments])
    except NoPrivateWorld as reason:
        print(reason, file=sys.stderr)
        print("Plain `pytest` runs what needs no network, and skips the rest.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
