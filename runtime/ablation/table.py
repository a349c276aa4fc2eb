"""The results of an ablation as numbers, before they are words: columns, rows, cells."""

import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from compiler.ablation.columns import MEASURES, Measure
from compiler.diff.settings import values_at
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.consistency import read_spec
from runtime.ablation.record import Queued
from runtime.ablation.significance import Significance, compare_with_base
from runtime.errors import UserError

SHORT_NAMES = {
    "model.encoder.layers": "N_enc",
    "model.decoder.layers": "N_dec",
    "model.d_model": "d_model",
    "model.feed_forward.d_ff": "d_ff",
    "model.attention.heads": "h",
    "model.attention.d_k": "d_k",
    "model.attention.d_v": "d_v",
    "model.dropout": "P_drop",
    "training.label_smoothing": "ε_ls",
    "model.embedding.position": "position",
}
"""As Table 3 of the paper (Vaswani et al. 2017) has them; its row E varies the position."""

LAYERS = ("model.encoder.layers", "model.decoder.layers")


def group_label(group: str) -> str:
    """Letters in brackets, as in the paper; words as they are."""
    return f"({group})" if len(group) == 1 else group


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A column of settings, under the keys that it stands for."""

    keys: tuple[str, ...]
    name: str


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
class Results:
    """The results of an ablation: the base first, groups in the order of the file.

    `cells` and `values` have, by the name of a row, a cell for each setting and for each measure:
    blank or None where it is the base's, or there is nothing.
    """

    title: str
    base: Row
    seeds: tuple[int, ...]
    settings: tuple[Setting, ...]
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    cells: dict[str, tuple[str, ...]]
    values: dict[str, tuple[Value | None, ...]]
    significance: Significance
    signatures: dict[str, str]
    """The sacreBLEU signatures of columns with scores, by column."""
    remarks: tuple[str, ...] = ()
    """What a reader should know of how the rows came about."""


def make_results(ablation: Ablation) -> Results:
    """Make the table. Raises a UserError if a column was asked for that does not exist."""
    rows, base, settings = ablation.rows, ablation.base, setting_columns(ablation)
    measures = tuple(
        measure.fitting([n for row in rows for n in numbers_of(row, measure).values()])
        for measure in measured_columns(ablation.queue.columns)
    )
    found = compare_with_base(ablation, [each.key for each in measures])
    return Results(
        title=ablation.queue.ablation,
        base=base,
        seeds=tuple(ablation.seeds),
        settings=settings,
        measures=measures,
        rows=rows,
        cells=setting_cells(ablation, [setting.keys[0] for setting in settings]),
        values={
            row.name: tuple(make_value(row, base, each, found) for each in measures) for row in rows
        },
        significance=found,
        signatures=find_signatures(ablation.finished, measures),
        remarks=ablation.queue.notes,
    )


def setting_cells(ablation: Ablation, keys: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the values of settings by the name of a row; those of the base in full."""
    rows, varied = ablation.rows, ablation.queue.varied
    values = {row.name: values_of_row(row, keys) for row in rows}
    base = values[ablation.base.name]
    cells = {row.name: changed_settings(row, keys, values[row.name], base) for row in rows}
    own = (varied[key] or ", ".join(each) or "–" for key, each in zip(keys, base, strict=True))
    return cells | {ablation.base.name: tuple(own)}


def values_of_row(row: Row, keys: list[str]) -> list[tuple[str, ...]]:
    """Return what each key comes to in the row's lock; nothing if the lock is gone."""
    spec = read_spec(row.first)
    return values_at(spec, keys) if spec else [()] * len(keys)


def changed_settings(
    row: Row, keys: list[str], own: list[tuple[str, ...]], base: list[tuple[str, ...]]
) -> tuple[str, ...]:
    """Return what the row sets, or what follows from it: `d_k` from the number of heads."""
    found = zip(keys, own, base, strict=True)
    follows = [
        (key, each[0] if len(each) == 1 and each != other else "") for key, each, other in found
    ]
    return tuple(row.settings.get(key, text) for key, text in follows)


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


def size_of(queued: Queued, measure: Measure) -> float | None:
    size = queued.parameters if measure.key == "params" else queued.flops
    return None if size is None else float(size)


def deviation_of(numbers: Collection[float]) -> float | None:
    return statistics.stdev(numbers) if len(set(numbers)) > 1 else None


def difference_to(own: dict[int, float], base: dict[int, float]) -> float | None:
    shared = own.keys() & base.keys()
    return statistics.fmean(own[seed] - base[seed] for seed in shared) if shared else None


def find_signatures(finished: Iterable[Outcome], measures: Iterable[Measure]) -> dict[str, str]:
    """Return signatures, which are the same for all runs: `refuse_mixture` sees to it."""
    found = {
        key: signature
        for outcome in finished
        if outcome.result is not None
        for key, signature in outcome.result.signatures.items()
    }
    return {each.key: found[each.key] for each in measures if each.key in found}


def setting_columns(ablation: Ablation) -> tuple[Setting, ...]:
    """In the paper's order where it has them, then as the file has them."""
    varied = list(ablation.queue.varied)
    joined = [LAYERS] if set(LAYERS) <= set(varied) and _agree(ablation.rows, LAYERS) else []
    keys = [*joined, *((key,) for key in varied if not joined or key not in LAYERS)]
    names = {each: "N" if each == LAYERS else _name(each[0], varied) for each in keys}
    order = ["N", *SHORT_NAMES.values()]
    return tuple(
        Setting(keys=each, name=names[each])
        for each in sorted(
            keys, key=lambda each: order.index(names[each]) if names[each] in order else len(order)
        )
    )


def _agree(rows: Iterable[Row], keys: tuple[str, ...]) -> bool:
    """Tell whether no row has different values of two settings."""
    return all(len({row.settings.get(key) for key in keys}) == 1 for row in rows)


def _name(key: str, varied: list[str]) -> str:
    return SHORT_NAMES.get(key) or _last_words(key, varied)


def _last_words(key: str, others: Iterable[str]) -> str:
    """The last word of a key with what it is of, and more where others end alike.

    `model.attention.bias` is `attention bias`, `training.steps` is `steps`.
    """
    words = key.split(".")
    ends = (words[-count:] for count in range(1 if len(words) < 3 else 2, len(words) + 1))
    taken = [other.split(".") for other in others if other != key]
    free = (end for end in ends if all(other[-len(end) :] != end for other in taken))
    return " ".join(next(free, words))


def measured_columns(asked: Iterable[str]) -> tuple[Measure, ...]:
    """Raise a UserError for a name that no measured column has."""
    unknown = [key for key in asked if key not in MEASURES]
    if unknown:
        help = f"there are: {', '.join(MEASURES)}"
        raise UserError(f"there is no column {unknown[0]}", help=help)
    return tuple(MEASURES[key] for key in asked)
