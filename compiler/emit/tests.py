"""`test_model.py`: what the compiler has proved, tried on the real network."""

from compiler.emit.fill import fill
from compiler.emit.layout import docstring
from compiler.emit.predicates import plain_predicate
from compiler.ir.block import Block
from compiler.ops.attention import Attention, LocalAttention
from compiler.passes.derive_weights import attentions
from compiler.passes.measure import count_parameters
from compiler.spec.model import LearnedPosition
from compiler.spec.spec import Spec

SOURCE, TARGET, PADDING = 7, 9, 4
LARGEST_EDGE = 512
"""Masks with larger numbers are tried within this."""


def tests_text(spec: Spec, model: Block) -> str:
    """The file. Texts are longer than twice the largest number of a mask, and than two chunks."""
    found = attentions(model)
    shared = spec.model.vocabulary.shared
    sides = ("VOCABULARY", "VOCABULARY") if shared else ("SOURCE_VOCABULARY", "TARGET_VOCABULARY")
    edges = sorted({edge for _, op in found.values() for edge in _edges(op)})
    longest, padding = _longest(spec)
    head = f"{spec.name}: tests of the network, with torch and pytest alone. Written by specformer."
    names = ["D_MODEL", "PADDING", *dict.fromkeys(sides), *found, "Transformer", "merge_heads"]
    return fill(
        "test_model.py.jinja",
        docstring="\n".join(docstring([head], 0)),
        imported=sorted(names, key=lambda name: (not name.isupper(), name.islower(), name)),
        source_vocabulary=sides[0],
        target_vocabulary=sides[1],
        target_embedding="embedding" if spec.model.embedding.tied == "all" else "target_embedding",
        parameters=count_parameters(model),
        source_length=min(_length(SOURCE, edges), longest - padding),
        target_length=min(_length(TARGET, edges), longest - padding),
        padding=padding,
        edges=f"({', '.join(map(str, edges))}{',' if len(edges) == 1 else ''})",
        masks=[plain_predicate(op.reads) for _, op in found.values()],
        places=[(name, op.reads.name) for name, (_, op) in found.items()],
    )


def _edges(op: Attention) -> list[int]:
    """Distances at which an attention may go wrong."""
    bounds = op.bounds if isinstance(op, LocalAttention) else None
    chunks = [bounds.chunk, bounds.chunk + bounds.first] if bounds else []
    return [edge for edge in (*op.mask.numbers, *chunks) if edge <= LARGEST_EDGE]


def _length(usual: int, edges: list[int]) -> int:
    """A third chunk begins in it, and positions beyond the beginning that all may read."""
    return max([usual, *(2 * edge + usual for edge in edges)])


def _longest(spec: Spec) -> tuple[int, int]:
    """Positions that there are, and how many of them to fill with padding."""
    position = spec.model.embedding.position
    longest = position.max_length if isinstance(position, LearnedPosition) else 2**20
    return longest, min(PADDING, longest // 4)
