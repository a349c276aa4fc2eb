"""The class of transformers that says a spec, or the nearest one and what it lacks of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.export.huggingface.changes import CHANGES, Change
from compiler.export.huggingface.configuration import configuration, read_again
from compiler.export.huggingface.settings import Difference, differences
from compiler.export.huggingface.writings import Config
from compiler.source.diagnostic import Diagnostic
from compiler.spec.spec import Spec
from compiler.weights.family import Family, families

WIDELY_READ = ("llama", "gpt2", "marian", "pegasus", "bart", "bert")
"""Families that most other programs know: of several that say a spec the first of these counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change that was made, the spec after it, and the settings that it changed, by path."""

    change: Change
    spec: Spec
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A spec as a family says it."""

    family: str
    spec: Spec
    """The spec in the coordinates of the family."""
    config: Config
    meant: Spec | None
    """The spec that the family means by its configuration; None where it cannot be read."""
    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    """The settings that the family cannot say."""
    wrong: tuple[Diagnostic, ...] = ()
    """The reasons for which its configuration cannot be read."""

    @property
    def is_sayable(self) -> bool:
        """Return whether the family says all of the spec."""
        return not self.differences and not self.wrong

    @property
    def title(self) -> str:
        """Return the name by which config.json calls the family."""
        return families()[self.family].model_types[0]

    @property
    def distance(self) -> tuple[int, int, int]:
        """The less, the nearer; families that are widely read go before others."""
        known = WIDELY_READ.index(self.family) if self.family in WIDELY_READ else len(WIDELY_READ)
        return len(self.differences) + 100 * len(self.wrong), len(self.steps), known


def candidates(spec: Spec) -> Iterator[tuple[str, Family]]:
    """Yield the families that have the task of a spec, with their names."""
    yield from ((name, each) for name, each in families().items() if spec.task in each.tasks)


def nearest(spec: Spec, preferred: str | None = None, base: Config | None = None) -> Native | None:
    """Return the family that says a spec with the fewest changes, or is nearest to it.

    `preferred` is the one that the spec was imported from, and `base` its configuration. None where
    no family has the task.
    """
    if preferred in families():
        own = said_by(spec, preferred, families()[preferred], base)
        if own.is_sayable:
            return own
    found = [said_by(spec, name, each) for name, each in candidates(spec)]
    return min(found, key=lambda each: each.distance, default=None)


def said_by(spec: Spec, name: str, family: Family, base: Config | None = None) -> Native:
    """Return a spec as a family says it, in coordinates in which the fewest settings differ."""
    best = _tried(Native(family=name, spec=spec, config={}, meant=None), family, base)
    for change in CHANGES:
        best = _improved(best, change, family, base)
    return best


def _improved(best: Native, change: Change, family: Family, base: Config | None) -> Native:
    """Return the spec after a change, if fewer of its settings differ then."""
    if best.is_sayable or best.meant is None:
        return best
    changed = change.toward(best.spec, best.meant)
    if changed == best.spec:
        return best
    paths = tuple(each.path for each in differences(best.spec, changed))
    step = Step(change=change, spec=changed, paths=paths)
    found = _tried(replace(best, spec=changed, steps=(*best.steps, step)), family, base)
    return found if found.distance < best.distance else best


def _tried(native: Native, family: Family, base: Config | None) -> Native:
    """Return what becomes of a spec when a family writes its configuration and reads it again."""
    config = configuration(native.spec, family, base)
    meant, wrong = read_again(native.spec, native.spec.task, config)
    found = () if meant is None else tuple(differences(native.spec, meant))
    found = tuple(each for each in found if not _is_of_rows(native.spec, each))
    return replace(native, config=config, meant=meant, differences=found, wrong=tuple(wrong))


def _is_of_rows(spec: Spec, difference: Difference) -> bool:
    """Return whether a bias of logits only hides rows that a foreign vocabulary lacks."""
    return difference.path == "model.output.bias" and spec.data.tokenizer.kind == "tokenizers"
