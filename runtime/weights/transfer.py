"""A run that begins with the weights of another: a new network, with what fits into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from compiler.spec.base import Section
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.spec.tokenizer import settings_of_tokens
from compiler.weights.transfer import Move, Region, Transfer
from runtime.checkpoints.choice import Weights
from runtime.data.prepare import Prepared
from runtime.errors import UserError
from runtime.package import Package
from runtime.run import Beginning, Run
from runtime.run_record import TRANSFERRED
from runtime.weights.files import Tensors
from runtime.weights.run import write_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """The run that weights come from, and the checkpoints whose mean is taken."""

    run: Run
    weights: Weights

    @classmethod
    def of(cls, run: Run) -> "Giver":
        """Returns the giver with the weights that `translate` would use."""
        return cls(run=run, weights=run.used())

    def origin(self, transfer: Transfer) -> dict[str, object]:
        """Returns what `run.json` of the new run says of its beginning."""
        about = {
            "run": str(self.run.folder),
            **self.weights.record(),
            "parameters": transfer.taken,
            "new": [each.name for each in transfer.new],
        }
        return {TRANSFERRED: about}


def check_vocabulary(giver: Run, spec: Spec) -> None:
    """Raise a UserError unless the tokens of the run can be those of a model of the spec."""
    own = giver.package.spec
    settings = (
        ("model.vocabulary", own.model.vocabulary, spec.model.vocabulary),
        ("data.tokenizer", own.data.tokenizer, spec.data.tokenizer),
    )
    for name, old, new in settings:
        if settings_of_tokens(old) != settings_of_tokens(new):
            raise UserError(
                f"{giver.folder} has {name} {_words(old)}, and {spec.name} has {_words(new)}",
                help="the new run takes the tokenizers of the old one, since its embeddings are of "
                f"their tokens: give the spec the same {name}",
            )
    if TASKS[spec.task].symbols > TASKS[own.task].symbols:
        raise UserError(
            f"{spec.name} is a {spec.task}, and {giver.folder} has no token for what is masked",
            help=f"begin with a run of a {spec.task}",
        )


def _words(settings: Section) -> str:
    """`{size: 8000}`: the settings that are not as they are by default."""
    named = settings.model_dump(exclude_defaults=True, mode="json")
    return "{" + ", ".join(f"{key}: {value}" for key, value in named.items()) + "}"


def transferred_weights(package: Package, giver: Giver, transfer: Transfer) -> Tensors:
    """Returns the weights of a new network of the package, with what fits of the run's in them."""
    old = dict(giver.run.load_model().state_dict())
    torch.manual_seed(package.spec.training.seed)
    new = dict(package.model_class().state_dict())
    return moved(new, old, transfer.moves)


def moved(new: Tensors, old: Tensors, moves: Sequence[Move]) -> Tensors:
    """The new weights with those of the old ones that go there."""
    weights = {name: tensor.clone() for name, tensor in new.items()}
    for move in moves:
        _rows(weights, move.target).copy_(_rows(old, move.source))
    return weights


def _rows(tensors: Tensors, region: Region) -> Tensor:
    return tensors[region.tensor][region.start : region.stop]


def create_run(
    folder: Path,
    package: Package,
    prepared: Prepared,
    weights: Tensors,
    origin: dict[str, object],
) -> Run:
    """A run that stands before its first update, with these weights."""

    def write(place: Path) -> None:
        # Interim: it is none of those whose mean is taken later.
        write_first(place, package, weights, is_interim=True)

    beginning = Beginning(origin=origin, write_checkpoint=write)
    return Run.create(folder, package, prepared, beginning)
