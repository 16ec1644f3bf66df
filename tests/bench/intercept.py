"""Redirects of captive phones' port-80 requests, each on its own connection, beside nginx with one worker.

Both sides answer in one namespace, in turn, to the same load. Before and after each load a reply is read
whole and checked; wrk counts every other reply that is no redirect.
"""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.result import Result, median
from tests.bench.wrk import Load, load
from tests.lab.waiting import until

ROUNDS = 5
SECONDS = 2
CONNECTIONS = (1, 32, 256)
_OURS, _NGINX = 2080, 2081
_PORTAL_URL = "http://10.77.0.1/"


def measure() -> Result:
    loads: dict[tuple[str, int], list[Load]] = {}
    nginx_there = shutil.which("nginx") is not None
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        running.enter_context(_interceptor())
        sides = {"ours": _OURS}
        if nginx_there:
            running.enter_context(_nginx(Path(folder)))
            sides["nginx"] = _NGINX
        for _ in range(ROUNDS):
            for connections in CONNECTIONS:
                for side, port in sides.items():
                    _check_reply(port)
                    url = f"http://127.0.0.1:{port}/generate_204"
                    measured = load(url, connections=connections, seconds=SECONDS)
                    if measured.failed:
                        raise RuntimeError(f"{side}: {measured.failed} replies failed at {connections}")
                    loads.setdefault((side, connections), []).append(measured)
    ours, nginx = (_figures(side, loads) for side in ("ours", "nginx"))
    return Result(
        figures=ours,
        peers={"nginx": nginx or None},
        ratios=_ratios(loads) if nginx_there else {"nginx": None},
    )


def _figures(side: str, loads: dict[tuple[str, int], list[Load]]) -> dict[str, dict[str, float]]:
    return {
        f"connections_{connections}": {
            "redirects_per_s": median([run.per_second for run in loads[side, connections]]),
            "p99_ms": median([run.p99_ms for run in loads[side, connections]]),
        }
        for connections in CONNECTIONS
        if (side, connections) in loads
    }


def _ratios(loads: dict[tuple[str, int], list[Load]]) -> dict[str, float]:
    def ratio(connections: int) -> float:
        pairs = zip(loads["ours", connections], loads["nginx", connections], strict=True)
        return median([ours.per_second / nginx.per_second for ours, nginx in pairs])

    return {"nginx": ratio(32)} | {f"nginx_{connections}": ratio(connections) for connections in CONNECTIONS}


@contextlib.contextmanager
def _interceptor() -> Iterator[None]:
    """The product's interceptor, in a process of its own as on the box."""
    code = f"from tests.bench.intercept import serve; serve({_OURS})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            _wait_for_port(_OURS)
            yield
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
            tasks.create_task(serve_interceptor(listening, _PORTAL_URL, trace=trace))

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
    location / {{ add_header Cache-Control no-store always; return 302 {_PORTAL_URL}; }} }}
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


def _check_reply(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nConnection: close\r\n\r\n"
        )
        reply = b"".join(iter(lambda: connection.recv(65536), b"")).lower()
    head, _, body = reply.partition(b"\r\n\r\n")
    wanted = (b"302 ", b"location: " + _PORTAL_URL.encode(), b"cache-control: no-store", b"connection: close")
    if missing := [part for part in wanted if part not in head]:
        raise RuntimeError(f"port {port} answers without {missing}: {head!r}")
    if len(body) < 100:
        raise RuntimeError(f"port {port} answers a body of {len(body)} bytes")
