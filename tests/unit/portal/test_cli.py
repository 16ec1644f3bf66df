"""The command, as the service manager and the installer call it."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal.cli import main
from portal.listen import FIRST_PASSED
from sync.records import migrate

PROGRAM = "import sys; from portal.cli import main; sys.exit(main(sys.argv[1:]))"


def test_every_wrong_setting_is_named_and_the_code_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "yingke.toml").write_text('[portal]\ncolour = "red"\nintercept_prot = 2080\n')
    assert main(["--config", str(tmp_path / "yingke.toml")]) == 2
    said = capsys.readouterr().err
    assert "portal.colour" in said
    assert "did you mean intercept_port?" in said


def test_records_that_were_never_made_are_named_with_the_remedy(tmp_path: Path) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text(
        f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n[portal]\nlisten = ["127.0.0.1:20871"]\n'
        "intercept_port = 20872\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--config", str(settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "run yingke-sync migrate" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    migrate(tmp_path / "records.db")
    (tmp_path / "chain.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_text("no key")
    settings = tmp_path / "yingke.toml"
    settings.write_text(
        f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n[portal]\ndomain = "a.example"\n'
        f'listen = ["127.0.0.1:20873"]\nintercept_port = 20874\n'
        f'certificate = "{tmp_path}/chain.pem"\ncertificate_key = "{tmp_path}/key.pem"\n'
    )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--config", str(settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert f"{tmp_path}/chain.pem, {tmp_path}/key.pem" in ended.stderr
    assert "Traceback" not in ended.stderr


def ask(address: tuple[str, int], path: str) -> bytes:
    """The first line of the answer. The socket is open before the portal is: the request waits for it."""
    with socket.create_connection(address, timeout=60) as phone:
        phone.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return phone.makefile("rb").readline()


def test_a_portal_started_on_the_service_managers_sockets_answers_whoever_waited(tmp_path: Path) -> None:
    migrate(tmp_path / "records.db")
    with socket.create_server(("127.0.0.1", 0)) as pages, socket.create_server(("127.0.0.1", 0)) as intercept:
        settings = tmp_path / "yingke.toml"
        settings.write_text(
            f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n'
            f"[portal]\nintercept_port = {intercept.getsockname()[1]}\n"
        )

        def pass_on() -> None:
            # Out of the way first: one of them may be where the other has to go.
            kept = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100) for one in (pages, intercept)]
            for at, number in enumerate(kept):
                os.dup2(number, FIRST_PASSED + at, inheritable=True)

        serving = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--config", str(settings)],
            env=os.environ | {"LISTEN_FDS": "2"},
            close_fds=False,
            preexec_fn=pass_on,
        )
        try:
            assert ask(pages.getsockname(), "/register") == b"HTTP/1.1 200 OK\r\n"
            assert ask(intercept.getsockname(), "/generate_204") == b"HTTP/1.1 302 Found\r\n"
        finally:
            serving.terminate()
            assert serving.wait(60) == 0
