"""The block of a mixer while it is written."""

from dataclasses import dataclass, field

from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.expression import Expression
from compiler.ops.linear import Linear
from compiler.ops.mixer import Mixer
from compiler.ops.op import Op

Output = tuple[str, Expression]
"""An output of a linear map: its name and its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The block of a mixer while it is written; `inputs` are the stream, and a mask of padding
    where positions read later ones.
    """

    name: str
    inputs: tuple[str, ...]
    context: Context
    body: Body
    parts: dict[str, Op] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """The residual stream, normalised or not."""
        return self.inputs[0]

    def mix(self, op: Mixer, *names: str, of: tuple[str, ...] = (), part: str = "") -> list[str]:
        """Apply an op that mixes positions to the stream, or to values `of` it.

        Its module, if it has one, is the part of this name, by default of that of the mixer.
        """
        stream, *masks = self.inputs
        held = (part or self.name) if op.parameters() else ""
        if held:
            self.parts[held] = op
        return self.body.unpack(op, *(of or (stream,)), *masks, part=held, names=names)

    def apply(self, part: str, op: Op, *inputs: str, name: str = "_") -> str:
        """Apply an op with parameters, which is a part of this name."""
        self.parts[part] = op
        return self.body.apply(op, *inputs, part=part, name=name)

    def map(self, part: str, x: str, inputs: Expression, *outputs: Output, bias: bool) -> str:
        """Map each position of `x`, `inputs` wide, to several outputs by a linear map `part`."""
        self.parts[part] = Linear(
            inputs=inputs,
            outputs=outputs,
            bias=bias,
            initial=self.context.initials.matrix,
            gains=self.context.gains(*(name for name, _ in outputs)),
        )
        return self.body.apply(self.parts[part], x, part=part)

    def output(self, x: str, width: Expression, *, bias: bool = True) -> str:
        """Map `width` numbers of each position to the width of the stream by a part `output`."""
        return self.map("output", x, width, ("output", self.context.d_model), bias=bias)
