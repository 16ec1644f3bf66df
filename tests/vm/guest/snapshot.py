"""What a machine is made of, as far as an installer may change it: for a comparison of before and after."""

import hashlib
from pathlib import Path

FOLDERS = ("etc", "usr/local")
MADE_BY_BOOTING = frozenset(
    f"etc/{name}"
    for name in (
        *("machine-id", ".pwd.lock", ".updated", "adjtime", "mtab", "resolv.conf", "hostname"),
        # Copies that useradd and its kin keep of the version before.
        *("passwd-", "group-", "shadow-", "gshadow-", "subuid-", "subgid-"),
    )
)


def of(root: Path) -> dict[str, str]:
    """Path -> what is there: a link's goal, or a file's mode and hash. Folders count by what is in them."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                found[name] = str(path.readlink())
            elif path.is_file():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[name] = f"{path.stat().st_mode:o} {digest}"
    return found
