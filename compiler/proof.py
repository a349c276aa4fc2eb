"""Spec to proved network: all that `check` needs, without what writes code."""

from collections.abc import Callable, Iterable

from compiler.ir.block import Block
from compiler.ir.verify import verify
from compiler.lower.model import lower
from compiler.passes.drop_no_ops import drop_no_ops
from compiler.passes.infer_shapes import infer_shapes
from compiler.passes.prove_causality import prove_causality
from compiler.spec.load import Loaded, load

Pass = Callable[[Block], Block]

PROOFS: tuple[Pass, ...] = (drop_no_ops, infer_shapes, prove_causality)


def check_spec(reference: str, overrides: Iterable[str] = ()) -> Loaded:
    """The spec, its network proved and not built any further; raises `Rejected`."""
    loaded = load(reference, overrides)
    build(loaded, PROOFS)
    return loaded


def build(loaded: Loaded, passes: tuple[Pass, ...]) -> Block:
    """The network of a spec after these passes, verified after each."""
    model = lower(loaded.spec, loaded.origin)
    verify(model, "lower")
    for each in passes:
        model = each(model)
        verify(model, each.__name__)
    return model
