"""`python -m tests.lab.on_air LINK SEED`: probe requests of made-up phones, at the pace of real ones."""

import sys
import threading
import time

from sync.process import notify_ready
from tests.lab.radio import Transmitter, air


def main(link: str, seed: int) -> None:
    transmitter = Transmitter(link)
    pause = threading.Event()
    # The street was there before we opened: what was in the air a while ago is skipped.
    opened_at = time.monotonic()
    notify_ready()
    for at, _, frame in air(seed, opened_at - 600, arrivals_per_minute=20, mean_stay_seconds=150):
        if at < opened_at:
            continue
        pause.wait(max(at - time.monotonic(), 0))
        transmitter.send(frame)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
