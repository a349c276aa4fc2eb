"""Lowers `documents:`: the positions of tokens in their documents."""

from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.documents import AtDocumentPositions, DocumentPositions
from compiler.ops.positions import OfPositions


def at_positions(
    body: Body,
    op: OfPositions,
    tokens: str,
    context: Context,
    *,
    part: str = "",
    name: str = "_",
    over_heads: bool = False,
) -> str:
    """Compute something of the positions of tokens: those in their documents, if they are apart.

    `over_heads` asks for a dimension of heads where texts differ in their positions.
    """
    if not context.apart:
        return body.apply(op, tokens, part=part, name=name)
    positions = document_positions(body, tokens, context)
    at = AtDocumentPositions(of=op, over_heads=over_heads)
    return body.apply(at, tokens, positions, part=part, name=name)


def document_positions(body: Body, tokens: str, context: Context) -> str:
    """Make the position of each token in its document."""
    own = body.at(context.origin("model.documents"))
    return own.apply(DocumentPositions(), tokens, name="document_position")
