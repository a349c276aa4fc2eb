"""The page for git, which runs `specformer diff --git` as its external diff program."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.diff.difference import difference, document
from compiler.diff.operand import of_spec
from compiler.diff.patience import hunks, paired
from compiler.page.model import Document, Paragraph, Part, Patch, Section
from compiler.source.diagnostic import Rejected
from compiler.source.read import read_text
from compiler.spec.library import DiskFile

ARGUMENTS = (1, 7, 9)
"""The number of arguments for a file that is unmerged, another one, and a renamed one."""
NOTHING = "/dev/null"
_SAME_LINES = "The lines are the same: their ends differ, or the mode of the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(DiskFile):
    """One version of a file: its text lies in `content`, what it extends beside `path`."""

    title: str
    content: Path

    @property
    def name(self) -> str:
        return self.title

    def read(self) -> str:
        return "" if str(self.content) == NOTHING else read_text(self.content)


def git_document(arguments: Sequence[str]) -> Document:
    """Return the page for `path old-file old-hex old-mode new-file new-hex new-mode`.

    For a renamed file the new path and a sentence of git's follow; for an unmerged one git gives
    the path alone.
    """
    path, *rest = arguments
    if not rest:
        return Document(title=f"{path}: unmerged", sections=())
    old, _, _, new, *_ = rest
    renamed = rest[6] if len(rest) > 6 else path
    before = Version(title=f"a/{path}", path=Path(path), content=Path(old))
    after = Version(title=f"b/{renamed}", path=Path(renamed), content=Path(new))
    if NOTHING in (old, new):
        return _plain(before, after)
    return _of_two(before, after)


def _of_two(before: Version, after: Version) -> Document:
    try:
        sides = of_spec(before, before.name), of_spec(after, after.name)
    except Rejected as rejected:
        first = rejected.diagnostics[0]
        return _plain(before, after, f"{first.span}: {first.message}")
    return document(difference(*sides))


def _plain(before: Version, after: Version, reason: str = "") -> Document:
    """Return the lines that differ in files that are no specs, or no right ones."""
    parts: list[Part] = [Paragraph(text=reason)] if reason else []
    try:
        patch = _patch(before, after)
        parts.append(patch if patch.hunks else Paragraph(text=_SAME_LINES))
    except Rejected:
        parts = [Paragraph(text="The files differ, and are no text.")]
    title = f"{before.name} \N{RIGHTWARDS ARROW} {after.name}"
    return Document(title=title, sections=(Section(parts=tuple(parts)),))


def _patch(before: Version, after: Version) -> Patch:
    names = [NOTHING if str(each.content) == NOTHING else each.name for each in (before, after)]
    pairing = paired(before.read().splitlines(), after.read().splitlines())
    return Patch(before=names[0], after=names[1], hunks=tuple(hunk for hunk, _ in hunks(pairing)))
