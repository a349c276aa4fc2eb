"""How rows become processes: here (`local.py`), or on a cluster (`slurm.py`)."""

from pathlib import Path
from typing import Protocol


class Job(Protocol):
    """A row that was started."""

    def is_running(self) -> bool:
        """Whether its process has not ended yet."""

    def stop(self) -> None:
        """Asks it to save its work and to end; does not wait."""

    def ending(self) -> str:
        """How it ended, in words, for a row that has left neither result nor reason."""


class Launcher(Protocol):
    """Starts rows, as many at a time as there is room for."""

    def has_room(self) -> bool:
        """Whether another row can be started now."""

    def start(self, folder: Path) -> Job:
        """Starts the row in a folder."""
