"""`make demo`: a whole store on this machine; Ctrl-C ends it and leaves nothing behind."""

import argparse
import os
import socket
import sys
import threading
from dataclasses import dataclass

from tests.lab import private
from tests.lab.forward import Forward, listen_from, serve
from tests.lab.headoffice import HeadOffice
from tests.lab.internet import HEAD_OFFICE, WEB_IPV4
from tests.lab.namespace import Namespace
from tests.lab.other_store import OtherStore
from tests.lab.shoppers import Shoppers
from tests.lab.store import Store
from tests.lab.wechat import ADDRESS as WECHAT
from tests.lab.wechat import WeChat

OWNER_PASSWORD = "welcome-in-again"
_STAFF, _STAFF_PASSWORD = "marketing", "head-office-demo"


def _timezone() -> str:
    """This machine's, so that "today" on the owner's page is today."""
    name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    return os.environ.get("TZ") or name or "UTC"


SETTINGS: dict[str, dict[str, object]] = {
    "venue": {"name": "Lotus Tea House 莲花茶馆", "timezone": _timezone()},
    "privacy": {"suppress_below": 3},
    "network": {"absent_after_seconds": 10},
    "sensor": {"window_seconds": 60},
    "registration": {"roaming": "on"},
}
# She is online in another store of the chain.
_ROAMER = "+8613900139000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The listening sockets of the machine, one for each thing to open in the browser."""

    splash: socket.socket
    internet: socket.socket
    owner: socket.socket
    console: socket.socket
    wechat: socket.socket

    @staticmethod
    def url(door: socket.socket) -> str:
        return f"http://127.0.0.1:{door.getsockname()[1]}"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=8080, help="first port on 127.0.0.1 (0: any)")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another afternoon")
    parser.add_argument("--inside", type=int, nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        sockets = [socket.socket(fileno=descriptor) for descriptor in options.inside]
        return run(_doors(sockets), options.seed)
    try:
        sockets = listen_from(options.port, 5)
    except OSError as error:
        print(f"No port from {options.port} on could be opened: {error}. Try --port 9000.", file=sys.stderr)
        return 1
    _say_moved(options.port, sockets)
    descriptors = [listener.fileno() for listener in sockets]
    command = [sys.executable, "-m", "tests.lab.demo", "--seed", str(options.seed)]
    try:
        return private.run_inside([*command, "--inside", *map(str, descriptors)], pass_fds=descriptors)
    except private.NoPrivateWorld as reason:
        print(reason, file=sys.stderr)
        return 1


def _doors(sockets: list[socket.socket]) -> Doors:
    splash, internet, owner, console, wechat = sockets
    return Doors(splash=splash, internet=internet, owner=owner, console=console, wechat=wechat)


def _say_moved(first: int, sockets: list[socket.socket]) -> None:
    ports = [listener.getsockname()[1] for listener in sockets]
    taken = sorted(set(range(first, max(ports) + 1)) - set(ports)) if first else []
    if taken:
        print(f"In use by others, so passed over: port {', '.join(map(str, taken))}.", flush=True)


def run(doors: Doors, seed: int) -> int:
    """Inside the private world: opens the store and keeps it alive until it is told to end."""
    print("Building the store …", flush=True)
    shoppers = None
    with Store(private.HOME / "demo") as store:
        wechat = WeChat(store.home, store.internet)
        # A link in an answer leads to the store, opened on the phone that is you.
        wechat.introduce(store.head_office, doors.url(doors.splash))
        try:
            wechat.start()
            store.open(**SETTINGS)
            store.box.command("yingke-portal", "password", stdin=OWNER_PASSWORD + "\n")
            staff = ["staff", "add", _STAFF, "--role", "marketing"]
            store.head_office.command(*staff, stdin=_STAFF_PASSWORD + "\n")
            store.head_office.command("brand", "roaming", "default", "on")
            code = OtherStore(store.head_office, "jade").registers(_ROAMER, minutes=720)
            serve(_forwards(store, doors, store.phone("you").join().namespace, wechat))
            store.air.python("on_air", "tests.lab.on_air", "radio", str(seed)).start()
            shoppers = Shoppers(store, seed)
            _welcome(doors, store.head_office, code)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nClosing the store …", flush=True)
        except AssertionError as trouble:
            print(f"{trouble}\n{store.logs()}", file=sys.stderr)
            return 1
        finally:
            if shoppers is not None:
                shoppers.stop()
            wechat.close()
    return 0


def _forwards(store: Store, doors: Doors, you: Namespace, wechat: WeChat) -> list[Forward]:
    portal = f"http://{store.box.LAN_ADDRESS}/".encode()
    here = f"{doors.url(doors.splash)}/".encode()
    office = store.head_office.namespace
    return [
        Forward(listener=doors.splash, namespace=you, target=(store.box.LAN_ADDRESS, 80)),
        Forward(listener=doors.internet, namespace=you, target=(WEB_IPV4, 80), renamed={portal: here}),
        Forward(listener=doors.owner, namespace=store.laptop, target=(store.box.OWNER_ADDRESS, 80)),
        Forward(listener=doors.console, namespace=office, target=(HEAD_OFFICE, 8443)),
        Forward(listener=doors.wechat, namespace=wechat.namespace, target=(WECHAT, 80)),
    ]


def _welcome(doors: Doors, office: HeadOffice, code: str) -> None:
    pull = f'curl -H "Authorization: Bearer {office.read_key}" {doors.url(doors.console)}/v1/leads'
    print(
        f"""
The store is open. Open in a browser on this machine:

  You are a phone       {doors.url(doors.splash)}/         the splash page; register there
  … and its internet    {doors.url(doors.internet)}/         the portal, until you have registered
  … or as a follower    {doors.url(doors.wechat)}/         WeChat, played: follow, send the six digits
  … or from a chain's other store: type the code {code} and the number {_ROAMER}
  The owner's page      {doors.url(doors.owner)}/owner    password: {OWNER_PASSWORD}
  Head office           {doors.url(doors.console)}/         sign in as {_STAFF}, password: {_STAFF_PASSWORD}
  The data team pulls   {pull}

Shoppers come and go by themselves; the numbers move within a minute. Ctrl-C closes the store.
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
