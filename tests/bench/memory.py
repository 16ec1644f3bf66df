"""What the four processes hold: idle, after 1,000 registrations, each from a phone of its own through the
real form, and with 10,000 stations admitted; and what a redirect leaves behind.

PSS of smaps_rollup (proc(5)): pages shared by several processes count in parts, so the four add up.
"""

from urllib.parse import urlencode

from tests.bench.crowd import UNHURRIED, Crowd
from tests.bench.doorman import admit_all
from tests.bench.intercept import OURS, interceptor
from tests.bench.process import pss_megabytes
from tests.bench.result import Result
from tests.bench.wrk import load
from tests.lab import private
from tests.lab.store import Store

REGISTRATIONS = 1000
STATIONS = 10_000
REDIRECTS = 200_000
_REDIRECT_SECONDS = 3


def measure() -> Result:
    with Store(private.HOME / "memory") as store:
        crowd = Crowd(store, present=REGISTRATIONS, absent=STATIONS - REGISTRATIONS)
        store.open(network=UNHURRIED)
        crowd.settle()
        idle = _megabytes(store)
        _register_all(store, crowd)
        held = _megabytes(store)
        with crowd.absent_hold_leases():
            admit_all(store, crowd.absent)
            many = _megabytes(store)
    return Result(
        figures={"total_mb": round(sum(held.values()), 1)}
        | {f"{name}_mb": megabytes for name, megabytes in held.items()}
        | {
            "registrations": REGISTRATIONS,
            "stations_0": _table(idle),
            f"stations_{REGISTRATIONS}": _table(held),
            f"stations_{STATIONS}": _table(many),
            "redirects": _redirects(),
        }
    )


def _register_all(store: Store, crowd: Crowd) -> None:
    for number, station in enumerate(crowd.present):
        typed = {"name": "Ada", "email": f"guest{number}@example.com", "terms": "yes"}
        status, page = crowd.ask(station, "POST", "/register", urlencode(crowd.form(station) | typed))
        if status != 303:
            raise RuntimeError(f"registration {number} is answered {status}: {page}")
    store.head_office.wait_for("leads", REGISTRATIONS, within_seconds=120)
    if (admitted := len(store.box.admitted())) != REGISTRATIONS:
        raise RuntimeError(f"{admitted} are admitted, not {REGISTRATIONS}")


def _megabytes(store: Store) -> dict[str, float]:
    return {name: pss_megabytes(process.pid) for name, process in store.box.processes.items()}


def _table(megabytes: dict[str, float]) -> dict[str, float]:
    return {f"{name}_mb": value for name, value in megabytes.items()} | {
        "total_mb": round(sum(megabytes.values()), 1)
    }


def _redirects() -> dict[str, float]:
    """What the interceptor has grown by after very many redirects, beyond what the first of them took."""
    url = f"http://127.0.0.1:{OURS}/generate_204"
    with interceptor() as pid:
        load(url, connections=256, seconds=_REDIRECT_SECONDS)
        before, answered = pss_megabytes(pid), 0
        while answered < REDIRECTS:
            answered += load(url, connections=256, seconds=_REDIRECT_SECONDS).requests
        after = pss_megabytes(pid)
    return {
        "answered": answered,
        "before_mb": before,
        "after_mb": after,
        "leaked_bytes_each": round((after - before) * 1e6 / answered, 3),
    }
