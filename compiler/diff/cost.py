"""The cost of one model against another, part by part: parameters, operations, memory."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from compiler.explain import Explanation, Row, explain
from compiler.format import engineering, of_bytes
from compiler.page.model import Paragraph, Part, Section, Table, columns
from compiler.pipeline import CompiledPackage

Words = Callable[[float], str]

QUANTITIES: tuple[tuple[str, str, Words], ...] = (
    ("parameters", "parameters", engineering),
    ("flops_per_token", "FLOPs/token", engineering),
    ("activation_bytes", "activations/token", of_bytes),
    ("cache_bytes", "cache", of_bytes),
)
"""Fields that rows, explanations and changes share, the heads of their columns, and their units."""
BETWEEN = "between the parts"
KINDS = re.compile(r"\[\d+(:\d*)?\]")
"""What distinguishes layers of several kinds: `layers[0:5]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """A number of both sides; `percent` of that before, None where that is nothing."""

    before: int
    after: int
    delta: int
    percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostChange:
    """One part of the network, or `total`: all layers of it together.

    `only` is the side that has it, if the other has not. `flops_per_token` and `activation_bytes`
    (what the backward pass keeps, in float32) are of a source and a target token each;
    `cache_bytes` is what decoding keeps of one hypothesis at the end of a sentence, and `cache`
    says in words how that grows, before and after.
    """

    part: str
    only: Literal["before", "after"] | None
    parameters: NumberChange
    flops_per_token: NumberChange
    activation_bytes: NumberChange
    cache_bytes: NumberChange
    cache: tuple[str, str]

    @property
    def is_equal(self) -> bool:
        """Tell whether no number differs."""
        deltas = [getattr(self, name).delta for name, _, _ in QUANTITIES]
        return self.only is None and not any(deltas) and self.cache[0] == self.cache[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDifference:
    """The differences of all parts in sentences of `length` tokens on both sides, and the total.

    The last part is what parts have between them: sums, dropout, what the loss keeps.
    """

    length: int
    parts: tuple[CostChange, ...]
    total: CostChange

    @property
    def is_equal(self) -> bool:
        """Tell whether no number of any part differs."""
        return self.total.is_equal and all(each.is_equal for each in self.parts)


Costs = dict[str, int]
"""The four quantities of one part on one side."""


def cost_difference(a: CompiledPackage, b: CompiledPackage, length: int = 32) -> CostDifference:
    """Return what `b` costs against `a`."""
    one, other = explain(a, length), explain(b, length)
    before, after = _by_part(one), _by_part(other)
    caches = _caches(one), _caches(other)
    names = dict.fromkeys([*_in_both_orders(list(before), list(after)), BETWEEN])
    return CostDifference(
        length=length,
        parts=tuple(
            _change(
                each,
                (before.get(each), after.get(each)),
                (caches[0].get(each, ""), caches[1].get(each, "")),
            )
            for each in names
        ),
        total=_change("total", (_costs(one), _costs(other)), (one.cache, other.cache)),
    )


def _costs(of: Row | Explanation) -> Costs:
    return {name: getattr(of, name) for name, _, _ in QUANTITIES}


def _name(row: Row) -> str:
    """Return the part of a row; layers of several kinds are one part."""
    return KINDS.sub("", row.part)


def _by_part(explanation: Explanation) -> dict[str, Costs]:
    """Return the costs of each part, and what is left between the parts."""
    found: dict[str, Costs] = {}
    left = _costs(explanation)
    for row in explanation.rows:
        own = found.setdefault(_name(row), dict.fromkeys(left, 0))
        for name, number in _costs(row).items():
            own[name] += number
            left[name] -= number
    return {**found, BETWEEN: left}


def _caches(explanation: Explanation) -> dict[str, str]:
    """Return in words how the cache of each part grows."""
    found: dict[str, list[str]] = {}
    for row in explanation.rows:
        found.setdefault(_name(row), []).extend([row.cache] if row.cache else [])
    return {name: "; ".join(words) for name, words in found.items()}


def _in_both_orders(before: list[str], after: list[str]) -> Iterable[str]:
    """Return all names; a name that one side alone has stands where it stands there."""
    rest = list(after)
    for name in before:
        if name in rest:
            place = rest.index(name)
            yield from rest[:place]
            rest = rest[place + 1 :]
        yield name
    yield from rest


def _change(
    part: str, sides: tuple[Costs | None, Costs | None], cache: tuple[str, str]
) -> CostChange:
    one, other = (side or {} for side in sides)
    numbers = {name: _changed(one.get(name, 0), other.get(name, 0)) for name, _, _ in QUANTITIES}
    return CostChange(
        part=part,
        only="after" if sides[0] is None else "before" if sides[1] is None else None,
        **numbers,
        cache=cache,
    )


def _changed(before: int, after: int) -> NumberChange:
    delta = after - before
    return NumberChange(
        before=before,
        after=after,
        delta=delta,
        percent=100 * delta / before if before else None,
    )


def cost_section(difference: CostDifference) -> Section:
    """Return the totals, and the parts that differ."""
    total = difference.total
    if difference.is_equal:
        text = f"The same in every part: {total.parameters.after:,} parameters."
        return Section(title="Cost", parts=(Paragraph(text=text),))
    parts: list[Part] = [_totals(total, difference.length)]
    if total.cache[0] != total.cache[1]:
        before, after = (each or "nothing" for each in total.cache)
        parts.append(Paragraph(text=f"Decoding keeps {after}; before, {before}."))
    if rows := tuple(_row(each) for each in difference.parts if not each.is_equal):
        heads = [head for _, head, _ in QUANTITIES]
        parts.append(Table(columns=columns(("part", *heads), right=heads), rows=rows))
    return Section(title="Cost", parts=tuple(parts))


def _totals(total: CostChange, length: int) -> Table:
    """Return the totals before, after, and their differences."""
    rows = {
        "parameters": (total.parameters, "{:,}".format),
        "FLOPs per token": (total.flops_per_token, engineering),
        "activations per token": (total.activation_bytes, of_bytes),
        f"cache after {length} tokens": (total.cache_bytes, of_bytes),
    }
    cells = tuple(
        (name, words(each.before), words(each.after), _difference(each, words))
        for name, (each, words) in rows.items()
    )
    heads = ("before", "after", "difference")
    return Table(columns=columns(("total", *heads), right=heads), rows=cells)


def _row(change: CostChange) -> tuple[str, ...]:
    """Return the differences of a part; a cell is blank where nothing differs."""
    mark = {"after": " (new)", "before": " (gone)", None: ""}[change.only]
    cells = [_difference(getattr(change, name), words) for name, _, words in QUANTITIES]
    if not cells[-1] and change.cache[0] != change.cache[1]:
        cells[-1] = "grows otherwise"
    return (change.part + mark, *cells)


def _difference(change: NumberChange, words: Words) -> str:
    """`+524 k (+50%)`."""
    if not change.delta:
        return ""
    sign = "+" if change.delta > 0 else "-"
    percent = "" if change.percent is None or not change.after else f" ({change.percent:+.3g}%)"
    return f"{sign}{words(abs(change.delta))}{percent}"
