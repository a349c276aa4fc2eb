"""A copy of the compiler to which a test adds something, as a person would who edits its files."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Edits of a copy of `compiler/` in a folder, and the files that they touch."""

    folder: Path
    touched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "compiler", self.folder / "compiler", ignore=ignored)

    def write(self, path: str, text: str) -> None:
        """Writes a new file."""
        self._file(path).write_text(text)

    def append(self, path: str, text: str) -> None:
        """Adds lines at the end of a file."""
        self.write(path, self._file(path).read_text() + text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Puts other text in the place of one that stands in a file once."""
        text = self._file(path).read_text()
        assert text.count(old) == 1, f"{old!r} stands in {path} {text.count(old)} times"
        self.write(path, text.replace(old, new))

    def insert(self, path: str, text: str, *, before: str) -> None:
        """Puts text before a mark that stands in a file once."""
        self.replace(path, before, text + before)

    def run(self, script: str) -> str:
        """Executes a script with the copy as the compiler and returns what it prints."""
        file = self.folder / "script.py"
        file.write_text(script)
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        command = [sys.executable, str(file)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _file(self, path: str) -> Path:
        self.touched.add(path)
        return self.folder / path
