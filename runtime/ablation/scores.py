"""The scores of a run that is done: all columns that its task knows."""

from dataclasses import dataclass, field
from statistics import median

from compiler.spec.tasks import TASKS
from runtime.ablation.record import Result
from runtime.checkpoints.choice import BEST
from runtime.errors import UserError
from runtime.run import Run
from runtime.scoring.evaluate import evaluate_run
from runtime.scoring.likelihood import losses_of, split_examples
from runtime.scoring.measures import Split
from runtime.training.metrics import read_figures
from runtime.training.train import Summary
from runtime.training.validation import perplexity

SPLITS: tuple[Split, ...] = ("valid", "test")
"""The texts that the columns of a table are scores of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Scores by column, and how those that have a signature were computed."""

    scores: dict[str, float]
    signatures: dict[str, str] = field(default_factory=dict)


def result_of(run: Run, summary: Summary, device: str | None) -> Result:
    """Scores the run on both splits by its spec's protocol."""
    require_checkpoints(run)
    parts = [_of_training(run, summary)]
    for split in (each for each in SPLITS if each in run.package.spec.data.corpora):
        parts += [_of_losses(run, split, device), _of_task(run, split, device)]
    return Result(
        scores={name: value for part in parts for name, value in part.scores.items()},
        signatures={name: text for part in parts for name, text in part.signatures.items()},
        versions=run.versions,
    )


def require_checkpoints(run: Run) -> None:
    """Raises a UserError unless all are there whose weights are averaged."""
    used = {each.step for each in run.averaged(None)}  # raises a UserError without the best one
    evaluation = run.package.spec.evaluation
    if evaluation.checkpoint == BEST:
        return
    looks = sorted({each["step"] for each in read_figures(run.folder, "valid")})
    wanted = looks[-evaluation.average_last :]
    missing = set(wanted) - used
    if missing:
        raise UserError(
            f"{run.checkpoints} has {len(wanted) - len(missing)} of the {len(wanted)} checkpoints "
            "that are averaged",
            help=f"bring them back; or remove {run.folder}, and the row is trained anew",
        )


def _of_training(run: Run, summary: Summary) -> Scored:
    lines = list(read_figures(run.folder, "train"))
    return Scored(
        scores={
            "train_steps": summary.step,
            "train_loss": lines[-1]["loss"],
            "tokens_per_second": median(each["tokens_per_second"] for each in lines),
            "minutes": summary.seconds / 60,
        }
    )


def _of_losses(run: Run, split: Split, device: str | None) -> Scored:
    with split_examples(run, split) as examples:
        losses = losses_of(run, split, examples, None, device)
    return Scored(
        scores={
            f"{split}_loss": losses.nll,
            f"{split}_ppl": perplexity(losses.nll),
            f"{split}_accuracy": losses.accuracy,
        }
    )


def _of_task(run: Run, split: Split, device: str | None) -> Scored:
    """Returns the scores beside the losses; translations and labels stay in the run."""
    own = TASKS[run.package.spec.task].scores_beside_losses
    if not own:
        return Scored(scores={})
    evaluated = evaluate_run(run, split, device=device)
    evaluated.write(run.folder)
    found = {f"{split}_{each.name}": each for each in evaluated.measures if each.name in own}
    return Scored(
        scores={name: each.value for name, each in found.items()},
        signatures={name: each.protocol for name, each in found.items()},
    )
