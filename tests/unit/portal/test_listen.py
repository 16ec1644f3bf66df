"""Whose socket does what."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from portal.cli import sort_sockets
from portal.listen import bind, bind_everywhere, passed_sockets, port_of, reset_everybody
from sync.config import Config
from sync.process import ProcessFailed


@pytest.fixture
def two() -> Iterator[list[socket.socket]]:
    sockets = [bind("127.0.0.1:0"), bind("127.0.0.1:0")]
    yield sockets
    for one in sockets:
        one.close()


def config_for(intercept_port: int) -> Config:
    return Config.parse({"portal": {"intercept_port": intercept_port}})


def test_a_socket_is_known_by_its_port(two: list[socket.socket]) -> None:
    intercept, pages = two
    found = sort_sockets([pages, intercept], config_for(port_of(intercept)))
    assert (found.plain, found.intercept, found.tls) == ([pages], [intercept], [])


def test_a_box_that_would_leave_captive_phones_alone_does_not_start(two: list[socket.socket]) -> None:
    with pytest.raises(ProcessFailed, match="where the gate sends captive phones"):
        sort_sockets([two[0]], config_for(port_of(two[1])))


def test_a_port_in_use_is_named_with_the_remedy(two: list[socket.socket]) -> None:
    two[0].listen()
    port = port_of(two[0])
    with pytest.raises(ProcessFailed, match=f"127.0.0.1:{port}: another program has that port; `ss -ltnp"):
        bind(f"127.0.0.1:{port}")


def test_an_address_the_box_does_not_have_is_said() -> None:
    with pytest.raises(ProcessFailed, match="does not have that address"):
        bind("192.0.2.1:0")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_interceptor_hears_both_families(address: str) -> None:
    with bind_everywhere(0) as both:
        if ":" in address and both.family != socket.AF_INET6:
            pytest.skip("this kernel has no IPv6")
        both.listen()
        with socket.create_connection((address, port_of(both))) as phone, both.accept()[0] as heard:
            assert heard.getpeername()[1] == phone.getsockname()[1]


async def test_without_a_certificate_nobody_hangs_on_the_port_the_service_manager_holds() -> None:
    with bind("127.0.0.1:0") as held:
        held.listen()
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            resetting = tasks.create_task(reset_everybody(held))
            for _ in range(2):
                hears, _ = await asyncio.open_connection(*held.getsockname())
                with pytest.raises(ConnectionResetError):
                    await hears.read()
            resetting.cancel()


def test_sockets_for_another_process_are_not_taken() -> None:
    assert passed_sockets({"LISTEN_FDS": "2", "LISTEN_PID": "1"}, os.getpid()) == []
    assert passed_sockets({}, os.getpid()) == []
