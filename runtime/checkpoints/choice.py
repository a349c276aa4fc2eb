"""The checkpoints that a run's weights are taken from: one of them, or the mean of the last."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from compiler.spec.training import Evaluation
from runtime.checkpoints.checkpoint import Checkpoint, RefusedCheckpoint, best_step
from runtime.checkpoints.listing import list_checkpoints, regular_checkpoints
from runtime.errors import UserError

BEST, LAST = "best", "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`checkpoint` is `last`, `best` or the number of an update; `average` counts the last ones."""

    checkpoint: str
    average: int

    @classmethod
    def of(cls, evaluation: Evaluation, checkpoint: str | None, average: int | None) -> "Choice":
        """The choice of the command line; the spec decides where an argument is None.

        Raises a UserError for a word that names no checkpoint, and for a mean of a single one.
        """
        wanted = (evaluation.checkpoint if checkpoint is None else checkpoint).lower()
        if wanted not in (BEST, LAST) and not (wanted.isascii() and wanted.isdecimal()):
            raise UserError(
                f"`{wanted}`: there is no checkpoint of that name"
                if wanted
                else "the name of the checkpoint is empty",
                help="give `best`, `last`, or the number of an update that has one",
            )
        if wanted != LAST and average is not None and average > 1:
            raise UserError(
                f"the mean of {average} checkpoints is taken of the last ones, and "
                f"`checkpoint` is {wanted}",
                help="leave --average out, or add --checkpoint last",
            )
        return cls(checkpoint=wanted, average=average or evaluation.average_last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The origin of the weights that are used: a choice, and the updates that it led to."""

    checkpoint: str
    updates: tuple[int, ...]

    def record(self) -> dict[str, object]:
        """A JSON object for the files that are kept beside results."""
        return {
            "checkpoint": self.checkpoint,
            "averaged_checkpoints": len(self.updates),
            "updates": self.updates,
        }

    def __str__(self) -> str:
        first, last, count = self.updates[0], self.updates[-1], len(self.updates)
        if count > 1:
            return f"the mean of the last {count} checkpoints, of updates {first:,} to {last:,}"
        if self.checkpoint in (BEST, LAST):
            return f"the {self.checkpoint} checkpoint, of update {last:,}"
        return f"the checkpoint of update {last:,}"


def chosen_checkpoints(parent: Path, choice: Choice, *, kept: int) -> list[Checkpoint]:
    """The checkpoints of a choice; empty where there is none yet.

    They are fewer than `average` where fewer are there, and at most `kept`: an older one may have
    stayed since it is the best. Raises a UserError where the best or the named one is missing.
    """
    regular = regular_checkpoints(parent)
    if choice.checkpoint == LAST:
        return regular[-min(choice.average, kept) :]
    if choice.checkpoint == BEST:
        step = _best_step(parent, regular)
        return [each for each in regular if each.step == step] or _refused(parent, BEST, step)
    named = [each for each in list_checkpoints(parent) if each.step == int(choice.checkpoint)]
    return named[-1:] or _refused(parent, "", int(choice.checkpoint))


def _best_step(parent: Path, regular: list[Checkpoint]) -> int | None:
    """The update of the best checkpoint by the newest record; a single checkpoint is the best."""
    if not regular:
        return None
    recorded = best_step(list_checkpoints(parent)[-1])
    return regular[0].step if recorded is None and len(regular) == 1 else recorded


def _refused(parent: Path, which: str, step: int | None) -> list[Checkpoint]:
    there = [f"{each.step}" for each in list_checkpoints(parent)]
    if which and not there:
        return []
    if which and step is None:
        message = f"no checkpoint in {parent} is known as the best: its metric was not measured"
    else:
        which = f"{which} checkpoint, of update" if which else "checkpoint of update"
        message = f"{parent} has no {which} {step}"
    raise UserError(
        message, help=f"choose `last`, or one of the updates {', '.join(there) or '(none)'}"
    )


@contextmanager
def naming_others(
    parent: Path, checkpoint: Checkpoint, check: Callable[[Checkpoint], None]
) -> Iterator[None]:
    """Within this context a refusal of a checkpoint names those that may be taken instead.

    They are those that `check` does not refuse, too.
    """
    try:
        yield
    except RefusedCheckpoint as reason:
        others = [each for each in list_checkpoints(parent) if each.step != checkpoint.step]
        good = [f"{each.step}" for each in others if _is_good(each, check)]
        instead = f"choose another by `--checkpoint UPDATE`: {', '.join(good)}" if good else ""
        if others and not good:
            instead = "bring a good copy back: no other checkpoint of the run can be used either"
        help = "; or ".join(each for each in (reason.help, instead) if each)
        raise RefusedCheckpoint(str(reason), help=help) from reason


def _is_good(checkpoint: Checkpoint, check: Callable[[Checkpoint], None]) -> bool:
    try:
        check(checkpoint)
    except RefusedCheckpoint:
        return False
    return True


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights in some `model.safetensors`, added up in float64.

    Goes through the files tensor by tensor, so that it needs the room of one model only.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, framework="pt")) for path in paths]
        names = files[0].keys()
        return {name: _mean([file.get_tensor(name) for file in files]) for name in names}


def _mean(tensors: list[Tensor]) -> Tensor:
    return torch.stack(tensors).double().mean(dim=0).to(tensors[0].dtype)
