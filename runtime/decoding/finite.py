"""Numbers of a network that has overflowed: no search or draw can go on with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor

from runtime.errors import DivergenceError


class NotFinite(Exception):
    """Raised where a score is not finite; `row` is that of a text within its batch."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def check_finite(is_finite: Tensor) -> None:
    """is_finite [batch, ...]; raises NotFinite for the first text that has anything else."""
    if not is_finite.all():
        row = is_finite.flatten(1).all(1).logical_not().nonzero()[0, 0]
        raise NotFinite(int(row))


def check_logits(logits: Tensor) -> None:
    """logits [batch, choices]; raises NotFinite for a row with a NaN or without a choice."""
    check_finite(logits.amax(-1, keepdim=True).isfinite())


@contextmanager
def located(lines: Sequence[int]) -> Iterator[None]:
    """Turns NotFinite into an error that names the line of a batch's text."""
    try:
        yield
    except NotFinite as error:
        raise not_finite(f"line {lines[error.row]}") from None


def not_finite(place: str) -> DivergenceError:
    """The error for a text at this place."""
    return DivergenceError(
        f"{place}: the network's output is not finite: its weights are too large, or damaged",
        help="take an earlier checkpoint (--checkpoint UPDATE); import weights again that were "
        "imported; or train with a lower training.schedule.peak or with training.clip_norm",
    )
