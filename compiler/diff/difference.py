"""All that one model changes against another, as data and as a page."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from compiler.diff.checkpoint import (
    CheckpointDifference,
    checkpoint_difference,
    checkpoint_section,
)
from compiler.diff.code import patches
from compiler.diff.cost import CostDifference, cost_difference, cost_section
from compiler.diff.hybrid import hybrids_of, without_derived
from compiler.diff.operand import BY_EITHER, BY_HAND, CODE, Operand
from compiler.diff.settings import pairs
from compiler.diff.settings_diff import GROUPS, Change, Consequence, Origin, changes
from compiler.page.model import Document, Paragraph, Part, Patch, Section, Table, columns
from compiler.source.write import flow
from compiler.spec.load import Loaded
from compiler.spec.package_files import INIT, MODEL

LONGEST_VALUE = 40
ARROW = "\N{RIGHTWARDS ARROW}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """An operand in the data; `edited` are the files that its settings do not compile to."""

    name: str
    spec: str
    summary: str
    edited: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference of `after` against `before`."""

    version: Literal[1] = 1
    before: Compared
    after: Compared
    changes: tuple[Change, ...]
    code: tuple[Patch, ...]
    cost: CostDifference
    checkpoint: CheckpointDifference

    @property
    def is_equal(self) -> bool:
        """Tell whether nothing differs but, perhaps, names and summaries."""
        same = self.cost.is_equal and self.checkpoint.verdict == "same"
        return same and not self.changes and not self.code


def difference(before: Operand, after: Operand) -> Difference:
    """Return all that differs."""
    first, second = _written(before, after)
    hybrids = hybrids_of(first, second)
    found = changes(first, second, hybrids, (before.is_locked, after.is_locked))
    packages = before.package, after.package
    code = patches(before, after, found, hybrids)
    return Difference(
        before=_compared(before),
        after=_compared(after),
        changes=found,
        code=code,
        cost=cost_difference(*packages),
        checkpoint=checkpoint_difference(*packages, is_edited=_is_edited(code)),
    )


def _is_edited(code: Sequence[Patch]) -> bool:
    """Tell whether the network differs in what was, or may have been, edited by hand."""
    networks = (patch for patch in code if Path(patch.after).name in (MODEL, INIT))
    causes = {cause for patch in networks for hunk in patch.hunks for cause in hunk.causes}
    return not causes.isdisjoint((BY_HAND, BY_EITHER))


def _compared(side: Operand) -> Compared:
    spec = side.package.spec
    return Compared(name=side.name, spec=spec.name, summary=spec.summary, edited=side.edited)


def _written(*sides: Operand) -> tuple[Loaded, Loaded]:
    """Return the specs; of a lock only what somebody has to write for it to mean the same."""
    specs = [side.package.loaded for side in sides]
    found = [pair for pair in pairs(specs[0].spec, specs[1].spec) if pair.before != pair.after]
    for number, side in enumerate(sides):
        if side.is_locked:
            paths = [pair.paths[number] for pair in found if pair.has_default]
            specs[number] = without_derived(specs[number], paths)
    return specs[0], specs[1]


def as_json(found: Difference, more: Mapping[str, object] | None = None) -> str:
    """Return the data as one object of JSON, with `more` beside what is always there.

    What only the search for causes needs is left out.
    """
    data = asdict(found)
    for change in data["changes"]:
        del change["taken"]
    whole = {"equal": found.is_equal, **data, **(more or {})}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def document(found: Difference) -> Document:
    """Return the page that shows a difference, what matters most first."""
    title = f"{found.before.name} {ARROW} {found.after.name}"
    if found.is_equal:
        return Document(title=title, sections=(Section(parts=tuple(_equal(found))),))
    same = Paragraph(text="The generated code is the same.")
    sections = [
        _meaning_section(found),
        cost_section(found.cost),
        checkpoint_section(found.checkpoint),
        Section(title="Code", parts=found.code or (same,)),
    ]
    return Document(title=title, sections=tuple(sections))


def _equal(found: Difference) -> Iterator[Paragraph]:
    """Other files of a package, its tests for instance, may still be edited: they are no model."""
    notes = [_note(each) for each in (found.before, found.after) if each.edited]
    yield from notes
    nothing, code = ("Nothing else", " and ".join(CODE)) if notes else ("Nothing", "the code")
    same = f"the settings, {code}, the cost and the checkpoints are the same."
    yield Paragraph(text=f"{nothing} differs: {same}")


def _meaning_section(found: Difference) -> Section:
    notes = [_note(each) for each in (found.before, found.after) if each.edited]
    files = {origin.file for change in found.changes for origin in _origins(change)}
    names = short_names(file for file in files if file)
    tables = [
        _table(group, own, names)
        for group in GROUPS
        if (own := [change for change in found.changes if change.group == group])
    ]
    parts: list[Part] = [*notes, *tables]
    return Section(title="Meaning", parts=tuple(parts or [Paragraph(text=_NO_SETTING)]))


_NO_SETTING = "All settings are the same."


def _note(side: Compared) -> Paragraph:
    verb = "is" if len(side.edited) == 1 else "are"
    text = (
        f"{side.name}: {', '.join(side.edited)} {verb} not what its lock compiles to. "
        "Settings, cost and checkpoints here are those of the lock."
    )
    return Paragraph(text=text)


def _origins(change: Change) -> Iterator[Origin]:
    yield from change.origins
    for each in change.follows:
        yield from each.origins


def _table(group: str, own: Sequence[Change], names: dict[str, str]) -> Table:
    return Table(
        columns=columns((group, "before", "after", "written at")),
        rows=tuple(row for change in own for row in _rows(change, names)),
    )


def _rows(change: Change, names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Return the row of a change, and below it those of what follows from it."""
    setting, values = change.setting, (shown(change.before), shown(change.after))
    yield (setting, *values, _places(change, names))
    for each in change.follows:
        values = shown(each.before, derived=True), shown(each.after, derived=True)
        yield (f"\N{BOX DRAWINGS LIGHT UP AND RIGHT} {each.setting}", *values, _places(each, names))


def _places(change: Change | Consequence, names: dict[str, str]) -> str:
    """Return the places where both values were written, or a word where nobody wrote one."""
    before, after = (_place(origin, names) for origin in change.origins)
    if not (change.origins[0].file or change.origins[1].file):
        return after if after.startswith("--set") else "default"
    return f"{before} {ARROW} {after}" if before and after else before or after


def _place(origin: Origin, names: dict[str, str]) -> str:
    if origin.file:
        return f"{names[origin.file]}:{origin.line}"
    return "default" if origin.words.startswith("default") else origin.words


def shown(value: object, *, derived: bool = False) -> str:
    """Return a value for a table: not too long, and as exact as it was written."""
    if value is None:
        return "-"
    text = f"{value:.4g}" if derived and isinstance(value, float) else flow(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def short_names(files: Iterable[str]) -> dict[str, str]:
    """The end of each path that tells it from the others: mostly the name of the file."""
    paths = {file: file.split("/") for file in files}
    return {file: _shortest(parts, list(paths.values())) for file, parts in paths.items()}


def _shortest(parts: list[str], every: list[list[str]]) -> str:
    for length in range(1, len(parts)):
        if sum(other[-length:] == parts[-length:] for other in every) == 1:
            return "/".join(parts[-length:])
    return "/".join(parts)
