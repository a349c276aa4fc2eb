"""The choice of a setting by each row: the value whose short run has the best score."""

from collections.abc import Sequence
from pathlib import Path

from compiler.ablation.columns import MEASURES
from compiler.ablation.expand import Tuned
from compiler.ablation.settings import text_of_node
from compiler.ablation.tuning import Choices
from compiler.source.node import to_python
from runtime.ablation.collect import Outcome, read_ablation
from runtime.ablation.record import FAILURE, ROWS, Failure, Queue, read_record
from runtime.errors import UserError


def unfinished_runs(folder: Path, queue: Queue) -> list[Path]:
    """Return the folders of the short runs that may still have a result.

    One that has diverged would do so again, and another value is chosen.
    """
    folders = [folder / ROWS / each.name for each in queue.queued]
    return [each for each in folders if not _has_diverged(each)]


def _has_diverged(folder: Path) -> bool:
    path = folder / FAILURE
    return path.is_file() and read_record(path, Failure).has_diverged


def choices_of(folder: Path, tuned: Tuned) -> Choices:
    """Return the number of the best value of each row; of equally good ones that of the first.

    Raises a UserError if a short run has failed otherwise than by diverging, or if all those of a
    row have diverged.
    """
    outcomes = {each.queued.row: each for each in read_ablation(folder).outcomes}
    by_row = {
        row: [outcomes[tuned.tuning.name(row, value)] for value in values]
        for row, values in tuned.values.items()
    }
    return {row: _best(row, runs, tuned) for row, runs in by_row.items()}


def _best(row: str, runs: Sequence[Outcome], tuned: Tuned) -> int:
    """Return the number of the run with the best score."""
    for run in runs:
        if run.result is None and not (run.failure and run.failure.has_diverged):
            raise UserError(
                f"row {row} cannot choose {tuned.tuning.key}: its run {run.queued.name} has no "
                f"result: {run.state}",
                help="start the same command again: it runs what is missing",
            )
    sign = 1 if MEASURES[tuned.tuning.by].is_better_low else -1
    found = [
        (sign * run.result.scores[tuned.tuning.by], number)
        for number, run in enumerate(runs)
        if run.result is not None
    ]
    if not found:
        raise UserError(
            f"row {row} cannot choose {tuned.tuning.key}: all of its runs have diverged",
            help=f"give it other values: `tune: [...]` in the row, or `values:` in `tune:`; then "
            f"remove the folder {runs[0].folder.parents[1]}",
        )
    return min(found)[1]


def say_choices(tuned: Tuned, choices: Choices) -> str:
    """Return the note that tells below a table what each row has chosen, and from what."""
    chosen = "; ".join(
        f"{row} {text_of_node(values[choices[row]])} of {', '.join(map(text_of_node, values))}"
        for row, values in tuned.values.items()
    )
    score = MEASURES[tuned.tuning.by].name
    return (
        f"Each row chose {tuned.tuning.key} by the {score} of short runs, one for each value "
        f"(tuning/table.txt): {chosen}.{_at_an_end(tuned, choices)}"
    )


def _at_an_end(tuned: Tuned, choices: Choices) -> str:
    """Return a note of the rows that have chosen their least or their largest number."""
    rows = []
    for row, values in tuned.values.items():
        found = [to_python(each) for each in values]
        are_flags = any(isinstance(each, bool) for each in found)
        numbers = [each for each in found if isinstance(each, int | float) and not are_flags]
        if len(numbers) == len(found) and numbers[choices[row]] in (min(numbers), max(numbers)):
            rows.append(row)
    if not rows:
        return ""
    return f" Beyond the ends of their values may be better ones: {', '.join(rows)}."
