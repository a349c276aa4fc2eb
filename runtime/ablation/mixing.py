"""What may not stand in one table: runs whose data, protocol or code differ.

Code here is what computed a result, torch and specformer for instance: in the generated code the
rows of an ablation differ on purpose.
"""

from collections import defaultdict
from collections.abc import Iterable

from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.settings import different_settings, read_settings, setting_values
from runtime.errors import UserError

SECTIONS = {"data": ("data",), "protocol": ("task", "evaluation")}
SHOWN = 5
"""Names in a message; of the others, the number is said."""


def refuse_mixture(ablation: Ablation) -> None:
    """Raises a UserError that says which runs differ from the others, and in what."""
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
    """Of a row that was queued before its spec was edited, and with other seeds after that."""
    facts = {outcome: row_facts(outcome) for outcome in row.outcomes}
    return different_facts(facts)


def row_facts(outcome: Outcome) -> dict[str, str]:
    """What the seeds of a row have in common: the code, and all settings but the seed."""
    settings = setting_values(read_settings(outcome))
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
    one, other = (read_settings(group[0]) for group in groups[:2])
    if not one or not other:
        return []
    different = different_settings(one, other, SECTIONS[name])
    return [f"  {line}" for line in different] or ["  the settings agree: the files differ"]
