"""Frames from a monitor interface: only probe requests reach us, the kernel drops the rest."""

import ctypes
import errno
import fcntl
import socket
import struct
from pathlib import Path
from typing import Final

_ETH_P_ALL: Final = 0x0003
_SO_ATTACH_FILTER: Final = 26
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_PACKET_IGNORE_OUTGOING: Final = 23
_SIOCGIFHWADDR: Final = 0x8927
_SIOCGIFINDEX: Final = 0x8933
_ARPHRD_ETHER: Final = 1
_ARPHRD_IEEE80211_RADIOTAP: Final = 803

_RECEIVE_BUFFER_BYTES: Final = 1 << 20
_LONGEST_FRAME_BYTES: Final = 4096

# `type mgt subtype probe-req` on radiotap frames, as `tcpdump -y IEEE802_11_RADIO -ddd` has it. The length of
# the radiotap header is little-endian and BPF loads big-endian, hence byte by byte (linux/filter.h).
PROBE_REQUESTS: Final[tuple[tuple[int, int, int, int], ...]] = (
    (0x30, 0, 0, 3),  # ldb [3]
    (0x64, 0, 0, 8),  # lsh #8
    (0x07, 0, 0, 0),  # tax
    (0x30, 0, 0, 2),  # ldb [2]
    (0x4C, 0, 0, 0),  # or x
    (0x07, 0, 0, 0),  # tax
    (0x50, 0, 0, 0),  # ldb [x + 0]
    (0x54, 0, 0, 0xFC),  # and #0xfc
    (0x15, 0, 1, 0x40),  # jeq #0x40
    (0x06, 0, 0, 0x40000),  # ret: the whole frame
    (0x06, 0, 0, 0),  # ret: nothing
)


class CannotListen(Exception):
    """The interface cannot be listened on (any more); the text is one sentence with the remedy."""


class Capture:
    """One interface, listened on. Raises CannotListen when made and when the interface has gone."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        try:
            # Protocol 0 hears nothing until bind, so that no frame slips in before the filter is in place.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except PermissionError:
            raise CannotListen("Listening to the air needs CAP_NET_RAW.") from None
        try:
            self._index = _index(self._socket, interface)
            _check_kind(self._socket, interface)
            self._attach_filter()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            self._socket.setblocking(False)
            self._socket.bind((interface, _ETH_P_ALL))
        except OSError as error:
            self._socket.close()
            raise CannotListen(f"{interface} cannot be listened on: {error.strerror or error}.") from error
        except CannotListen:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def frames(self, most: int = 512) -> list[bytes]:
        """What has come since the last call, at most `most` frames."""
        frames: list[bytes] = []
        try:
            while len(frames) < most:
                frames.append(self._socket.recv(_LONGEST_FRAME_BYTES))
        except BlockingIOError:
            pass
        except OSError as error:
            # ENETDOWN is told once, when the interface is set down or pulled out (packet(7)).
            if not frames or error.errno != errno.ENETDOWN:
                raise CannotListen(f"{self.interface} has gone: {error.strerror}.") from error
        return frames

    def dropped(self) -> int:
        """Frames lost since the last call because we were too slow."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", statistics)[1])

    def check(self) -> None:
        """Raises CannotListen when the interface was pulled out, or came back as another."""
        try:
            index = _index(self._socket, self.interface)
        except OSError as error:
            raise CannotListen(f"{self.interface} has gone: {error.strerror}.") from error
        if index != self._index:
            raise CannotListen(f"{self.interface} was pulled out and put in again.")

    def close(self) -> None:
        self._socket.close()

    def _attach_filter(self) -> None:
        program = b"".join(struct.pack("HBBI", *instruction) for instruction in PROBE_REQUESTS)
        buffer = ctypes.create_string_buffer(program)
        # struct sock_fprog: a count and a pointer, which the kernel copies before the call returns.
        head = struct.pack("HL", len(PROBE_REQUESTS), ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)


def _ask(asker: socket.socket, request: int, interface: str) -> bytes:
    """An interface ioctl (netdevice(7)) on a socket we have: the sensor may open no other kind."""
    return fcntl.ioctl(asker, request, struct.pack("16s24x", interface.encode()))


def _index(asker: socket.socket, interface: str) -> int:
    return int(struct.unpack_from("i", _ask(asker, _SIOCGIFINDEX, interface), 16)[0])


def _check_kind(asker: socket.socket, interface: str) -> None:
    """A monitor interface, or a wire that carries radiotap frames, as in the virtual store."""
    (kind,) = struct.unpack_from("H", _ask(asker, _SIOCGIFHWADDR, interface), 16)
    if kind == _ARPHRD_IEEE80211_RADIOTAP:
        return
    if kind != _ARPHRD_ETHER or Path(f"/sys/class/net/{interface}/phy80211").exists():
        raise CannotListen(
            f"{interface} is not in monitor mode: `iw dev {interface} set type monitor`, while it is down."
        )
