"""The verdict on checkpoints: do the weights of one model load into another?"""

from dataclasses import dataclass
from typing import Literal

from compiler.diff.fingerprint import fingerprint
from compiler.format import engineering
from compiler.page.model import Paragraph, Part, Section, Table, columns
from compiler.pipeline import CompiledPackage
from compiler.weights.export_map import export_map
from compiler.weights.names import name_ranges
from compiler.weights.parameters import named_parameters
from compiler.weights.transfer import Transfer, transfer

Verdict = Literal["same", "edited", "same shapes", "with a map", "partly", "not"]

SENTENCES: dict[Verdict, str] = {
    "same": "A checkpoint loads as it is, and the network computes the same with it.",
    "edited": "By the settings a checkpoint loads as it is, but the code is not what they "
    "compile to: what is computed with it, and whether it loads, only that code says.",
    "same shapes": "A checkpoint loads as it is, but this is another network: the names and shapes "
    "of all tensors are the same, and what is computed with them is not.",
    "with a map": "A checkpoint loads with a map: every tensor can be made of its tensors.",
    "partly": "A checkpoint loads in part: {taken} of {parameters} parameters, {share:.1%}.",
    "not": "Nothing of a checkpoint loads: no tensor, and no slice of one, has a name and a shape "
    "in common.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDifference:
    """The parts of `a`'s checkpoint that load into `b`.

    `same shapes`: it loads, and the network computes something else with it. `edited`: by the
    settings it is the same network, but its code was edited by hand on one side. `fitting`, `new`
    and `left` are the tensors and slices of `b` that `a` gives, those of `b` that it does not, and
    those of `a` that are not needed, equal ones of several layers as `layers.{0..5}.weight`.
    `taken` of the `parameters` of `b` are given, a `share` from 0 to 1. `map` is the text of an
    import map where one is needed, else empty.
    """

    verdict: Verdict
    fitting: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]
    taken: int
    parameters: int
    share: float
    map: str


def checkpoint_difference(
    a: CompiledPackage, b: CompiledPackage, *, is_edited: bool = False
) -> CheckpointDifference:
    """Return what of a checkpoint of `a` loads into `b`.

    `is_edited` says that the code of one side is not what its settings compile to.
    """
    found = transfer(a.model, b.model)
    verdict = _verdict(found, a, b)
    if is_edited and verdict == "same":
        verdict = "edited"
    needs_map = verdict == "with a map"
    old, new = (list(named_parameters(each.model)) for each in (a, b))
    return CheckpointDifference(
        verdict=verdict,
        fitting=name_ranges(each.target.name for each in found.moves),
        new=name_ranges(each.name for each in found.new),
        left=name_ranges(each.name for each in found.left),
        taken=found.taken,
        parameters=found.parameters,
        share=found.taken / found.parameters,
        map=export_map(found, old, new) if needs_map else "",
    )


def _verdict(found: Transfer, a: CompiledPackage, b: CompiledPackage) -> Verdict:
    if found.is_same:
        return "same" if fingerprint(a.model) == fingerprint(b.model) else "same shapes"
    if not found.moves:
        return "not"
    return "partly" if found.new else "with a map"


def checkpoint_section(difference: CheckpointDifference) -> Section:
    """The verdict in a sentence, and what fits and what does not."""
    sentence = SENTENCES[difference.verdict].format(
        taken=engineering(difference.taken),
        parameters=engineering(difference.parameters),
        share=difference.share,
    )
    parts: list[Part] = [Paragraph(text=sentence)]
    if rows := _rows(difference):
        parts.append(Table(columns=columns(("tensor or slice", "")), rows=tuple(rows)))
    return Section(title="Checkpoint", parts=tuple(parts))


def _rows(difference: CheckpointDifference) -> list[tuple[str, str]]:
    """The shorter of what fits and what does not, and what the new model does not have."""
    if difference.verdict not in ("partly", "with a map"):
        return []
    fits, new, left = difference.fitting, difference.new, difference.left
    if new and len(fits) < len(new):
        return [(each, "fits, and nothing else does") for each in fits]
    both = [(each, "has another shape") for each in new if each in left]
    return [
        *both,
        *((each, "is new") for each in new if each not in left),
        *((each, "is not needed") for each in left if each not in new),
    ]
