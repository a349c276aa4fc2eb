"""The table of an ablation as data, before it is text, Markdown, LaTeX, CSV or HTML."""

import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.columns import Measure, Setting, measured_columns, setting_columns
from runtime.ablation.consistency import Tree, find_setting, read_settings, say_setting
from runtime.ablation.record import Queued
from runtime.ablation.significance import Significance, compare_with_base

LONGEST_STATE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The results of a row's seeds in one column.

    `deviation` is that of the sample, over the seeds; None of a single one, and of what no seed
    changes. `difference` is the mean, over the seeds that both have, of what the row is above the
    base; None of the base itself, and of columns that are not compared. `significant` says that
    the paired bootstrap tells every seed's score from the base's.
    """

    mean: float
    deviation: float | None = None
    difference: float | None = None
    significant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the table.

    `settings` and `values` have a cell for each column, blank or None where it is the base's or
    there is nothing; `state` says in a word why a row has no results at all, `remark` in full what
    has become of seeds that have none.
    """

    row: str
    group: str
    is_base: bool
    settings: tuple[str, ...]
    values: tuple[Value | None, ...]
    state: str
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results of an ablation: the base first, groups in the order of the file."""

    title: str
    base: str
    seeds: tuple[int, ...]
    settings: tuple[Setting, ...]
    measures: tuple[Measure, ...]
    lines: tuple[Line, ...]
    significance: Significance
    signatures: dict[str, str]
    """Of the scores among the columns, by column."""


def make_results(ablation: Ablation) -> Results:
    """Raises a UserError if a column was asked for that there is none of."""
    settings = setting_columns(ablation)
    measures = tuple(
        measure.fitting([n for row in ablation.rows for n in numbers_of(row, measure).values()])
        for measure in measured_columns(ablation.queue.columns)
    )
    significance = compare_with_base(ablation, [each.key for each in measures])
    trees = {row.name: read_settings(row.first) for row in ablation.rows}
    return Results(
        title=ablation.queue.ablation,
        base=ablation.queue.base,
        seeds=tuple(ablation.seeds),
        settings=settings,
        measures=measures,
        lines=tuple(
            Line(
                row=row.name,
                group=row.group,
                is_base=row is ablation.base,
                settings=setting_cells(row, ablation, settings, trees),
                values=tuple(
                    make_value(row, ablation.base, measure, significance) for measure in measures
                ),
                state=say_state(row),
                remark=say_remark(row),
            )
            for row in ablation.rows
        ),
        significance=significance,
        signatures=find_signatures(ablation.finished, measures),
    )


def setting_cells(
    row: Row, ablation: Ablation, settings: Iterable[Setting], trees: dict[str, Tree]
) -> tuple[str, ...]:
    base = ablation.base
    if row is base:
        varied, tree = ablation.queue.varied, trees[base.name]
        keys = [setting.keys[0] for setting in settings]
        return tuple(varied[key] or say_setting(tree, key) for key in keys)
    return tuple(
        changed_setting(row, setting.keys[0], trees[row.name], trees[base.name])
        for setting in settings
    )


def changed_setting(row: Row, key: str, own: Tree, base: Tree) -> str:
    """Return what the row sets, or what follows from it: `d_k` from the number of heads."""
    if key in row.settings:
        return row.settings[key]
    value = find_setting(own, key)
    return "" if value is None or value == find_setting(base, key) else value


def make_value(row: Row, base: Row, measure: Measure, significance: Significance) -> Value | None:
    numbers, others = numbers_of(row, measure), numbers_of(base, measure)
    is_repetition = measure.repeated and set(numbers.values()) == set(others.values())
    if not numbers or (is_repetition and row is not base):
        return None
    is_compared = measure.compared and row is not base
    return Value(
        mean=statistics.fmean(numbers.values()),
        deviation=deviation_of(numbers.values()),
        difference=difference_to(numbers, others) if is_compared else None,
        significant=significance.tells_apart(measure.key, row.name),
    )


def numbers_of(row: Row, measure: Measure) -> dict[int, float]:
    """Return the numbers by seed, of the runs that have one."""
    numbers = ((each.queued.seed, number_of(each, measure)) for each in row.outcomes)
    return {seed: number for seed, number in numbers if number is not None}


def number_of(outcome: Outcome, measure: Measure) -> float | None:
    """Sizes are known of all runs, scores of those that have finished."""
    if measure.is_size:
        return size_of(outcome.queued, measure)
    return None if outcome.result is None else outcome.result.scores.get(measure.key)


def size_of(queued: Queued, measure: Measure) -> float:
    return float(queued.parameters if measure.key == "params" else queued.flops)


def deviation_of(numbers: Collection[float]) -> float | None:
    return statistics.stdev(numbers) if len(set(numbers)) > 1 else None


def difference_to(own: dict[int, float], base: dict[int, float]) -> float | None:
    shared = own.keys() & base.keys()
    return statistics.fmean(own[seed] - base[seed] for seed in shared) if shared else None


def say_state(row: Row) -> str:
    """In a word, each kind of end once."""
    if row.finished:
        return ""
    return ", ".join(dict.fromkeys(say_end(outcome) for outcome in row.outcomes))


def say_end(outcome: Outcome) -> str:
    """Return `diverged` or `failed` for what is too long for a cell; a remark has it in full."""
    if outcome.failure is not None and outcome.failure.has_diverged:
        return "diverged"
    return outcome.state if len(outcome.state) <= LONGEST_STATE else "failed"


def say_remark(row: Row) -> str:
    """Return what a cell does not say: which seeds are missing, and why."""
    if all(outcome.state == "not run" for outcome in row.outcomes) or not row.unfinished:
        return ""
    seeds = defaultdict(list)
    for outcome in row.unfinished:
        seeds[outcome.state].append(outcome.queued.seed)
    missing = "; ".join(f"{say_seeds(each)}: {state}" for state, each in seeds.items())
    return f"{len(row.finished)} of {len(row.outcomes)} runs have a result; {missing}"


def say_seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def find_signatures(finished: Iterable[Outcome], measures: Iterable[Measure]) -> dict[str, str]:
    """Return signatures, which are the same for all runs: `refuse_mixture` sees to it."""
    found = {
        key: signature
        for outcome in finished
        if outcome.result is not None
        for key, signature in outcome.result.signatures.items()
    }
    return {each.key: found[each.key] for each in measures if each.key in found}
