"""Hashes of generated code that nobody reads, in place of the code: one line for each spec.

A hash tells that the text has changed. `make changed-code` shows how, beside the last commit, and
`python -m tests.support.hashes FOLDER` writes all that is hashed into a folder to be read.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from compiler.ir.dump import dump
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.library import library

TESTS = Path(__file__).parents[1]
CASES = TESTS / "cases"
HASHES = TESTS / "hashes"
ADVICE = "`make changed-code` shows the difference to the last commit, `make generate` accepts it"


@dataclass(frozen=True, slots=True)
class Hashes:
    """A file with a line `hash  name` for each name, in alphabetical order."""

    file: Path

    def read(self) -> dict[str, str]:
        """Returns the hash of each name."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        return {name: value for value, name in (line.split("  ") for line in lines)}

    def write(self, hashes: Mapping[str, str]) -> None:
        """Replaces all lines."""
        lines = (f"{value}  {name}\n" for name, value in sorted(hashes.items()))
        self.file.write_text("".join(lines), encoding="utf-8")

    def check(self, name: str, files: Mapping[str, str], request: pytest.FixtureRequest) -> None:
        """Asserts that the files of a name have its hash; --update-golden writes it instead."""
        value = hash_of(files)
        if request.config.getoption("--update-golden"):
            assert not os.environ.get("CI"), "expected hashes are not rewritten in CI"
            self.write(self.read() | {name: value})
        assert self.read().get(name) == value, f"the code of {name} has changed: {ADVICE}"

    def check_names(self, names: set[str], request: pytest.FixtureRequest) -> None:
        """Asserts that no other name has a line; --update-golden removes those that have."""
        if request.config.getoption("--update-golden"):
            self.write({name: value for name, value in self.read().items() if name in names})
        assert set(self.read()) == names


def hash_of(files: Mapping[str, str]) -> str:
    """Returns one hash of the names and texts of some files."""
    parts = (part for name in sorted(files) for part in (name, files[name]))
    return sha256("\0".join(parts).encode()).hexdigest()


def read_case(case: str) -> CompiledPackage:
    """Compiles a golden case, from `tests/cases` as working directory; may raise `Rejected`."""
    file = CASES / case / "set.txt"
    settings = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return compile_spec(f"{case}/spec.yaml", settings)


def code_of_case(package: CompiledPackage) -> dict[str, str]:
    """Returns what a golden case without complaints is about: its IR and its code."""
    files = {name: package.files[name] for name in ("model.py", "training.py")}
    return {"ir.txt": dump(package.model) + "\n"} | files


def write_all(folder: Path) -> None:
    """Writes the whole library and all cases that have a hash into a folder."""
    texts = {f"library/{name}": compile_spec(name).files for name in library()}
    os.chdir(CASES)
    names = Hashes(HASHES / "cases.txt").read()
    texts |= {f"cases/{name}": code_of_case(read_case(name)) for name in names}
    for place, files in texts.items():
        (folder / place).mkdir(parents=True)
        for name, text in files.items():
            (folder / place / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]).resolve())
