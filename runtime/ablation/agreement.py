"""The choices of computation that all rows of an ablation have in common.

A spec may leave the precision of products to the machine. The first row that begins chooses for all
of them, so that a table never compares precisions that nobody has asked for.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from compiler.atomic_files import beside
from runtime.ablation.record import COMPUTATION
from runtime.system.checksummed import read_sealed_file, sealed
from runtime.training.computation import RECORD
from runtime.training.precision import choose_precision


def agreed(folder: Path, device: torch.device) -> dict[str, Any]:
    """Return what the rows of the ablation in a folder compute in, as `run.json` records it.

    The first call chooses for its device; all others, on whatever machine, get the same.
    """
    path = folder / COMPUTATION
    if not path.is_file():
        precision, reason = choose_precision("auto", device)
        choice = {"precision": precision, "precision_reason": reason}
        _write_once(path, sealed({RECORD: choice}))
    return read_sealed_file(path)


def _write_once(path: Path, content: bytes) -> None:
    """Write a file whole; one that another process has written meanwhile stays."""
    temporary = beside(path)
    temporary.write_bytes(content)
    try:
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
