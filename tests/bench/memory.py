"""What the four processes hold after 1,000 registrations, each from a phone of its own through the real form.

PSS of smaps_rollup (proc(5)): pages shared by several processes count in parts, so the four add up.
"""

from pathlib import Path
from urllib.parse import urlencode

from tests.bench.crowd import UNHURRIED, Crowd
from tests.bench.result import Result
from tests.lab import private
from tests.lab.store import Store

REGISTRATIONS = 1000


def measure() -> Result:
    with Store(private.HOME / "memory") as store:
        crowd = Crowd(store, present=REGISTRATIONS)
        store.open(network=UNHURRIED)
        crowd.settle()
        idle = _megabytes(store)
        for number, station in enumerate(crowd.present):
            typed = {"name": "Ada", "email": f"guest{number}@example.com", "terms": "yes"}
            status, page = crowd.ask(station, "POST", "/register", urlencode(crowd.form(station) | typed))
            if status != 303:
                raise RuntimeError(f"registration {number} is answered {status}: {page}")
        store.head_office.wait_for("leads", REGISTRATIONS, within_seconds=120)
        if (admitted := len(store.box.admitted())) != REGISTRATIONS:
            raise RuntimeError(f"{admitted} are admitted, not {REGISTRATIONS}")
        held = _megabytes(store)
    return Result(
        figures={"total_mb": round(sum(held.values()), 1)}
        | {f"{name}_mb": megabytes for name, megabytes in held.items()}
        | {"idle_total_mb": round(sum(idle.values()), 1), "registrations": REGISTRATIONS}
    )


def _megabytes(store: Store) -> dict[str, float]:
    return {name: _pss_megabytes(process.pid) for name, process in store.box.processes.items()}


def _pss_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(kilobytes * 1024 / 1e6, 1)
