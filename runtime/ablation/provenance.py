"""The provenance of the numbers of a report: data, protocol, versions, machine."""

import json
from collections.abc import Iterator
from pathlib import Path

from runtime.ablation.collect import Ablation
from runtime.ablation.files import RUN
from runtime.ablation.settings import leaves, read_settings
from runtime.ablation.table import Results

Facts = list[tuple[str, str]]


def provenance(ablation: Ablation, results: Results) -> list[tuple[str, Facts]]:
    """Facts under titles; what is not known is left out."""
    locked = ablation.base.first.queued.locked
    sections = [
        ("Data", [*settings(ablation, "data"), ("hash", locked.data[:12])]),
        ("Decoding", settings(ablation, "decoding")),
        ("Protocol", [*settings(ablation, "evaluation"), ("hash", locked.protocol[:12])]),
        ("Signatures", [(key, value) for key, value in results.signatures.items()]),
        ("Versions", versions(ablation)),
        ("Training", [("seeds", ", ".join(map(str, results.seeds))), *machine(ablation)]),
    ]
    return [(title, facts) for title, facts in sections if facts]


def settings(ablation: Ablation, section: str) -> Facts:
    """Return the settings of a section of the base's lock."""
    tree = read_settings(ablation.base.first).get(section, {})
    return [(".".join(path), value) for path, value in leaves(tree)]


def versions(ablation: Ablation) -> Facts:
    """Return the versions, which are the same for all runs: `refuse_mixture` sees to it."""
    results = (outcome.result for outcome in ablation.finished if outcome.result is not None)
    first = next(results, None)
    return [] if first is None else list(first.versions.items())


def machine(ablation: Ablation) -> Facts:
    """Return each kind of machine once, as the checkpoints that are still there name it."""
    kinds = dict.fromkeys(
        kind for outcome in ablation.finished for kind in machines(outcome.folder / RUN)
    )
    return [("computed on", kind) for kind in kinds]


def machines(run: Path) -> Iterator[str]:
    for path in sorted(run.glob("checkpoints/*/checkpoint.json")):
        found = json.loads(path.read_bytes())["machine"]
        threads, processes = found["threads"], found["processes"]
        yield f"{found['device']}, threads: {threads}, processes: {processes}"
