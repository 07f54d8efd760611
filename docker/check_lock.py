"""Is every dependency of pyproject.toml locked for the image at a version its range allows?"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def faults() -> list[str]:
    """One sentence per dependency the lock file misses or contradicts."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    lock = (ROOT / "docker" / "requirements.lock").read_text(encoding="utf-8")
    locked = {_plain(name): version for name, version in LOCKED.findall(lock)}
    found = []
    for requirement in map(Requirement, declared):
        version = locked.get(_plain(requirement.name))
        if version is None:
            found.append(f"docker/requirements.lock has no {requirement.name}")
        elif version not in requirement.specifier:
            wanted = f"{requirement.name}{requirement.specifier}"
            found.append(f"docker/requirements.lock has {requirement.name} {version}, pyproject.toml wants {wanted}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit("\n".join(faults()) or 0)
