"""The differences of the generated code, each piece with the settings that it comes from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from compiler.diff.hybrid import Hybrids
from compiler.diff.operand import CODE, Operand
from compiler.diff.patience import Edit, Pairing, hunks, paired
from compiler.diff.settings_diff import Change
from compiler.emit.model import helpers_of_model, model_text
from compiler.emit.package import package_files
from compiler.emit.training import training_text
from compiler.page.model import Hunk, Patch
from compiler.pipeline import build, passes
from compiler.source.diagnostic import Rejected
from compiler.source.node import Path
from compiler.spec.load import Loaded
from compiler.spec.spec import Spec

BESIDE_THE_CODE = ("data", "decoding", "evaluation")

Texts = dict[str, list[str]]
"""The lines of each file."""
Differing = tuple[set[int], set[int]]
"""Lines that go, and lines that come."""


def patches(
    before: Operand, after: Operand, changes: Sequence[Change], hybrids: Hybrids
) -> tuple[Patch, ...]:
    """The files that differ in more than their head comment.

    Files other than `model.py` and `training.py` are shown where they may have been edited.
    """
    edited = {name for side in (before, after) for name in side.edited_beside_the_code}
    names = (*CODE, *sorted(edited))
    variants = Variants(changes=changes, hybrids=hybrids, title=before.package.spec, names=names)
    found = (_patch(name, before, after, variants) for name in names)
    return tuple(patch for patch in found if patch.hunks)


class Variants:
    """The code of the one side with one change made, and of the other with one taken back."""

    def __init__(
        self, changes: Sequence[Change], hybrids: Hybrids, title: Spec, names: Sequence[str]
    ) -> None:
        self.hybrids = hybrids
        self.title = title
        self.files = names
        self.names: dict[tuple[Path, ...], str] = {}
        for change in self._with_effect(changes):
            self.names.setdefault(change.taken, change.setting)

    def _with_effect(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Leave out changes of data and scores if all together change no code: most never do."""
        beside = [change for change in changes if change.group in BESIDE_THE_CODE]
        if not beside:
            return changes
        try:
            together = self.hybrids.with_taken(path for change in beside for path in change.taken)
            same = self._code_of(together) == self._code_of(self.hybrids.with_taken(()))
        except Rejected:
            return changes
        return [change for change in changes if change not in beside] if same else changes

    @cached_property
    def made(self) -> dict[str, Texts]:
        """Return code by the name of the change; changes that cannot be made alone are left out."""
        return self._each(self.hybrids.with_taken)

    @cached_property
    def taken_back(self) -> dict[str, Texts]:
        return self._each(self.hybrids.without)

    def _each(self, mix: Callable[[Iterable[Path]], Loaded]) -> dict[str, Texts]:
        found = {}
        for taken, name in self.names.items():
            try:
                found[name] = self._code_of(mix(taken))
            except Rejected:
                continue
        return found

    def _code_of(self, loaded: Loaded) -> Texts:
        return code_of(loaded, self.title, self.files)


def code_of(loaded: Loaded, title: Spec, names: Sequence[str]) -> Texts:
    """These files of the package that a spec compiles to under another name; raises `Rejected`."""
    model = build(loaded, passes())
    spec = loaded.spec.model_copy(update={"name": title.name, "summary": title.summary})
    if tuple(names) == CODE:
        network = model_text(model, helpers_of_model(model), spec.name, spec.summary)
        files = dict(zip(CODE, (network, training_text(spec, model)), strict=True))
    else:
        files = package_files(spec, model)
    return {name: files.get(name, "").splitlines() for name in names}


