"""The table for programs: comma-separated values, numbers at full precision."""

import csv
import io
from collections.abc import Iterable, Sequence

from runtime.ablation.collect import Ablation, Outcome
from runtime.ablation.columns import Measure
from runtime.ablation.table import Line, Table, Value


def table_csv(table: Table) -> str:
    """One line a row: mean, deviation and difference of each column, apart."""
    heads = [
        *("row", "group", "state"),
        *(setting.name for setting in table.settings),
        *(f"{measure.key}{end}" for measure in table.measures for end in ends_of(measure)),
    ]
    return write_csv(heads, (line_cells(table, line) for line in table.lines))


def ends_of(measure: Measure) -> tuple[str, ...]:
    """Of the names of a measure's columns."""
    own = ("", "_deviation")
    return (*own, "_difference", "_significant") if measure.compared else own


def line_cells(table: Table, line: Line) -> list[object]:
    state = line.state or ("partly" if line.remark else "finished")
    numbers = (
        cell
        for measure, value in zip(table.measures, line.values, strict=True)
        for cell in value_cells(measure, value)
    )
    return [line.row, line.group, state, *line.settings, *numbers]


def value_cells(measure: Measure, value: Value | None) -> tuple[object, ...]:
    count = len(ends_of(measure))
    if value is None:
        return ("",) * count
    significant = "yes" if value.significant else ""
    return (value.mean, value.deviation, value.difference, significant)[:count]


def runs_csv(ablation: Ablation, table: Table) -> str:
    """One line a run: its seed, its scores, p against the base, and what it was locked to."""
    scores = sorted({key for each in ablation.finished for key in scores_of(each)})
    tested = sorted({each.column for each in table.significance.compared})
    heads = [
        *("row", "group", "seed", "state", "parameters", "flops"),
        *ablation.queue.varied,
        *scores,
        *(f"{column}_p" for column in tested),
        *("spec", "code", "data", "protocol"),
    ]
    return write_csv(
        heads,
        (run_cells(each, ablation, table, scores, tested) for each in ablation.outcomes),
    )


def run_cells(
    outcome: Outcome, ablation: Ablation, table: Table, scores: Sequence[str], tested: Sequence[str]
) -> list[object]:
    queued, found = outcome.queued, scores_of(outcome)
    p = {
        each.column: each.p.get(queued.row)
        for each in table.significance.compared
        if each.seed == queued.seed
    }
    return [
        *(queued.row, queued.group, queued.seed, outcome.state, queued.parameters, queued.flops),
        *(queued.settings.get(key, "") for key in ablation.queue.varied),
        *(found.get(key, "") for key in scores),
        *(p.get(column, "") for column in tested),
        *(queued.locked.spec, queued.locked.code, queued.locked.data, queued.locked.protocol),
    ]


def scores_of(outcome: Outcome) -> dict[str, float]:
    return {} if outcome.result is None else outcome.result.scores


def write_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return file.getvalue()
