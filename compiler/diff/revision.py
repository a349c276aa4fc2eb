"""Specs as they were at a revision of a git repository: `HEAD~3:specs/demo.yaml`."""

import posixpath
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, quoted
from compiler.source.read import decoded
from compiler.source.span import Source, Span
from compiler.spec.library import DiskFile, SpecFile, folder, library

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The files of a repository at a revision: `top` is its top folder, `tree` a hash of git's."""

    name: str
    top: Path
    tree: str

    @property
    def paths(self) -> frozenset[str]:
        """Return the paths of all files, seen from the top."""
        return _paths(self.top, self.tree)

    def file(self, path: str) -> "RevisionFile | None":
        """The file at a path seen from the top, if there is one."""
        path = posixpath.normpath(path)
        return RevisionFile(revision=self, path=path) if path in self.paths else None

    def library(self) -> dict[str, str]:
        """The paths of the library's specs by name; none if it lies outside of the repository."""
        if not folder().is_relative_to(self.top):
            return {}
        start = folder().relative_to(self.top).as_posix() + "/"
        found = [path for path in self.paths if path.startswith(start) and path.endswith(".yaml")]
        return {Path(path).stem: path for path in found if "/ablations/" not in path}


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionFile:
    """A file at a revision; its parents are read at the same one."""

    revision: Revision
    path: str

    @property
    def name(self) -> str:
        return f"{self.revision.name}:{self.path}"

    @property
    def identity(self) -> str:
        return self.name

    def read(self) -> str:
        blob = f"{self.revision.tree}:{self.path}"
        return decoded(_git(self.revision.top, "cat-file", "blob", blob), self.name)

    def find(self, reference: str) -> SpecFile | None:
        """A path seen from the file, else a name of the library as it was then.

        A library that is no part of the repository is as it is now.
        """
        beside = self.revision.file(posixpath.join(posixpath.dirname(self.path), reference))
        named = self.revision.library()
        if beside or reference in named:
            return beside or self.revision.file(named[reference])
        return None if named or reference not in library() else DiskFile(path=library()[reference])

    def suggestion(self, reference: str) -> str:
        known = [path for path in self.revision.paths if path.endswith(".yaml")]
        names = [*self.revision.library(), *(self._seen_from_here(path) for path in known)]
        return did_you_mean(reference, sorted(names))

    def _seen_from_here(self, path: str) -> str:
        return posixpath.relpath(path, posixpath.dirname(self.path) or ".")


def is_at_revision(reference: str) -> bool:
    """Tell whether it is written `REV:path`; the drive of a Windows path is no revision."""
    name, colon, path = reference.partition(":")
    return bool(name and colon and path) and not _DRIVE.match(reference)


def file_at_revision(reference: str, inside: str = "") -> RevisionFile:
    """Return the file that `REV:path` means to git, with `./` before a path that is seen from here.

    `inside` is a file that is looked for in a folder of that path first. Raises `Rejected`.
    """
    name, _, path = reference.partition(":")
    top, here = _repository(reference)
    tree = _run(top, "rev-parse", "--verify", "-q", "--end-of-options", f"{name}^{{tree}}")
    if tree is None:
        raise Rejected([_unknown_revision(reference, name)])
    revision = Revision(name=name, top=top, tree=tree.decode().split()[-1])
    place = posixpath.join(here, path) if path.startswith(("./", "../")) else path
    named = revision.library().get(path, place)
    for each in (posixpath.join(place, inside), place, named):
        if file := revision.file(each):
            return file
    raise Rejected([_unknown_path(reference, revision, path, here)])


def _repository(reference: str) -> tuple[Path, str]:
    """The top folder of the repository that we are in, and the way from there to here."""
    try:
        found = _run(Path(), "rev-parse", "--show-toplevel", "--show-prefix")
    except FileNotFoundError:
        raise Rejected([mistake(_whole(reference), "no-git", "git is not installed")]) from None
    if found is None:
        message = "this is not a folder of a git repository"
        help = f"{quoted(reference)} is the path of no file, so it was read as REV:path"
        raise Rejected([mistake(_whole(reference), "no-git", message, help)])
    top, here, *_ = found.decode().split("\n")
    return Path(top), here


@lru_cache
def _paths(top: Path, tree: str) -> frozenset[str]:
    """Return the paths of files alone, not of submodules, whose files are in other repositories."""
    listed = _git(top, "ls-tree", "-r", "-z", "--full-tree", tree)
    lines = listed.decode(errors="surrogateescape").split("\0")[:-1]
    entries = (line.partition("\t") for line in lines)
    return frozenset(path for kind, _, path in entries if kind.split()[1] == "blob")


def _git(top: Path, *arguments: str) -> bytes:
    """Return what git says to arguments that were made from its own answers."""
    output = _run(top, *arguments)
    assert output is not None
    return output


def _run(top: Path, *arguments: str) -> bytes | None:
    """Return what git says; None if it refuses."""
    command = ["git", "-C", str(top), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _whole(reference: str) -> Span:
    return _part(reference, 0, len(reference))


def _part(reference: str, start: int, width: int) -> Span:
    return Span.at(Source(name="spec", text=reference), start, width)


def _unknown_revision(reference: str, name: str) -> Diagnostic:
    at = _part(reference, 0, len(name))
    help = "a branch, a tag or a commit, as in `HEAD~3:specs/demo.yaml`; or the path of a file"
    return mistake(at, "no-revision", f"git knows no revision {quoted(name)}", help)


def _unknown_path(reference: str, revision: Revision, path: str, here: str) -> Diagnostic:
    at = _part(reference, len(revision.name) + 1, len(path))
    message = f"there is no spec {quoted(path)} at {quoted(revision.name)}"
    if revision.file(posixpath.join(here, path)):
        return mistake(at, "no-spec", message, f"did you mean `{revision.name}:./{path}`?")
    known = [each for each in revision.paths if each.endswith(".yaml")]
    return mistake(at, "no-spec", message, did_you_mean(path, sorted(known)))
