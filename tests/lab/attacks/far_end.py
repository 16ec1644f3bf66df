"""The far end of a tunnel: sends for as long as somebody takes it, bytes that no tunnel can compress."""

import os
import socket
import sys

from sync.process import notify_ready


def main() -> None:
    with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listening:
        notify_ready()
        while True:
            taking, _ = listening.accept()
            with taking:
                taking.recv(4096)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
                try:
                    taking.sendall(head)
                    for _ in range(1000):
                        taking.sendall(os.urandom(100_000))
                except OSError:
                    continue


if __name__ == "__main__":
    main()
