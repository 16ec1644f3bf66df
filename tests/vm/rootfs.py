"""A Debian root file system with the product installed the way `make install` does it.

Two things are kept under build/vm between runs, each named by a hash of what it is made of: the bare Debian
and the folder of Python wheels. The product is installed anew each time, in a chroot without a network.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.vm.guest import snapshot

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / "build" / "vm"
GUEST: Final = Path(__file__).with_name("guest")
PYTHON_OF: Final = {"bookworm": "3.11", "trixie": "3.13"}
DISK_MEGABYTES: Final = 2560

# Beside the box's own packages: a machine that boots, a phone, and the tools to look at both.
_GUEST_PACKAGES = {
    *("systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "linux-image-amd64", "initramfs-tools"),
    *("wpasupplicant", "udhcpc", "curl", "iputils-ping", "tcpdump", "network-manager"),
    # What the gate's own tests call.
    *("conntrack", "util-linux"),
}
_TEST_PACKAGES: Final = ("pytest", "pytest-asyncio")
# The default initramfs takes minutes to build and seconds to unpack under emulation; this one does neither.
_INITRAMFS = (
    'mkdir -p "$1"/etc/initramfs-tools/conf.d; '
    'printf "MODULES=list\\nCOMPRESS=lz4\\n" > "$1"/etc/initramfs-tools/conf.d/vm; '
    'printf "virtio_pci\\nvirtio_blk\\next4\\n" > "$1"/etc/initramfs-tools/modules'
)
# pip reads PIP_… too: nothing of the host's environment goes in.
_CLEAN = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")
# Slow under emulation and of no use to a shop.
_MASKED = ("e2scrub_reap.service", "apt-daily.timer", "apt-daily-upgrade.timer", "systemd-timesyncd.service")


class BuildFailed(Exception):
    """A step of the build did not succeed; the text names it and ends with its output."""


def run(command: Sequence[str | Path], *, timeout_seconds: float, cwd: Path = ROOT) -> None:
    """Runs one build step at low priority. Raises BuildFailed with the end of what it said."""
    argv = ["nice", "-n", "10", *map(str, command)]
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{command[0]} took longer than {timeout_seconds:.0f} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()[-40:]
        raise BuildFailed("\n".join([f"{' '.join(argv)} ended with {done.returncode}:", *said]))


def key_of(*parts: str | Iterable[str]) -> str:
    """A short name for what something is made of."""
    text = "\n".join(part if isinstance(part, str) else "\n".join(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def box_packages() -> list[str]:
    """The Debian packages of the product, as the installer reads them."""
    lines = (ROOT / "systemd" / "packages.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def debian(suite: str) -> Path:
    """A folder with a bare Debian and its packages, from the cache or made now; nobody writes to it later."""
    packages = sorted(_GUEST_PACKAGES.union(box_packages()))
    made = CACHE / f"{suite}-{key_of(suite, packages, _INITRAMFS)}"
    if made.is_dir():
        return made
    making = made.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    exclude = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")]
    options = ["--variant=minbase", "--mode=root", "--format=directory", *exclude]
    command = ["mmdebstrap", *options, f"--include={','.join(packages)}", f"--setup-hook={_INITRAMFS}"]
    run([*command, suite, making], timeout_seconds=900)
    for older in CACHE.glob(f"{suite}-" + "[0-9a-f]" * 16):
        shutil.rmtree(older)
    return making.rename(made)


def wheelhouse(suite: str) -> Path:
    """A folder with the tested versions of all Python packages, for the guest's Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *_TEST_PACKAGES]
    constraints = ROOT / "constraints.txt"
    made = CACHE / f"wheels-{key_of(PYTHON_OF[suite], wanted, constraints.read_text('utf-8'))}"
    if made.is_dir():
        return made
    making = made.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    fits = [f"--python-version={PYTHON_OF[suite]}", "--implementation=cp", "--only-binary=:all:"]
    fits += [f"--platform={name}_x86_64" for name in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(making), *fits]
    run([*download, "--constraint", constraints, *wanted], timeout_seconds=600)
    return making.rename(made)


