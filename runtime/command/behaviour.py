"""The page that `specformer diff --behaviour` adds."""

from compiler.page.model import Paragraph, Part, Section, Table, columns
from runtime.behaviour.difference import BehaviourDifference, Divergence
from runtime.behaviour.trace import Op


def behaviour_section(difference: BehaviourDifference) -> Section:
    """Equal, or the first operation that is not, with its line."""
    share = difference.shared / difference.parameters
    given = f"With the same weights where names and shapes agree ({share:.1%} of the parameters)"
    if difference.is_equal:
        text = f"{given} and the same input, both compute the same."
        return Section(title="Behaviour", parts=(Paragraph(text=text),))
    parts: list[Part] = [Paragraph(text=f"{given} and the same input, {_outputs(difference)}.")]
    found = {difference.structure: "first operation that is another"}
    found |= {difference.values: "first result that differs"}
    rows = [row for each, what in found.items() if each for row in _rows(what, each)]
    heads = ("", "", "module", "operation", "model.py")
    parts.append(Table(columns=columns(heads), rows=tuple(rows)))
    return Section(title="Behaviour", parts=tuple(parts))


def _outputs(difference: BehaviourDifference) -> str:
    if difference.largest is None:
        return "the outputs have other shapes"
    where = "" if difference.call == "forward" else f" in decoding, {difference.call},"
    return f"the outputs differ{where} by {difference.largest:.2g} of their largest number"


def _rows(what: str, divergence: Divergence) -> list[tuple[str, ...]]:
    by = "" if divergence.largest is None else f"by {divergence.largest:.2g} of the largest number"
    return [
        (what, "before", *_cells(divergence.before)),
        (by, "after", *_cells(divergence.after)),
    ]


def _cells(op: Op | None) -> tuple[str, str, str]:
    """Module, name, line."""
    if op is None:
        return "", "none", ""
    return op.module or "the model", op.name, f"{op.line}: {op.code}"
