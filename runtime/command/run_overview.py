"""The runs below some folders, and what the files of each tell; nothing of it needs PyTorch."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from compiler.diff.hybrid import hybrids_of
from compiler.diff.settings_diff import changes
from compiler.source.write import flow
from compiler.spec.kinds_of_files import RUN_RECORD
from compiler.spec.load import Loaded
from compiler.spec.spec import Spec
from runtime.checkpoints.progress import Progress, ending
from runtime.command.specs import spec_of_run
from runtime.errors import UserError
from runtime.system.checksummed import read_sealed_file
from runtime.system.file_lock import is_held
from runtime.training.metrics import scan_figures

PLACES = ("data.folder",)
"""Settings of which a difference between two runs says nothing about the models."""

State = Literal["training", "finished", "stopped", "imported", "empty", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score of a run on one of its texts, by the measure that the spec's author looks at."""

    split: str
    measure: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDifference:
    """A setting with its value in the first run listed and in another, as a spec writes it."""

    setting: str
    first: str
    here: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    """A run in a few figures.

    `steps` is the number of updates that the spec asks for, None where it counts epochs or cannot
    be read. `best` is the best validation in the spec's metric. `scores` are what `evaluate` has
    written. `differences` are the settings that differ from those of the first run listed.
    `problem` says why a run is damaged.
    """

    folder: str
    task: str = ""
    state: State
    updates: int = 0
    steps: int | None = None
    best: Score | None = None
    scores: tuple[Score, ...] = ()
    differences: tuple[SettingDifference, ...] = ()
    problem: str = ""


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of all runs in or below the given ones, sorted by path within each.

    A folder inside a run is never searched. Raises a UserError for a folder that is not there.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}",
                help="runs are in `runs` unless `--out` of `train` named another place",
            )
        found |= dict.fromkeys(_runs_below(folder))
    return list(found)


def _runs_below(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        below.sort()
        if RUN_RECORD in files:
            below.clear()
            yield Path(place)


def overviews(folders: Sequence[Path]) -> list[RunOverview]:
    """Return an overview of each run; differences are those to the first whose spec is readable."""
    specs = {folder: spec_of_run(folder) for folder in folders}
    readable = [each for each in specs.values() if isinstance(each, Loaded)]
    return [_overview(folder, spec, readable[:1]) for folder, spec in specs.items()]


def _overview(folder: Path, spec: Loaded | str, first: Sequence[Loaded]) -> RunOverview:
    if isinstance(spec, str):
        return RunOverview(folder=str(folder), state="damaged", problem=spec)
    try:
        record = read_sealed_file(folder / RUN_RECORD)
    except UserError as error:
        return RunOverview(folder=str(folder), state="damaged", problem=str(error))
    found = RunOverview(
        folder=str(folder),
        task=spec.spec.task,
        state="imported" if "prepared" not in record else "empty",
        steps=spec.spec.training.steps,
        scores=tuple(_scores(folder)),
        differences=() if spec is first[0] else tuple(_differences(first[0], spec)),
    )
    figures = [each for _, each in scan_figures(folder) if each is not None]
    return _trained(found, folder, spec.spec, figures) if figures else found


def _trained(
    found: RunOverview, folder: Path, spec: Spec, figures: Sequence[Mapping[str, Any]]
) -> RunOverview:
    """Return the overview with what the lines of the metrics say."""
    validations = [each for each in figures if each["kind"] == "valid"]
    since = 0
    for each in validations:
        since = 0 if each.get("is_best") else since + 1
    updates = figures[-1]["step"]
    progress = Progress(
        step=updates,
        looked=validations[-1]["step"] if validations else 0,
        looks_without_better=since,
        seconds_of_updates=0.0 if spec.training.minutes is None else _seconds_of_updates(folder),
    )
    is_known = spec.training.steps is not None or spec.training.minutes is not None
    is_over = is_known and ending(progress, spec.training) is not None
    state: State = "training" if is_held(folder) else "finished" if is_over else "stopped"
    return replace(found, updates=updates, state=state, best=_best(spec, validations))


def _seconds_of_updates(folder: Path) -> float:
    """Return the time that updates have taken, as the checkpoints say."""
    spent = [0.0]
    for path in (folder / "checkpoints").glob("*/trainer.json"):
        try:
            state = json.loads(path.read_bytes())["state"]
            spent.append(float(state["seconds_of_updates"]))
        except (OSError, ValueError, KeyError, TypeError):  # such a checkpoint is no good
            continue
    return max(spent)


def _best(spec: Spec, validations: Sequence[Mapping[str, Any]]) -> Score | None:
    metric = spec.training.validation.metric
    values = [each[metric] for each in validations if each.get("is_best") and metric in each]
    return Score(split="valid", measure=metric, value=values[-1]) if values else None


def _scores(folder: Path) -> Iterator[Score]:
    """Yield the headline of each evaluation, in the order of the names of texts."""
    for path in sorted(folder.glob("evaluation-*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            measure = report["headline"]
            value = report[measure]
            number = float(value["value"] if isinstance(value, dict) else value)
        except (OSError, ValueError, LookupError, TypeError):
            continue
        yield Score(split=report.get("split", path.stem), measure=measure, value=number)


def _differences(first: Loaded, other: Loaded) -> Iterator[SettingDifference]:
    for each in changes(first, other, hybrids_of(first, other), (True, True)):
        if each.setting not in PLACES:
            values = (_written(each.before), _written(each.after))
            yield SettingDifference(setting=each.setting, first=values[0], here=values[1])


def _written(value: object) -> str:
    return "absent" if value is None else flow(value)
