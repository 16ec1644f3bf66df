"""Redirects of captive phones' port-80 requests, each on its own connection, beside nginx with one worker.

Both sides answer in one namespace, in turn, to the same load; the trace of each station is on. Every reply is
checked: once all of a load are looked at one by one, which costs the load generator, and in the measured runs
the status of each and the exact sum of their lengths must be right.
"""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.result import Result, median, paired_ratio
from tests.bench.wrk import Load, load, look_at_replies
from tests.lab.waiting import until

ROUNDS = 5
SECONDS = 2
CONNECTIONS = (1, 32, 256)
OURS, _NGINX = 2080, 2081
PORTAL_URL = "http://10.77.0.1/"


Loads = dict[tuple[str, str], list[Load]]
"""By side and load, one a round."""


def measure() -> Result:
    loads: Loads = {}
    looked_at = {}
    nginx_there = shutil.which("nginx") is not None
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        running.enter_context(interceptor())
        sides = {"ours": OURS}
        if nginx_there:
            running.enter_context(_nginx(Path(folder)))
            sides["nginx"] = _NGINX
        for side, port in sides.items():
            looked_at[side] = look_at_replies(
                _url(port), PORTAL_URL, connections=32, seconds=SECONDS, body_bytes=100
            )
        for _ in range(ROUNDS):
            for connections in CONNECTIONS:
                for side, port in sides.items():
                    key = side, f"connections_{connections}"
                    loads.setdefault(key, []).append(_load(side, port, connections))
            with _many_addresses():
                for side, port in sides.items():
                    loads.setdefault((side, "many_addresses"), []).append(_load(side, port, 32))
    ours, nginx = (_figures(side, loads) for side in ("ours", "nginx"))
    return Result(
        figures=ours | {"replies_looked_at": looked_at},
        peers={"nginx": nginx or None},
        ratios=_ratios(loads) if nginx_there else {"nginx": None},
    )


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/generate_204"


def _load(side: str, port: int, connections: int) -> Load:
    """One run. Raises RuntimeError when a reply was no redirect, or not as long as a whole one."""
    length = _check_reply(port)
    measured = load(_url(port), connections=connections, seconds=SECONDS)
    # What was on its way when the time was over has been read, but is no request done.
    unfinished = measured.read_bytes - measured.requests * length
    if measured.failed or not 0 <= unfinished <= connections * length:
        raise RuntimeError(
            f"{side} with {connections}: {measured.failed} failed, {unfinished} bytes too many"
        )
    return measured


def _figures(side: str, loads: Loads) -> dict[str, object]:
    return {
        name: {
            "redirects_per_s": median([run.per_second for run in runs]),
            "p99_ms": median([run.p99_ms for run in runs]),
        }
        for (of, name), runs in loads.items()
        if of == side
    }


def _ratios(loads: Loads) -> dict[str, float]:
    """Ours to nginx in redirects a second, the median of the rounds; and in the 99th percentile at 256."""

    def ratio(name: str, of: Callable[[Load], float]) -> float:
        return paired_ratio(*([of(run) for run in loads[side, name]] for side in ("ours", "nginx")))

    names = [name for side, name in loads if side == "ours"]
    rates = {name.replace("connections", "nginx"): ratio(name, lambda run: run.per_second) for name in names}
    p99 = ratio("connections_256", lambda run: run.p99_ms)
    return {"nginx": rates["nginx_32"], **rates, "p99_256": p99}


@contextlib.contextmanager
def _many_addresses() -> Iterator[None]:
    """While inside, each connection seems to come from one of 4096 stations, by its port. Stateless, the same
    few nanoseconds a packet for both sides.
    """
    ports = 16
    addresses = ", ".join(
        f"{first}-{first + ports - 1} : 127.9.{first // ports >> 8}.{first // ports & 255}"
        for first in range(0, 65536, ports)
    )
    rules = f"""
table netdev stations {{
	map by_port {{
		type inet_service : ipv4_addr
		flags interval
		elements = {{ {addresses} }}
	}}
	chain leaving {{
		type filter hook egress device lo priority filter; policy accept;
		ip saddr 127.0.0.1 tcp dport {{ {OURS}, {_NGINX} }} ip saddr set tcp sport map @by_port
		ip daddr 127.9.0.0/16 ip daddr set 127.0.0.1
	}}
}}
"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "netdev", "stations"], check=True)


@contextlib.contextmanager
def interceptor() -> Iterator[int]:
    """The product's interceptor, in a process of its own as on the box; its process id."""
    code = f"from tests.bench.intercept import serve; serve({OURS})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            _wait_for_port(OURS)
            yield process.pid
        finally:
            process.kill()


def serve(port: int) -> None:
    import uvloop

    from netctl.client import GateClient
    from portal.intercept import serve_interceptor
    from portal.trace import Trace

    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))

    async def as_on_the_box() -> None:
        # A gate that is not there takes no time to be told: what is measured is the noting.
        trace = Trace()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(trace.keep_telling(GateClient(Path("/nowhere")).seen))
            tasks.create_task(serve_interceptor(listening, PORTAL_URL, trace=trace))

    uvloop.run(as_on_the_box())


@contextlib.contextmanager
def _nginx(folder: Path) -> Iterator[None]:
    """nginx returning the same redirect, with one worker and no log."""
    configuration = folder / "nginx.conf"
    configuration.write_text(f"""
worker_processes 1; daemon off; master_process on; pid {folder}/nginx.pid; error_log stderr crit; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{_NGINX} backlog=4096;
    location / {{ add_header Cache-Control no-store always; return 302 {PORTAL_URL}; }} }}
}}
""")
    with subprocess.Popen(["nginx", "-c", str(configuration), "-p", str(folder)]) as process:
        try:
            _wait_for_port(_NGINX)
            yield
        finally:
            process.terminate()


def _wait_for_port(port: int) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    until(answers, f"an answer on port {port}")


def _check_reply(port: int) -> int:
    """The length of a reply, read whole."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nConnection: close\r\n\r\n"
        )
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = reply.lower().partition(b"\r\n\r\n")
    wanted = (b"302 ", b"location: " + PORTAL_URL.encode(), b"cache-control: no-store", b"connection: close")
    if missing := [part for part in wanted if part not in head]:
        raise RuntimeError(f"port {port} answers without {missing}: {head!r}")
    if len(body) < 100:
        raise RuntimeError(f"port {port} answers a body of {len(body)} bytes")
    return len(reply)
