"""Numbers that a change of the code may change only with a person's consent: `golden.txt`.

A line is a key and what was counted. `pytest tests/gpu --update-golden` writes what is counted now.
"""

import fcntl
import os
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("golden.txt")
BETWEEN = ": "


def read() -> dict[str, str]:
    """Return what the file says of each key."""
    if not FILE.is_file():
        return {}
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {key: said for key, _, said in (line.partition(BETWEEN) for line in lines)}


def check(key: str, counted: str, request: pytest.FixtureRequest) -> None:
    """Assert that the file says this of a key; --update-golden writes it instead."""
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected numbers are not rewritten in CI"
        _change({key: counted}, dropped=set())
    assert read().get(key) == counted, f"{key} has changed: pytest tests/gpu --update-golden"


def check_keys(first_word: str, keys: set[str], request: pytest.FixtureRequest) -> None:
    """Assert that the keys with this first word are these; --update-golden drops all others."""
    present = {key for key in read() if key.split()[0] == first_word}
    if request.config.getoption("--update-golden"):
        _change({}, dropped=present - keys)
        present &= keys
    assert present == keys


def _change(changed: dict[str, str], dropped: set[str]) -> None:
    """Replace lines of the file, which another process may be changing, too."""
    with FILE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        said = {key: value for key, value in (read() | changed).items() if key not in dropped}
        lines = "".join(f"{key}{BETWEEN}{value}\n" for key, value in sorted(said.items()))
        file.truncate(0)
        file.write(lines)
