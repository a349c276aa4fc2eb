"""Results that are not those of the row in whose folder they lie."""

import hashlib
import json
from pathlib import Path

from runtime.ablation.collect import Ablation, Outcome
from runtime.ablation.files import PACKAGE, RUN
from runtime.errors import UserError


def refuse_strangers(ablation: Ablation) -> None:
    """Raises a UserError if a run has executed another package than the one that was queued."""
    strangers = [line for outcome in ablation.finished for line in different_files(outcome)]
    if strangers:
        raise UserError(
            "\n  ".join((f"{ablation.folder} holds results of other code than queued", *strangers)),
            help="move those rows' folders away and start again: they will run anew",
        )


def different_files(outcome: Outcome) -> list[str]:
    """One line, with the files of the package that the run has had otherwise, or none."""
    record = outcome.folder / RUN / "run.json"
    if not record.is_file():
        return [f"{outcome.queued.name}: there is no {record}, which says what has run"]
    begun = json.loads(record.read_bytes())["package"]
    queued = file_hashes(outcome.folder / PACKAGE)
    names = sorted(
        name for name in begun.keys() | queued.keys() if begun.get(name) != queued.get(name)
    )
    return [f"{outcome.queued.name}: {', '.join(names)}"] if names else []


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a package, as `run.json` has them."""
    files = sorted(path for path in folder.glob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
