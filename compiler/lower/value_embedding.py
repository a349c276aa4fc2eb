"""Lowers `value_embedding:`: values of attention beside those of a table of tokens."""

from dataclasses import dataclass

from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.expression import Hyperparameter, product
from compiler.ops.heads import SplitHeads
from compiler.ops.masking import Tokens
from compiler.ops.op import Op
from compiler.ops.shape import Free
from compiler.ops.value_embedding import AddEmbeddedValue, ValueEmbed


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValues:
    """The values of the tokens of a stream, for `heads` heads of `width`.

    All layers of the stack read one table, which `hoist` makes a part of the model.
    """

    stream: Free
    heads: Hyperparameter
    width: Hyperparameter
    context: Context

    @property
    def part(self) -> str:
        """The attribute that holds the table."""
        is_alone = len(self.context.widths) == 1
        return "value_embedding" if is_alone else f"{self.stream.name}_value_embedding"

    @property
    def table(self) -> ValueEmbed:
        return ValueEmbed(
            rows=self.context.rows,
            width=product(self.heads, self.width),
            initial=self.context.initials.embedding,
        )

    def parts(self) -> tuple[tuple[str, Op], ...]:
        """Return the table, and the factors of a layer."""
        return ((self.part, self.table), ("value_factors", AddEmbeddedValue()))

    def add(self, body: Body, value: str) -> str:
        """Return the sum of values [batch, heads, position, width] and those of the table."""
        found = body.apply(self.table, body.apply(Tokens(stream=self.stream)), part=self.part)
        split = SplitHeads(heads=self.heads, widths=(self.width,))
        (embedded,) = body.unpack(split, found, names=(f"{self.stream.name}_values",))
        return body.apply(AddEmbeddedValue(), value, embedded, part="value_factors", name="value")
