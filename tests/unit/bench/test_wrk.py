import pytest

from tests.bench.wrk import parse

# In the words of wrk 4.1.0 and of totals.lua; the numbers are made up.
SAID = """Running 1s test @ http://10.88.0.2/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.08ms    1.11ms  18.11ms   92.21%
    Req/Sec    14.02k     1.20k   15.80k    70.00%
  Latency Distribution
     50%  835.00us
     75%    1.20ms
     90%    1.94ms
     99%    5.71ms
  14018 requests in 1.00s, 3.30MB read
Requests/sec:  14010.12
Transfer/sec:      3.30MB
Exactly: 14018 requests, 3462446 bytes
"""


def test_a_run_is_read_with_its_exact_totals() -> None:
    run = parse(SAID)
    assert (run.per_second, run.p99_ms, run.failed) == (14010.12, 5.71, 0)
    assert run.read_bytes == run.requests * 247


def test_replies_of_another_status_and_broken_connections_both_failed() -> None:
    trouble = "  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\n"
    assert parse(SAID.replace("Requests/sec", trouble + "Requests/sec")).failed == 10


def test_a_load_generator_that_says_nothing_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="nothing of use"):
        parse("unable to connect to 10.88.0.2:http Connection refused\n")
