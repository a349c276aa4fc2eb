"""Errors for a network whose outputs are not finite: no search or draw can go on with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from runtime.errors import DivergenceError, beyond_table


class NotFinite(Exception):
    """Raised where a score is not finite; `row` is that of a text within its batch."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def check_finite(is_finite: Tensor) -> None:
    """Raises NotFinite for the first text for which is_finite [batch, ...] is not all True."""
    if not is_finite.all():
        row = is_finite.flatten(1).all(1).logical_not().nonzero()[0, 0]
        raise NotFinite(int(row))


def check_logits(logits: Tensor) -> None:
    """Raises NotFinite for a row of logits [batch, choices] with a NaN or without a choice."""
    check_finite(logits.amax(-1, keepdim=True).isfinite())


@contextmanager
def located(lines: Sequence[int]) -> Iterator[None]:
    """Turns NotFinite, and a position that no table has, into an error that names the line.

    Of a batch of several texts, the latter names the first and the last line.
    """
    try:
        yield
    except NotFinite as error:
        raise not_finite(f"line {lines[error.row]}") from None
    except ValueError as error:
        first, last = min(lines), max(lines)
        place = f"line {first}: " if first == last else f"one of lines {first} to {last}: "
        if found := beyond_table(error, place):
            raise found from None
        raise


def not_finite(place: str) -> DivergenceError:
    """The error for a text at this place."""
    return DivergenceError(
        f"{place}: the network's output is not finite: its weights are too large, or damaged",
        help="take an earlier checkpoint (--checkpoint UPDATE); import weights again that were "
        "imported; or train with a lower training.schedule.peak or with training.clip_norm",
    )
