"""The internet of the virtual machine: a namespace behind eth0 with a resolver and one web server."""

import os
import socket
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<html><body>the internet, at last</body></html>\n"
LARGE_BYTES = 250_000
SERVER = "203.0.113.80"


class Page(BaseHTTPRequestHandler):
    """Whatever is asked for, the same page; /large is as long as a download that can be measured."""

    def do_GET(self) -> None:
        page = bytes(LARGE_BYTES) if self.path == "/large" else PAGE
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing: the journal is for the box."""


def lay_the_cable() -> None:
    """eth0 of the box (192.0.2.2) leads to the namespace `internet` (192.0.2.1), where the server is."""
    for command in (
        "ip netns add internet",
        "ip link add eth0 type veth peer name cable netns internet",
        "ip address add 192.0.2.2/24 dev eth0",
        "ip link set eth0 up",
        "ip -n internet address add 192.0.2.1/24 dev cable",
        f"ip -n internet address add {SERVER}/32 dev lo",
        "ip -n internet link set lo up",
        "ip -n internet link set cable up",
        "ip route add default via 192.0.2.1",
    ):
        subprocess.run(command.split(), check=True)


def main() -> None:
    lay_the_cable()
    namespace = os.open("/run/netns/internet", os.O_RDONLY)
    options = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--address=/#/{SERVER}", "--pid-file="]
    subprocess.Popen(["ip", "netns", "exec", "internet", "dnsmasq", "--keep-in-foreground", *options])
    _enter(namespace)
    server = ThreadingHTTPServer((SERVER, 80), Page)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    server.serve_forever()


def _enter(namespace: int) -> None:
    import ctypes

    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).setns(namespace, clone_newnet):
        raise OSError(ctypes.get_errno(), "setns")


if __name__ == "__main__":
    main()
