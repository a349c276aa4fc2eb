"""A format of other programs, as a table of what it makes of each setting of a spec."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel

from compiler.export.verdict import Verdict, said, without_effect
from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Path, steps_of
from compiler.source.write import flow
from compiler.spec.fields import members
from compiler.spec.load import Loaded
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, TASKS
from compiler.spec.walk import sections_in
from compiler.weights.backwards import NOT_EXPORTABLE

Verdicts = Mapping[str, Verdict]
"""The verdict on each setting of a complete spec, by its dotted path: `model.d_model`.

A section that is refused, or without effect, stands for all that it holds.
"""


class Target(Protocol):
    """A format, and what it makes of a spec."""

    @property
    def name(self) -> str:
        """The name in tables: `huggingface-native`."""

    @property
    def title(self) -> str:
        """The name as messages write it, the subject of their sentences: `CTranslate2`."""

    @property
    def option(self) -> str:
        """The options of the command line that choose it: `--to huggingface --as native`."""

    def verdicts(self, loaded: Loaded) -> Verdicts:
        """Return what becomes of each setting of a spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One setting of a complete spec."""

    spec: Spec
    section: BaseModel
    """The section that holds it."""
    path: Path
    """The path of the setting itself."""

    @property
    def field(self) -> str:
        return str(self.path[-1])

    @property
    def value(self) -> object:
        return getattr(self.section, self.field)

    @property
    def stack(self) -> str | None:
        """`encoder` or `decoder`, if the setting is one of a stack."""
        return next((each for each in EVERY_STACK if each in self.path[1:2]), None)

    @property
    def attention(self) -> str | None:
        """`self_attention` or `cross_attention`, if the setting is one of an attention."""
        return next((each for each in ATTENTIONS if each in self.path), None)

    @property
    def is_of_another_task(self) -> bool:
        """Return whether the setting means nothing for the task of the spec."""
        unused = TASKS[self.spec.task].without_meaning
        return any(self.path[: len(each)] == each for each in unused)

    @property
    def is_absent_section(self) -> bool:
        """Return whether a section may stand here, and does not."""
        field = type(self.section).model_fields[self.field]
        return not self.value and bool(members(field))

    @property
    def keys(self) -> Iterator[str]:
        """Yield the keys of tables that speak of it, the narrowest first."""
        kinds = [each.__name__ for each in type(self.section).__mro__]
        kinds = kinds[: kinds.index("Section")]
        yield from (f"{kind}.{self.field}" for kind in kinds)
        yield from kinds


Rule = Verdict | Callable[[Place], Verdict]
"""The verdict of a format on a setting: one whatever its value, or one by place and value."""
Rules = Mapping[str, Rule]
"""Rules by keys, several of them between blanks: `Attention.heads Attention.d_k`.

The name of a section, `Experts`, is the key of those of its settings that have no rule of their own
and hold no section.
"""

TRAINING = without_effect("in training alone")
OTHER_TASKS = without_effect("for other tasks")
TEXTS = without_effect("texts are not exported")
NAMES = without_effect("a name")
COMMON: Rules = {
    "Spec.spec_version Spec.name Spec.summary": NAMES,
    "Spec.task": said(),
    "Spec.training Spec.evaluation": TRAINING,
    "Model.dropout LayerGroup.dropout LayerGroup.stochastic_depth Attention.dropout": TRAINING,
    "FeedForward.dropout Classifier.dropout": TRAINING,
    "Model.initialization Experts.balance_loss": TRAINING,
    "Model.kernel": without_effect("the same numbers by another kernel"),
    "Model.documents": without_effect("a text that is decoded is one document"),
    "Data.folder Data.train Data.valid Data.test Data.tests": TEXTS,
}
"""The rules that are alike in all formats; those of a format go before them."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A format whose verdicts are rules for single settings."""

    name: str
    title: str
    option: str
    rules: Rules
    common: Rules = field(default_factory=lambda: COMMON)

    def verdicts(self, loaded: Loaded) -> Verdicts:
        """Return what becomes of each setting. Raises LookupError for one without a rule."""
        return dict(self._below(loaded.spec, loaded.spec, ()))

    def rule(self, place: Place, *, is_narrow: bool = False) -> Rule | None:
        """Return the rule for a setting, if there is one; a narrow one is not of its section."""
        keys = (key for key in place.keys if "." in key or not is_narrow)
        return next((self._by_key[key] for key in keys if key in self._by_key), None)

    @cached_property
    def _by_key(self) -> dict[str, Rule]:
        rules = [*self.common.items(), *self.rules.items()]
        return {key: rule for keys, rule in rules for key in keys.split()}

    def _below(self, spec: Spec, section: BaseModel, path: Path) -> Iterator[tuple[str, Verdict]]:
        for name in type(section).model_fields:
            place = Place(spec=spec, section=section, path=(*path, name))
            held = list(sections_in(place.value))
            if place.is_absent_section and self.rule(place, is_narrow=True) is None:
                continue
            verdict = self._verdict(place, holds_sections=bool(held))
            if verdict and (verdict.is_about_all_below or not held):
                yield dotted(place.path), verdict
                continue
            for below, steps in held:
                yield from self._below(spec, below, (*place.path, *steps))

    def _verdict(self, place: Place, *, holds_sections: bool) -> Verdict | None:
        """Return the verdict on a setting; None for sections that have no rule of their own."""
        if place.is_of_another_task:
            return OTHER_TASKS
        rule = self.rule(place, is_narrow=holds_sections)
        if rule is not None:
            return rule if isinstance(rule, Verdict) else rule(place)
        if holds_sections:
            return None
        raise LookupError(f"{self.name} has no rule for {next(place.keys)}")


@dataclass(frozen=True, kw_only=True)
class CodeTable(Table):
    """A format that runs the generated code, so that it says all of `model:` without a rule."""

    def rule(self, place: Place, *, is_narrow: bool = False) -> Rule | None:
        """Return the rule for a setting, if there is one; one of `model:` needs none."""
        found = super().rule(place, is_narrow=is_narrow)
        is_network = place.path[0] == "model" and not is_narrow
        return said() if found is None and is_network else found


def dotted(path: Path) -> str:
    """Return a path as `Loaded.origin` takes it."""
    return ".".join(map(str, path))


def refusals(target: Target, loaded: Loaded, help: str = "") -> list[Diagnostic]:
    """Return what a format does not support, each at the line of its setting."""
    return [
        mistake(
            loaded.origin(path),
            NOT_EXPORTABLE,
            f"{target.title} {each.words}{_default(loaded, path)}",
            help,
        )
        for path, each in target.verdicts(loaded).items()
        if each.is_refused
    ]


def _default(loaded: Loaded, path: str) -> str:
    """Return the name and value of a setting that nobody wrote, since no line shows it."""
    steps = steps_of(path)
    if loaded.written(steps) is not None:
        return ""
    value: Any = loaded.spec
    for step in steps:
        value = value[step] if isinstance(step, int) else getattr(value, step, None)
    shown = "" if isinstance(value, BaseModel | list) else f" is {flow(value)}"
    return f" (`{path}`{shown} by default)"
