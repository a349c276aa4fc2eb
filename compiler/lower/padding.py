"""What tells real positions from padding, for layers that read ahead without attention."""

from dataclasses import dataclass

from compiler.ir.block import Input
from compiler.ir.build import Body
from compiler.ops.expression import Const
from compiler.ops.masking import PaddingMask
from compiler.ops.shape import BATCH, Free
from compiler.spec.model import LayerGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """The mask of a stream's real tokens, the same tensor that attention is told."""

    stream: Free
    input: Input
    needs_positions: bool = False

    def build(self, name: str, body: Body, *, is_used_once: bool) -> str:
        """Made once for all layers."""
        return body.apply(PaddingMask(), self.stream.name, name="_" if is_used_once else name)


def padding_of(stream: Free, told: list[Input]) -> Padding:
    """Under the name that attention has for it, unless attention is told more under that name."""
    shape = (BATCH, Const(1), Const(1), stream)
    usual = Input(name=f"{stream.name}_mask", shape=shape)
    is_taken = any(each.name == usual.name and each != usual for each in told)
    return Padding(
        stream=stream, input=Input(name=f"{stream.name}_real", shape=shape) if is_taken else usual
    )


def reads_ahead(group: LayerGroup) -> bool:
    """Whether a layer reads later positions without attention."""
    return any(mixer.reads_ahead for mixer in group.mixers.values())
