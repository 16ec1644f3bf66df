import sqlite3
from datetime import timedelta

import pytest

from sync.records import Records, RecordsUnavailable, admission, vouchers
from sync.records.vouchers import ALPHABET, LENGTH, Outcome, Redemption
from tests.clock import FakeClock


async def _make(records: Records, clock: FakeClock, *, count: int = 1, uses: int = 1) -> list[str]:
    batch_id = await records.write(
        vouchers.make,
        count=count,
        session_seconds=7200,
        uses=uses,
        expires_at=clock.now() + timedelta(days=30),
        clock=clock,
    )
    return [voucher.code for voucher in await records.read(vouchers.of_batch, batch_id)]


async def _redeem(records: Records, code: str, form_id: str, clock: FakeClock) -> Outcome:
    redemption = Redemption(form_id=form_id, ip="10.77.0.20", code=code)
    return await records.write(vouchers.redeem, redemption, clock)


async def test_a_batch_has_as_many_different_codes_as_were_asked_for(
    portal_records: Records, clock: FakeClock
) -> None:
    codes = await _make(portal_records, clock, count=40)
    assert len(set(codes)) == 40
    assert all(len(code) == LENGTH and set(code) <= set(ALPHABET) for code in codes)
    (batch,) = await portal_records.read(vouchers.batches)
    assert (batch.codes, batch.uses, batch.used, batch.session_seconds) == (40, 1, 0, 7200)


async def test_a_redeemed_voucher_asks_for_one_admission_of_its_length(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)
    assert await _redeem(portal_records, code, "form1", clock) == "redeemed"
    (asked,) = await portal_records.read(admission.pending, clock)
    assert (asked.request_id, asked.method, asked.session_seconds) == ("form1", "voucher", 7200)
    assert asked.lead_id is None


async def test_a_second_tap_makes_no_second_use_and_a_second_form_finds_it_used(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)
    said = [await _redeem(portal_records, code, form, clock) for form in ("form1", "form1", "form2")]
    assert said == ["redeemed", "redeemed", "used"]
    (batch,) = await portal_records.read(vouchers.batches)
    assert batch.used == 1


async def test_a_voucher_for_a_table_of_three_is_good_three_times(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock, uses=3)
    said = [await _redeem(portal_records, code, f"form{number}", clock) for number in range(4)]
    assert said == ["redeemed", "redeemed", "redeemed", "used"]


async def test_an_old_voucher_is_refused_but_not_by_a_clock_that_is_wrong(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)
    clock.advance(30 * 86400)
    assert await _redeem(portal_records, code, "form1", clock) == "expired"
    clock.is_synced = False
    assert await _redeem(portal_records, code, "form1", clock) == "redeemed"


async def test_what_nobody_made_is_unknown(portal_records: Records, clock: FakeClock) -> None:
    assert await _redeem(portal_records, "BBBBBBBBB", "form1", clock) == "unknown"
    assert await portal_records.read(admission.pending, clock) == []


async def test_when_the_request_cannot_be_kept_no_use_is_lost(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)

    def redeem_on_a_full_disk(connection: sqlite3.Connection) -> None:
        vouchers.redeem(connection, Redemption(form_id="form1", ip="10.77.0.20", code=code), clock)
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(RecordsUnavailable):
        await portal_records.write(redeem_on_a_full_disk)
    assert await _redeem(portal_records, code, "form2", clock) == "redeemed"


async def test_only_a_use_too_old_to_be_granted_may_be_given_back(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)
    await _redeem(portal_records, code, "form1", clock)
    assert await portal_records.read(vouchers.unproven_uses, code, clock) == []
    clock.advance(admission.GOOD_FOR_SECONDS + 1)
    assert await portal_records.read(vouchers.unproven_uses, code, clock) == ["form1"]
    await portal_records.write(vouchers.give_back, "form1")
    assert await _redeem(portal_records, code, "form2", clock) == "redeemed"
    clock.advance(86401)
    assert await portal_records.read(vouchers.unproven_uses, code, clock) == []


async def test_after_a_reboot_an_ungranted_use_may_be_given_back_too(
    portal_records: Records, clock: FakeClock
) -> None:
    (code,) = await _make(portal_records, clock)
    await _redeem(portal_records, code, "form1", clock)
    clock.reboot(off_seconds=20)
    assert await portal_records.read(vouchers.unproven_uses, code, clock) == ["form1"]


async def test_a_withdrawn_batch_is_good_for_nothing_and_the_others_stay(
    portal_records: Records, clock: FakeClock
) -> None:
    (lost,) = await _make(portal_records, clock)
    (kept,) = await _make(portal_records, clock)
    _, first = await portal_records.read(vouchers.batches)
    assert await portal_records.write(vouchers.withdraw, first.batch_id) == 1
    assert await _redeem(portal_records, lost, "form1", clock) == "unknown"
    assert await _redeem(portal_records, kept, "form2", clock) == "redeemed"


async def test_vouchers_die_with_their_uses(portal_records: Records, clock: FakeClock) -> None:
    (code,) = await _make(portal_records, clock)
    await _redeem(portal_records, code, "form1", clock)
    assert await portal_records.write(vouchers.purge, clock.now() + timedelta(days=29)) == 0
    assert await portal_records.write(vouchers.purge, clock.now() + timedelta(days=31)) == 1
    assert await portal_records.read(vouchers.batches) == []
