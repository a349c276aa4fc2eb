"""The layers of a network in which positions meet, by its IR: attentions, and what has no weights.

A mask says which positions a head may read. It is a part of the IR, so that a weight that is
nearly 0 is told apart from one that is forbidden.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.ir.block import Block, Repeat, walk
from compiler.mask.mask import DIAGONAL, Mask
from compiler.ops.op import Op
from compiler.pipeline import build, passes
from compiler.spec.lock import LOCK, load_lock
from compiler.transforms.derive_weights import attentions
from runtime.package import Package

SELF = {"encoder": "encoder self-attention", "decoder": "decoder self-attention"}
CROSS = "cross-attention"
STREAMS = {
    SELF["encoder"]: ("source", "source"),
    SELF["decoder"]: ("target", "target"),
    CROSS: ("target", "source"),
}
"""The texts of the queries and of the keys of each kind of attention."""
KINDS = tuple(STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionPlace:
    """An attention: `module` is its name among the weights of the generated package."""

    kind: str
    layer: int
    """The number of the layer in its stack, from 1."""
    module: str
    masks: tuple[Mask, ...]
    """The mask of each head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixerPlace:
    """A recurrence or a convolution: positions meet, but no weights say how much."""

    kind: str
    """The kind of attention in whose place it stands."""
    layer: int
    words: str


Place = AttentionPlace | MixerPlace


def places(package: Package) -> list[Place]:
    """Return the places of a network where positions meet, stack by stack, in their order."""
    network = build(load_lock(package.folder / LOCK, package.files[LOCK]), passes())
    masks = {
        name: (ops[0].reads.place, tuple(e.mask for e in ops for _ in range(int(e.heads.value))))
        for name, (_, ops) in attentions(network).items()
    }
    stacks = [(name, part) for name, part in network.parts if isinstance(part, Block)]
    return [place for name, part in stacks if name in SELF for place in _of(name, part, masks)]


def _of(
    stack: str, block: Block, masks: Mapping[str, tuple[str, tuple[Mask, ...]]]
) -> Iterator[Place]:
    """Yield the places of a stack. A module that is applied again has a number after its name."""
    turns: Counter[str] = Counter()
    layer = 0
    for name, part in block.parts:
        if not isinstance(part, Repeat) or "layers" not in (name, part.holder):
            continue
        for index in part.uses:
            layer += 1
            for path, inner in walk(part.block):
                module = ".".join(filter(None, (stack, part.holder or name, str(index), path)))
                if inner.name in masks:
                    turns[module] += 1
                    again = f" {turns[module]}" if turns[module] > 1 else ""
                    place, own = masks[inner.name]
                    kind = CROSS if place == "cross" else SELF[stack]
                    yield AttentionPlace(kind=kind, layer=layer, module=module + again, masks=own)
                elif mask := _mixing(inner):
                    words = _words(layer, path.rpartition(".")[2], mask)
                    yield MixerPlace(kind=SELF[stack], layer=layer, words=words)


def _mixing(block: Block) -> Mask | None:
    """Return what a position depends on, if one op of the block reads other positions."""
    for each in block.function("forward").body:
        if isinstance(each.op, Op):
            for mask in each.op.dependence(len(each.inputs)):
                if mask is not None and mask != DIAGONAL:
                    return mask
    return None


def _words(layer: int, part: str, mask: Mask) -> str:
    return (
        f"Layer {layer} has a {part.replace('_', ' ')} in the place of attention: it has no "
        f"attention weights. What a position may depend on: {mask.text}."
    )
