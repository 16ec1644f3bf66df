"""The command, as the service manager and the installer call it."""

import subprocess
import sys
from pathlib import Path

import pytest

from portal.cli import main


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
        f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n[portal]\nlisten = ["127.0.0.1:45871"]\n'
        "intercept_port = 45872\n"
    )
    program = "import sys; from portal.cli import main; sys.exit(main(sys.argv[1:]))"
    ended = subprocess.run(
        [sys.executable, "-c", program, "--config", str(settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "run yingke-sync migrate" in ended.stderr
    assert "Traceback" not in ended.stderr
