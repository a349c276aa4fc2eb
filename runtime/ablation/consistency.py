"""Consistency of an ablation: what may not stand in one table is refused, with the reason.

Runs with another data, protocol or code may not, nor results of another spec than was queued. Code
here is what computed a result, torch and specformer for instance: in the generated code the rows of
an ablation differ on purpose.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from compiler.diff.settings import differences, values_of
from compiler.spec.lock import LOCK, load_lock, read_lock
from compiler.spec.spec import Spec
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.record import PACKAGE, RUN, Locked
from runtime.data.prepare import file_digests
from runtime.errors import UserError
from runtime.package import read_package


def data_hash(spec: Spec) -> str:
    """The hash of `data:` and of the bytes of its files, wherever they lie.

    Raises a UserError if one cannot be read.
    """
    files = file_digests(spec).items()
    digests = {part: [digest for _, digest in of_part] for part, of_part in files}
    return _hash({"settings": spec.data.without_places(), "files": digests})


def lock(spec: Spec, files: Mapping[str, bytes], data: str) -> Locked:
    """Return the hashes of a package's spec and files; `data` is the hash of its data.

    The code is all but the lock, so that the runs of a row with several seeds have the same.
    """
    code = {name: _digest(content) for name, content in files.items() if name != LOCK}
    return Locked(
        spec=_digest(files[LOCK]),
        code=_hash(code),
        data=data,
        protocol=_hash({"task": spec.task, "evaluation": spec.evaluation.model_dump()}),
    )


def _hash(content: object) -> str:
    return _digest(json.dumps(content, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_spec(outcome: Outcome) -> Spec | None:
    """Return the complete spec that was queued for a run; None if its lock is gone."""
    path = outcome.folder / PACKAGE / LOCK
    return read_lock(path) if path.is_file() else None


PARTS = ("spec", "code", "protocol")


def refuse_strangers(ablation: Ablation) -> None:
    """Raise a UserError if a result is of another spec or code than was queued for its row."""
    strangers = [line for outcome in ablation.finished for line in strange_parts(outcome)]
    if strangers:
        raise UserError(
            "\n  ".join(
                (f"{ablation.folder} holds results that do not belong to their rows", *strangers)
            ),
            help="move the folders of these rows away and start again: they will run anew",
        )


def strange_parts(outcome: Outcome) -> Iterator[str]:
    """Return parts of the row's package, and of that in its run, that are not as locked."""
    locked = outcome.queued.locked
    for place in (PACKAGE, f"{RUN}/{PACKAGE}"):
        folder = outcome.folder / place
        if not (folder / LOCK).is_file():
            yield f"{outcome.queued.name}: {place}/{LOCK} is missing"
            continue
        files = read_package(folder)
        found = lock(load_lock(folder / LOCK, files[LOCK]).spec, files, locked.data)
        different = [part for part in PARTS if getattr(found, part) != getattr(locked, part)]
        if different:
            yield f"{outcome.queued.name}: {' and '.join(different)} of {place}/"


SECTIONS = {"data": ("data",), "protocol": ("task", "evaluation")}
"""The sections of a spec that hashes stand for."""
SHOWN = 5
"""Names in a message; of the others, the number is said."""


def refuse_mixture(ablation: Ablation) -> None:
    """Raise a UserError that says which runs differ from the others, and in what."""
    locks = {outcome: lock_facts(outcome) for outcome in ablation.outcomes}
    results = {outcome: result_facts(outcome) for outcome in ablation.finished}
    differences = [
        *different_facts(locks),
        *different_facts(results),
        *(line for row in ablation.rows for line in different_seeds(row)),
    ]
    if differences:
        raise UserError(
            "\n  ".join(
                (f"{ablation.folder} holds runs that may not stand in one table", *differences)
            ),
            help="run the rows that differ again, all with the same data, protocol and versions: "
            "move their folders away first",
        )


def lock_facts(outcome: Outcome) -> dict[str, str]:
    locked = outcome.queued.locked
    return {"data": locked.data, "protocol": locked.protocol}


def result_facts(outcome: Outcome) -> dict[str, str]:
    assert outcome.result is not None
    signatures = {f"signature of {key}": each for key, each in outcome.result.signatures.items()}
    return outcome.result.versions | signatures


def different_seeds(row: Row) -> list[str]:
    """Return how seeds differ that were queued before and after an edit of the row's spec."""
    facts = {outcome: row_facts(outcome) for outcome in row.outcomes}
    return different_facts(facts)


def row_facts(outcome: Outcome) -> dict[str, str]:
    """Return what the seeds of a row have in common: the code, and all settings but the seed."""
    spec = read_spec(outcome)
    settings = values_of(spec) if spec else {}
    settings.pop("training.seed", None)
    return {f"code of {outcome.queued.row}": outcome.queued.locked.code} | settings


def different_facts(facts: dict[Outcome, dict[str, str]]) -> list[str]:
    """One line for each fact on which the runs do not agree, and what is known of the reason."""
    names = dict.fromkeys(name for each in facts.values() for name in each)
    lines = []
    for name in names:
        groups = group_by({outcome: each.get(name, "none") for outcome, each in facts.items()})
        if len(groups) > 1:
            lines.append(say_groups(name, groups))
            lines += say_settings(name, list(groups.values()))
    return lines


def group_by(values: dict[Outcome, str]) -> dict[str, list[Outcome]]:
    """Runs by what they have, those of which there are most first."""
    groups = defaultdict(list)
    for outcome, value in values.items():
        groups[value].append(outcome)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def say_groups(name: str, groups: dict[str, list[Outcome]]) -> str:
    is_hash = name in SECTIONS or name.startswith("code of ")
    parts = (
        f"{value[:8] if is_hash else value} in {say_runs(outcomes)}"
        for value, outcomes in groups.items()
    )
    return f"{name}: {'; '.join(parts)}"


def say_runs(outcomes: Iterable[Outcome]) -> str:
    names = [outcome.queued.name for outcome in outcomes]
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:SHOWN])} and {len(names) - SHOWN} more"


def say_settings(name: str, groups: list[list[Outcome]]) -> list[str]:
    """The settings that two kinds of locks differ in; if none does, it is the files they name."""
    if name not in SECTIONS:
        return []
    one, other = (read_spec(group[0]) for group in groups[:2])
    if one is None or other is None:
        return []
    lines = [
        f"  {key}: {values[0]} or {values[1]}"
        for key, values in differences(one, other).items()
        if key.partition(".")[0] in SECTIONS[name]
    ]
    return lines or ["  the settings agree: the files differ"]
