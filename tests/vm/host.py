"""What the host must have before a virtual machine can be built and started."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

NEEDED: Final[Mapping[str, str]] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "unshare": "util-linux",
    "arch-test": "arch-test",
}
"""A program, and the Debian package that brings it."""


class HostLacks(Exception):
    """The virtual machine cannot be built here; the text is one sentence with the remedy."""


def missing(programs: Mapping[str, str] = NEEDED) -> list[str]:
    """The packages whose programs are not here."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted(
        package for program, package in programs.items() if shutil.which(program, path=path) is None
    )


def prepare() -> None:
    """Installs what is missing. Raises HostLacks when that is not ours to do."""
    packages = missing()
    if os.geteuid() != 0:
        wish = f"; install {' '.join(packages)} first" if packages else ""
        raise HostLacks(f"a root file system with its owners is built as root: sudo make vm-test{wish}")
    if not packages:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL).returncode:
            raise HostLacks(f"these packages are missing and could not be installed: {' '.join(packages)}")
