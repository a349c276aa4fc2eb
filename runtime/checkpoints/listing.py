"""The checkpoints of a run: which there are, which is good, which can go."""

from collections.abc import Callable
from pathlib import Path

from runtime.checkpoints.checkpoint import (
    Checkpoint,
    Identity,
    Record,
    RefusedCheckpoint,
    check_checkpoint,
)
from runtime.errors import UserError
from runtime.system.atomic_files import remove


def list_checkpoints(parent: Path) -> list[Checkpoint]:
    """Returns all checkpoints by step; at the same step, the regular one is the later one."""
    found = [
        Checkpoint(folder=folder, step=int(number), is_interim=kind == "interim")
        for folder in parent.iterdir()
        for kind, _, number in [folder.name.partition("-")]
        if kind in ("step", "interim") and number.isascii() and number.isdecimal()
    ]
    return sorted(found, key=lambda checkpoint: (checkpoint.step, not checkpoint.is_interim))


def regular_checkpoints(parent: Path) -> list[Checkpoint]:
    """Returns the checkpoints that belong to a validation, by step."""
    return [checkpoint for checkpoint in list_checkpoints(parent) if not checkpoint.is_interim]


def last_good_checkpoint(
    parent: Path, identity: Identity, report: Callable[[str], None]
) -> tuple[Checkpoint, Record] | None:
    """The newest checkpoint that is whole and belongs to the run; None if there is none at all.

    Once a good one is found, newer ones are reported and put out of the way, since their names
    will be needed again. Without a good one they stay where they are: the reason may pass.
    Raises a UserError where there are some and none is good.
    """
    checkpoints = list_checkpoints(parent)
    refused: dict[Checkpoint, RefusedCheckpoint] = {}
    for checkpoint in reversed(checkpoints):
        try:
            record = check_checkpoint(checkpoint, identity)
        except RefusedCheckpoint as refusal:
            refused[checkpoint] = refusal
            continue
        for each, reason in refused.items():
            report(f"{reason}; an older checkpoint is used")
            _put_aside(each)
        return checkpoint, record
    if checkpoints:
        reasons = "".join(f"\n  {reason}" for reason in refused.values())
        raise UserError(
            f"none of the {len(checkpoints)} checkpoints in {parent} can be used{reasons}",
            help="bring a good copy of one back, or start a new run in another folder",
        )
    return None


def remove_old_checkpoints(parent: Path, *, keep: int, best_step: int | None) -> None:
    """Keeps the newest of all, the last `keep` regular ones and the best one."""
    checkpoints = list_checkpoints(parent)
    regular = [checkpoint.step for checkpoint in checkpoints if not checkpoint.is_interim]
    kept = {*regular[-keep:], best_step}
    for checkpoint in checkpoints[:-1]:
        if checkpoint.is_interim or checkpoint.step not in kept:
            remove(checkpoint.folder)


def _put_aside(checkpoint: Checkpoint) -> Path:
    aside = checkpoint.folder.with_name(f"refused-{checkpoint.folder.name}")
    remove(aside)
    return checkpoint.folder.rename(aside)
