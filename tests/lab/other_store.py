"""Another store of the chain: without a box here, it speaks to head office as a box does."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sync import roaming_code
from sync.model import new_id, to_wire
from tests.lab.headoffice import HeadOffice
from tests.lab.web import fetch

Row = Mapping[str, object]


class OtherStore:
    """Made with a key of its own. `session_id` and `lead_id` are those of who registered last."""

    def __init__(self, office: HeadOffice, venue: str, brand: str = "default") -> None:
        answer = office.command("venue", "add", venue, "--name", venue, "--brand", brand, "--json")
        self._key = str(json.loads(answer)["upload_key"])
        self._office = office
        self._venue = f"{office.url}/v1/venues/{venue}"
        self._epoch = new_id()
        self._seq = 0
        self.session_id = self.lead_id = ""

    def registers(self, contact: str, *, minutes_ago: int = 10, minutes: int = 60) -> str:
        """A shopper registers there; returns the code she is shown. `contact`: a number in E.164."""
        began = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        lead_id, session_id = new_id(), new_id()
        code = roaming_code.code_of(session_id, b"the key of the other store's box")
        lead = {"lead_id": lead_id, "phone": contact, "locale": "en", "registered_at": to_wire(began)}
        session = {
            "session_id": session_id,
            "lead_id": lead_id,
            "method": "form",
            "started_at": to_wire(began),
            "seconds_granted": minutes * 60,
            "roaming_sha256": roaming_code.digest(code),
        }
        self.tells("lead.captured", lead)
        self.tells("session.started", session)
        self.session_id, self.lead_id = session_id, lead_id
        return roaming_code.shown(code)

    def tells(self, kind: str, body: Row) -> None:
        self._seq += 1
        line = {
            "epoch": self._epoch,
            "seq": self._seq,
            "event_id": new_id(),
            "type": kind,
            "at": to_wire(datetime.now(UTC)),
            "clock": "synced",
            "boot_id": "b",
            "monotonic_ms": self._seq,
            "body": body,
        }
        status, answer = self._post("events", line)
        assert (status, answer["rejected"]) == (200, []), answer

    def asks_for(self, code: str, contact: str) -> tuple[int, Row]:
        """A shopper types her code there."""
        read = roaming_code.read(code)
        assert read
        wish = {"request_id": new_id(), "code_sha256": roaming_code.digest(read), "contact": contact}
        return self._post("roaming", wish)

    def _post(self, what: str, body: object) -> tuple[int, Row]:
        headers = f"Authorization: Bearer {self._key}"
        options = ("--header", headers, "--data-binary", json.dumps(body))
        reply = fetch(self._office.namespace, f"{self._venue}/{what}", options=options)
        return reply.status, json.loads(reply.body)
