"""The devices that are always admitted or never, in gate.db. See schema.sql."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from netctl.api import DeviceKind, Mac
from sync.model import from_wire, to_wire


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """One of them, with its MAC, which stays in the gate."""

    device_id: str
    mac: Mac
    kind: DeviceKind
    name: str
    added_at: datetime


def put(connection: sqlite3.Connection, device: KnownDevice) -> None:
    """A MAC that is known already keeps its id and its place."""
    connection.execute(
        "INSERT INTO devices (device_id, mac, kind, name, added_at)"
        " VALUES (:device_id, :mac, :kind, :name, :added_at)"
        " ON CONFLICT (mac) DO UPDATE SET kind = :kind, name = :name",
        {
            "device_id": device.device_id,
            "mac": device.mac,
            "kind": device.kind,
            "name": device.name,
            "added_at": to_wire(device.added_at),
        },
    )


def forget(connection: sqlite3.Connection, device_id: str) -> None:
    connection.execute("DELETE FROM devices WHERE device_id = :device_id", {"device_id": device_id})


def devices(connection: sqlite3.Connection) -> list[KnownDevice]:
    """All, the last one first."""
    return [
        KnownDevice(
            device_id=row["device_id"],
            mac=Mac(row["mac"]),
            kind=row["kind"],
            name=row["name"],
            added_at=from_wire(row["added_at"]),
        )
        for row in connection.execute("SELECT * FROM devices ORDER BY added_at DESC, device_id")
    ]
