"""Folders as a git repository held them at one version; the work tree and the repository are only read."""

from __future__ import annotations

import difflib
import os
import posixpath
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.diff_faults import CannotCompare

READ = (".csv", ".yaml", ".yml")
"""All that mappings and policies are made of."""
NAMED = 5
LINKS = 8
_LINK = "120000"
_FILE = ("100644", "100755")
_CALLERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""What a hook of git tells its children about the repository it runs in: here another may be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository, by the top of its work tree."""

    top: Path

    def commit(self, ref: str) -> str:
        """The commit a branch, tag or hash names; CannotCompare with the nearest names when there is none."""
        done = _git(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if done.returncode:
            raise CannotCompare(
                f"'{ref}' is no folder, and the repository {self.top} knows no such version{self._near(ref)}"
            )
        return done.stdout.decode().strip()

    def _near(self, ref: str) -> str:
        done = _git(self.top, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        names = [name for name in done.stdout.decode(errors="replace").split() if not name.endswith("/HEAD")]
        near = difflib.get_close_matches(ref, names, n=NAMED, cutoff=0.6)
        if near:
            return f"; did you mean {_listed(near)}?"
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            return f"; its branches and tags are {_listed(names[:NAMED])}{more}."
        return "; it has no commit yet."

    def inside(self, path: Path) -> str | None:
        """The path within the repository, `.` for its top; None for what lies elsewhere."""
        whole = path.resolve()
        return whole.relative_to(self.top).as_posix() if whole.is_relative_to(self.top) else None

    def file(self, commit: str, path: Path) -> bytes | None:
        """The content of a file at a commit; None when it was not there."""
        relative = self.inside(path)
        entries = self._entries(commit, relative, LINKS) if relative else ()
        shas = [sha for name, sha in entries if name == relative]
        return self._contents(shas)[0] if shas else None

    def folder(self, commit: str, path: Path, into: Path) -> Path | None:
        """A folder as it was at a commit, written below `into`; None when it was not there."""
        relative = self.inside(path)
        if relative is None:
            return None
        entries = [entry for entry in self._entries(commit, relative, LINKS) if entry[0].endswith(READ)]
        for (name, _), content in zip(entries, self._contents([sha for _, sha in entries]), strict=True):
            place = into / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        copy = into / relative
        return copy if copy.is_dir() else None

    def _entries(self, commit: str, relative: str, links: int) -> Iterator[tuple[str, str]]:
        """(path, hash of the content) of every file below a path; links within the repository are followed."""
        place = () if relative == "." else ("--", relative)
        done = _git(self.top, "ls-tree", "-r", "-z", "--full-tree", commit, *place)
        for line in done.stdout.split(b"\0")[:-1]:
            facts, _, raw = line.partition(b"\t")
            mode, _, sha = facts.decode().split()
            name = os.fsdecode(raw)
            if mode in _FILE:
                yield name, sha
            elif mode == _LINK and links:
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), self._contents([sha])[0].decode()))
                if not target.startswith(("/", "..")):
                    linked = self._entries(commit, target, links - 1)
                    yield from ((name + found.removeprefix(target), content) for found, content in linked)

    def _contents(self, shas: Sequence[str]) -> list[bytes]:
        """The bytes as they were committed, whatever filters and attributes say."""
        done = _git(self.top, "cat-file", "--batch", given="".join(f"{sha}\n" for sha in shas).encode())
        rest, contents = done.stdout, []
        for sha in shas:
            head, _, rest = rest.partition(b"\n")
            words = head.split()
            if len(words) != 3:
                raise CannotCompare(
                    f"The repository {self.top} lacks the object {sha}: fetch it whole (git fsck tells more)."
                )
            size = int(words[2])
            contents.append(rest[:size])
            rest = rest[size + 1 :]
        return contents


def repository_of(path: Path) -> Repository | None:
    """The repository a file or folder lies in, None for none; CannotCompare when git is missing or refuses."""
    folder = next((one for one in (path.absolute(), *path.absolute().parents) if one.is_dir()), Path())
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode == 0:
        return Repository(top=Path(os.fsdecode(done.stdout.rstrip(b"\n"))).resolve())
    said = done.stderr.decode(errors="replace").strip()
    if "not a git repository" in said:
        return None
    raise CannotCompare(
        f"git cannot read the repository of {path}: {said.partition(chr(10))[0] or 'it says no reason'}"
    )


def _git(folder: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    git = shutil.which("git")
    if git is None:
        raise CannotCompare(
            "--from names no folder; as the name of a version it needs git, which is not found on this machine. "
            "Install git, or name a folder with the earlier version."
        )
    kept = {name: value for name, value in os.environ.items() if name not in _CALLERS}
    environment = {
        **kept,
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    command = [git, "-C", str(folder), *words]
    return subprocess.run(command, input=given, capture_output=True, env=environment, check=False)  # noqa: S603 - words of ours, and a name that git only looks up


def _listed(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
