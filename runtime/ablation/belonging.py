"""Results that are not those of the row in whose folder they lie."""

from collections.abc import Iterator

from compiler.spec.lock import LOCK, load_lock
from runtime.ablation.collect import Ablation, Outcome
from runtime.ablation.files import PACKAGE, RUN
from runtime.ablation.locks import lock
from runtime.errors import UserError
from runtime.package import read_package

PARTS = ("spec", "code", "protocol")


def refuse_strangers(ablation: Ablation) -> None:
    """Raises a UserError if a result is of another spec or code than was queued for its row."""
    strangers = [line for outcome in ablation.finished for line in strange_parts(outcome)]
    if strangers:
        raise UserError(
            "\n  ".join(
                (f"{ablation.folder} holds results that do not belong to their rows", *strangers)
            ),
            help="move the folders of these rows away and start again: they will run anew",
        )


def strange_parts(outcome: Outcome) -> Iterator[str]:
    """What of the row's package, or of that in its run, is not as it was locked."""
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
