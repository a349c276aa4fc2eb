"""Mistakes of a map that matter only where it is run backwards, in an export."""

from compiler.source.diagnostic import Rejected, mistake, quoted
from compiler.weights.expression import Arithmetic
from compiler.weights.map import Also

NOT_EXPORTABLE = "not-exportable"
"""The code of what an export cannot write: settings of specs, and lines of maps."""


def not_backwards(expression: Arithmetic) -> Rejected:
    """Return the refusal of an expression whose result does not tell its operands."""
    message = "a product or quotient of two tensors of theirs cannot be run backwards"
    return Rejected([mistake(expression.span, NOT_EXPORTABLE, message)])


def no_copy(line: Also, name: str) -> Rejected:
    """Return the refusal of a copy for the tensor `name` of something that is not written so."""
    message = f"nothing of the shape of {quoted(name)} is written to {quoted(str(line.value))}"
    return Rejected([mistake(line.span, NOT_EXPORTABLE, message)])