def install(base: Path, wheels: Path, into: Path, *, python: str) -> None:
    """A copy of the bare Debian with the product in it, and our stage hands for the walk."""
    shutil.rmtree(into, ignore_errors=True)
    run(["cp", "-a", "--reflink=auto", base, into], timeout_seconds=120)
    checkout = into / "usr" / "src" / "yingke"
    for folder in (ROOT / "systemd", wheels):
        shutil.copytree(folder, checkout / ("wheels" if folder is wheels else folder.name))
    shutil.copy(ROOT / "constraints.txt", checkout)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run([*build, "--wheel-dir", checkout / "wheels", ROOT], timeout_seconds=120)
    inside = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", f"--mount-proc={into}/proc"]
    where = ["LAN=wlan0", "UPLINK=eth0", "SENSOR=wlan3", "COUNTRY=TW"]
    options = [*where, "SSID=Yingke", "VENUE=vm", "WHEELHOUSE=/usr/src/yingke/wheels"]
    command: list[str | Path] = [
        "chroot",
        into,
        *_CLEAN,
        "/bin/bash",
        "/usr/src/yingke/systemd/install.sh",
        *options,
    ]
    _set_the_stage(into)
    _bring_the_tests(into, wheels, python)
    (into / "opt" / "vm" / "before.json").write_text(json.dumps(snapshot.of(into)), "utf-8")
    run([*inside, *command], timeout_seconds=300)


def _set_the_stage(root: Path) -> None:
    """What is not the product: radios, an internet, and the walk that starts by itself."""
    stage = root / "opt" / "vm" / "tests" / "vm" / "guest"
    shutil.copytree(GUEST, stage, ignore=shutil.ignore_patterns("__pycache__"))
    (stage / "lease.sh").chmod(0o755)
    (root / "etc" / "modules-load.d" / "vm.conf").write_text("mac80211_hwsim\n", "utf-8")
    (root / "etc" / "modprobe.d" / "vm.conf").write_text("options mac80211_hwsim radios=4\n", "utf-8")
    (root / "etc" / "hostname").write_text("vm\n", "utf-8")
    (root / "etc" / "resolv.conf").unlink(missing_ok=True)
    (root / "etc" / "resolv.conf").write_text("nameserver 192.0.2.1\n", "utf-8")
    (root / "etc" / "fstab").write_text("/dev/vda / ext4 defaults 0 1\n", "utf-8")
    (root / "etc" / "NetworkManager" / "conf.d" / "10-vm.conf").write_text(
        "[keyfile]\nunmanaged-devices=interface-name:eth0;interface-name:wlan1;interface-name:wlan2\n",
        "utf-8",
    )
    wanted = root / "etc" / "systemd" / "system" / "multi-user.target.wants"
    for unit in sorted(GUEST.glob("*.service")):
        shutil.copy(unit, wanted.parent)
        (wanted / unit.name).symlink_to(f"../{unit.name}")
    for unit_name in _MASKED:
        (wanted.parent / unit_name).symlink_to("/dev/null")


def _bring_the_tests(root: Path, wheels: Path, python: str) -> None:
    """The tests beside the walk, without the packages: those installed there are what is tried."""
    stage = root / "opt" / "vm"
    skipped = shutil.ignore_patterns("__pycache__", "guest")
    shutil.copytree(ROOT / "tests", stage / "tests", ignore=skipped, dirs_exist_ok=True)
    shutil.copytree(ROOT / "systemd", stage / "systemd")
    shutil.copy(ROOT / "pyproject.toml", stage)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(wheels)]
    install += ["--only-binary=:all:", f"--python-version={python}"]
    # Pure Python, all of it: our own pip may put it where another Python reads it.
    run([*install, "--target", str(stage / "site"), *_TEST_PACKAGES], timeout_seconds=120)


def disk(root: Path, at: Path) -> None:
    """The folder as a bootable ext4 disk."""
    at.unlink(missing_ok=True)
    command: list[str | Path] = [
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        "root",
        "-d",
        root,
        at,
        f"{DISK_MEGABYTES}M",
    ]
    run(command, timeout_seconds=180)
