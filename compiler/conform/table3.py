"""The rows of the paper's Table 3, and the one that a spec is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.spec.model import Stack
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of Table 3 by the names of its columns; `averaged` and `between` are of section 6.1.

    `between` are the updates that take the ten minutes between two checkpoints, by the time of an
    update that section 5.2 gives.
    """

    name: str = "base"
    layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    heads: int = 8
    d_k: int = 64
    d_v: int = 64
    dropout: float = 0.1
    smoothing: float = 0.1
    position: str = "sinusoidal"
    steps: int = 100_000
    averaged: int = 5
    between: int = 1_500


BASE = Row()
BIG = Row(
    name="big",
    d_model=1024,
    d_ff=4096,
    heads=16,
    dropout=0.3,
    steps=300_000,
    averaged=20,
    between=600,
)
MEASURES = (
    *("layers", "d_model", "d_ff", "heads", "d_k", "d_v"),
    *("dropout", "smoothing", "position"),
)
"""The columns that tell a row of Table 3 from others."""
ROWS = (
    BASE,
    BIG,
    *(
        replace(BASE, name=f"(A) h = {heads}", heads=heads, d_k=width, d_v=width, averaged=1)
        for heads, width in ((1, 512), (4, 128), (16, 32), (32, 16))
    ),
    *(replace(BASE, name=f"(B) d_k = {width}", d_k=width, averaged=1) for width in (16, 32)),
    *(replace(BASE, name=f"(C) N = {number}", layers=number, averaged=1) for number in (2, 4, 8)),
    *(
        replace(BASE, name=f"(C) d_model = {d}", d_model=d, d_k=width, d_v=width, averaged=1)
        for d, width in ((256, 32), (1024, 128))
    ),
    *(replace(BASE, name=f"(C) d_ff = {width}", d_ff=width, averaged=1) for width in (1024, 4096)),
    *(replace(BASE, name=f"(D) P_drop = {rate}", dropout=rate, averaged=1) for rate in (0.0, 0.2)),
    *(replace(BASE, name=f"(D) eps_ls = {s}", smoothing=s, averaged=1) for s in (0.0, 0.2)),
    replace(BASE, name="(E) learned positions", position="learned", averaged=1),
)


def row_of(spec: Spec) -> tuple[Row, dict[str, tuple[object, ...]]]:
    """Return the row of Table 3 that a spec is, or the nearer one of base and big.

    Beside it are the columns in which the spec differs from it, with the values that the spec has.
    """
    own = measures(spec)
    for row in ROWS:
        if not different(own, row):
            return row, {}
    nearest = min((BASE, BIG), key=lambda row: len(different(own, row)))
    return nearest, different(own, nearest)


def different(own: dict[str, tuple[object, ...]], row: Row) -> dict[str, tuple[object, ...]]:
    """Return the columns whose values are not all those of a row."""
    return {name: values for name, values in own.items() if values != (getattr(row, name),)}


def measures(spec: Spec) -> dict[str, tuple[object, ...]]:
    """Return the different values that a spec has in each column of Table 3."""
    found: dict[str, dict[object, None]] = {name: {} for name in MEASURES}
    for name, value in _values(spec):
        found[name][value] = None
    return {name: tuple(values) for name, values in found.items()}


def _values(spec: Spec) -> Iterator[tuple[str, object]]:
    model = spec.model
    yield "dropout", model.dropout
    yield "smoothing", spec.training.label_smoothing
    for name, stack in model.stacks():
        yield "d_model", model.width(name)
        yield "layers", sum(group.repeat for group in stack.layers)
        for kind in _positions(stack):
            yield "position", kind
        for group in stack.layers:
            yield "dropout", group.dropout
            if group.feed_forward is not None:
                yield "d_ff", group.feed_forward.d_ff
            for attention in (group.self_attention, group.cross_attention):
                if attention is not None:
                    yield "heads", attention.heads
                    yield "d_k", attention.d_k
                    yield "d_v", attention.d_v


def _positions(stack: Stack) -> list[str]:
    """Return the positions that a stack has, at its bottom or in its layers; else `none`."""
    every = (stack.position.kind, *(group.position.kind for group in stack.layers))
    return [kind for kind in dict.fromkeys(every) if kind != "none"] or ["none"]
