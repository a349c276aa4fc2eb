"""The verdicts of transformers on a spec: those of the nearest class, read from its family."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.export.generation import GENERATION_RULES
from compiler.export.huggingface.native import Native, nearest
from compiler.export.huggingface.settings import Difference
from compiler.export.target import Place, Rule, Table, Verdicts, dotted
from compiler.export.tokenizer import TOKENIZER_RULES
from compiler.export.verdict import Verdict, refused, said, said_otherwise
from compiler.source.write import flow
from compiler.spec.load import Loaded


@dataclass(frozen=True, kw_only=True)
class _OneSpec(Table):
    """The verdicts on one spec, those of its network by the paths of settings."""

    network: Verdicts = field(default_factory=dict)

    def rule(self, place: Place, *, is_narrow: bool = False) -> Rule | None:
        """Return the rule for a setting; all that no family differs in is said."""
        path = dotted(place.path)
        if path in self.network:
            return self.network[path]
        found = super().rule(place, is_narrow=is_narrow)
        is_network = place.path[0] == "model" and not is_narrow
        return said() if found is None and is_network else found


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeTable:
    """A format: the classes that transformers itself has."""

    name: str = "huggingface-native"
    title: str = "transformers"
    option: str = "--to huggingface --as native"

    def verdicts(self, loaded: Loaded) -> Verdicts:
        """Return what becomes of each setting of a spec."""
        native = nearest(loaded.spec)
        if native is None:
            network = {"task": refused("has no class for this task")}
        else:
            network = dict(_network(native))
        rules = {**GENERATION_RULES, **TOKENIZER_RULES}
        return _OneSpec(
            name=self.name,
            title=self.title,
            option=self.option,
            rules=rules,
            network=network,
        ).verdicts(loaded)


def _network(native: Native) -> Iterator[tuple[str, Verdict]]:
    """Yield the verdicts on settings that the nearest family says otherwise, or not at all."""
    for step in native.steps:
        yield from ((path, said_otherwise(step.change.words)) for path in step.paths)
    for each in essential(native.differences):
        yield each.path, refused(_words(native, each))
    for wrong in native.wrong:
        yield "model", refused(f"cannot read a {native.title} of this: {wrong.message}")


CHOOSERS = ("block", "kind", "heads")
"""Settings that choose what their section means: where these differ, the others say no more."""
OWN = ("place", "final", "eps")
"""Settings of norms that every kind has."""


def essential(found: Sequence[Difference]) -> list[Difference]:
    """Return the differences without those that follow from another one."""
    chosen = [each.path for each in found if each.path.rpartition(".")[2] in CHOOSERS]

    def follows(path: str, other: str) -> bool:
        holder, key = other.rpartition(".")[0], path.rpartition(".")[2]
        is_free = holder.endswith(".norm") and key in OWN
        return path != other and path.startswith(f"{holder}.") and not is_free

    return [each for each in found if not any(follows(each.path, other) for other in chosen)]


def _words(native: Native, each: Difference) -> str:
    key = each.path.rpartition(".")[2]
    ours, theirs = (_value(value) for value in (each.ours, each.theirs))
    return f"has no class with `{key}: {ours}`: the nearest, {native.title}, has {theirs}"


def _value(value: object) -> str:
    return "none" if value is None else flow(value)


HUGGINGFACE_NATIVE = NativeTable()
