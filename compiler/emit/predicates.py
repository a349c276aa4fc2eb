"""Masks as functions of two positions, at the top of `model.py`."""

import re
from collections.abc import Iterable, Iterator, Mapping

from compiler.emit.layout import STEP, WIDTH, docstring
from compiler.emit.marks import mark
from compiler.ir.causes import Paths
from compiler.mask.mask import Mask
from compiler.ops.op import Op, Predicate

_ROLES = {
    "reads": ("Tensor", "Tensor", "`{mask}`: true where position i reads position j."),
    "keeps": ("int", "bool", "Return whether position i or a later one reads position j."),
}


def predicates(ops: Iterable[Op], causes: Mapping[str, Paths]) -> Iterator[str]:
    """Yield one function for each mask that some op asks for, those of the encoder first.

    `causes` are the settings that the names of masks come from.
    """
    for each in sorted({each for op in ops for each in op.predicates()}, key=_order):
        yield mark(causes.get(each.name, ()), ends=bool(causes)) + "\n".join(_lines(each))


def _order(predicate: Predicate) -> tuple[int, str, bool]:
    places = ("encoder", "decoder", "cross")
    return places.index(predicate.place), predicate.label, predicate.role == "keeps"


def _lines(predicate: Predicate) -> Iterator[str]:
    position, result, meaning = _ROLES[predicate.role]
    mask = predicate.mask
    names = ("i", "j", "length") if mask.needs_length else ("i", "j")
    yield _head(predicate, names, position, result)
    yield from docstring([meaning.format(mask=mask.text)], 1)
    yield from _body(mask)


def plain_predicate(predicate: Predicate) -> str:
    """For tests: the same of whole numbers."""
    head = _head(predicate, ("i", "j", "length"), "int", "bool")
    return "\n".join([head, *_body(predicate.mask)])


def _head(predicate: Predicate, names: tuple[str, ...], given: str, result: str) -> str:
    """The `def`; a name that the mask does not ask for begins with an underscore."""
    asked = (re.search(rf"\b{name}\b", predicate.mask.code) for name in names)
    declared = (f"{'' if is_asked else '_'}{n}" for n, is_asked in zip(names, asked, strict=True))
    return f"def {predicate.name}({', '.join(f'{n}: {given}' for n in declared)}) -> {result}:"


def _body(mask: Mask) -> Iterator[str]:
    """The comparisons on one line; or, where they are too many, one after the other."""
    indent = " " * STEP
    line = f"{indent}return {mask.code}"
    if len(line) <= WIDTH:
        yield line
        return
    for number, term in enumerate(mask.terms):
        first, *others = term.code()
        name = "term" if number else "allowed"
        yield f"{indent}{name} = {first}"
        for comparison in others:
            yield f"{indent}{name} = {name} & ({comparison})"
        if number:
            yield f"{indent}allowed = allowed | term"
    yield f"{indent}return allowed"
