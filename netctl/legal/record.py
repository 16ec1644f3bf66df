"""What a sealed chunk holds: records as JSON lines, compressed. Pure.

A record of a connection is a list (connections.py), any other an object with `k`, its kind, and `at`.
Times are milliseconds of CLOCK_BOOTTIME; in a chunk they stand relative to the chunk's own, which keeps
them short.

| k | holds |
|---|---|
| session | a line of the gate's journal: session_id, mac, ips, what, method, lead_id, contact, ssid, ap, … |
| lease | mac, ip, what: given or ended |
| address | mac, ip: an IPv6 address the kernel heard this station at |
| loss | events or records: how much could not be handed over; from: since when, as ms before `at` |
| gap | from, why: the log did not run |
| alive | nothing happened, and the log ran |
"""

import json
from collections.abc import Iterable
from typing import Any, Final

import zstandard

Record = list[Any] | dict[str, Any]
_LONGEST_PLAIN: Final = 256 << 20

# Chunks are small, a few seconds each: what they all have in common need not stand in each. A chunk that
# was written with this needs exactly this to be read: another is another FORMAT (segments.py).
_COMMON: Final = b"""\
{"k":"loss","at":-1,"from":-3000,"events":1000}
{"k":"gap","at":-1,"from":"2026-11-23T08:00:00.000000Z","why":"stopped"}
{"k":"alive","at":0}
{"k":"address","at":-1,"mac":"02:00:5e:10:00:01","ip":"fd77:79b6:1::5eff:fe10:1"}
{"k":"lease","at":-1,"mac":"02:00:5e:10:00:01","ip":"10.77.","what":"ended"}
{"k":"lease","at":-1,"mac":"02:00:5e:10:00:01","ip":"10.77.","what":"given"}
{"k":"session","at":-100,"what":"started","session_id":"01KA","mac":"02:00:5e:10:00:01","ips":["10.77.\
"],"method":"form","lead_id":"01KA","contact":"+86138","ssid":"Free WiFi","ap":"","reason":null}
["o",-1000,1,17,"fd77:79b6:1::",50000,"2001:db8:",null,"2001:db8:",53]
["o",-1000,1,17,"10.77.",40000,"192.168.1.",null,"8.8.8.8",443]
["o",-2000,1,6,"10.77.",50000,"192.168.1.",null,"17.57.",5223]
["c",-1000,1]
["c",-2000,2]
["o",-3000,1,6,"10.77.",50000,"192.168.1.",null,"1.1.1.1",443]
"""
_dictionary: Final = zstandard.ZstdCompressionDict(_COMMON, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_compressor: Final = zstandard.ZstdCompressor(
    level=6, dict_data=_dictionary, write_content_size=True, write_dict_id=False
)


def pressed(records: Iterable[Record], boottime_ms: int) -> bytes:
    """The records as a chunk holds them, their times relative to the chunk's."""
    lines = [_relative(record, boottime_ms) for record in records]
    text = "\n".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines)
    return _compressor.compress(text.encode())


def unpressed(data: bytes, boottime_ms: int) -> list[Record]:
    """The reverse. Raises ValueError."""
    try:
        text = zstandard.ZstdDecompressor(dict_data=_dictionary).decompress(data, _LONGEST_PLAIN)
    except zstandard.ZstdError as error:
        raise ValueError(f"it does not decompress: {error}") from error
    return [_relative(json.loads(line), -boottime_ms) for line in text.splitlines() if line]


def _relative(record: Record, to_ms: int) -> Record:
    if isinstance(record, list):
        return [record[0], record[1] - to_ms, *record[2:]]
    return record | {"at": record["at"] - to_ms}