def _patch(name: str, before: Operand, after: Operand, variants: Variants) -> Patch:
    sides = before, after
    heading = _heading(before.package.files.get(name, ""))
    compiled = [_titled(side.package.files, side, name, heading) for side in sides]
    there = [_titled(side.files, side, name, heading) for side in sides]
    pairing = paired(*there)
    search = _Search(
        name=name,
        compiled=paired(*compiled),
        own=(paired(compiled[0], there[0]).partners, paired(compiled[1], there[1]).partners),
        variants=variants,
        otherwise=tuple(dict.fromkeys(s.otherwise for s in (before, after) if name in s.edited)),
    )
    shift = len(after.files.get(name, "").splitlines()) - len(there[1])
    return Patch(
        before=_file(before, name),
        after=_file(after, name),
        hunks=tuple(search.explained(*each) for each in hunks(pairing, shift)),
    )


def _file(side: Operand, name: str) -> str:
    return f"{side.name if side.is_locked else side.package.spec.name}/{name}"


def _heading(text: str) -> str:
    """The docstring of a generated file, which has the name and the summary of the spec."""
    return text[: text.find('"""', 3) + 3] if text.startswith('"""') else ""


def _titled(files: Mapping[str, str], side: Operand, name: str, heading: str) -> list[str]:
    """The lines of a file with another head comment, unless its own has been edited."""
    text, own = files.get(name, ""), _heading(side.package.files.get(name, ""))
    if not own:
        return text.splitlines()
    return (heading + text.removeprefix(own) if text.startswith(own) else text).splitlines()


@dataclass(frozen=True, kw_only=True)
class _Search:
    """For the causes of differences in one file.

    `own` are the lines of the compiled files for those that are there, `otherwise` what explains
    those that have none.
    """

    name: str
    compiled: Pairing
    own: tuple[dict[int, int], dict[int, int]]
    variants: Variants
    otherwise: tuple[str, ...]

    def explained(self, hunk: Hunk, edits: list[Edit]) -> Hunk:
        """The hunk with its causes."""
        removed = {self.own[0].get(line, -1) for edit in edits for line in edit.before}
        added = {self.own[1].get(line, -1) for edit in edits for line in edit.after}
        compiled = removed & self.compiled.removed, added & self.compiled.added
        others = self.otherwise if (removed, added) != compiled else ()
        return replace(hunk, causes=(*self._causes(*compiled), *others))

    def _causes(self, removed: set[int], added: set[int]) -> list[str]:
        """The settings that lines which go, and lines which come, are there for.

        Those that make such a difference alone; else those without which some of it is missing;
        else all that cannot be made alone, together.
        """
        made = self._made
        causes = _covering(added, {name: lines[1] for name, lines in made.items()})
        for name in causes:
            removed, added = removed - made[name][0], added - made[name][1]
        causes += _covering(removed, {name: lines[0] for name, lines in made.items()})
        for name in causes:
            removed = removed - made[name][0]
        if removed or added:
            causes += self._contributing(removed, added, causes)
        return causes

    def _contributing(self, removed: set[int], added: set[int], known: list[str]) -> list[str]:
        back = self._taken_back.items()
        found = [name for name, lines in back if removed - lines[0] or added - lines[1]]
        if found:
            return [name for name in found if name not in known]
        names = list(self.variants.names.values())
        alone = [name for name in names if name not in self.variants.made] or names
        return [together(alone)]

    @cached_property
    def _made(self) -> dict[str, Differing]:
        return {name: self._differing(texts) for name, texts in self.variants.made.items()}

    @cached_property
    def _taken_back(self) -> dict[str, Differing]:
        return {name: self._differing(texts) for name, texts in self.variants.taken_back.items()}

    def _differing(self, texts: Texts) -> Differing:
        """The differences that a variant has, too.

        They are lines that it has no more, and lines that it has already.
        """
        lines = texts[self.name]
        gone = paired(self.compiled.before, lines)
        new = paired(lines, self.compiled.after)
        return gone.removed, {line for line, own in new.partners.items() if own in gone.added}


def _covering(lines: set[int], others: dict[str, set[int]]) -> list[str]:
    """The names of those that have some of the lines."""
    return [name for name, own in others.items() if own & lines]


def together(names: Sequence[str]) -> str:
    """Several settings that only make sense with each other."""
    *others, last = names
    return f"{', '.join(others)} and {last} together" if others else last
