"""Threads that wait for each other sleep soon, wherever torch is loaded."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runtime.system.process import SPINS, USERS

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
BRIEF = f"PASSIVE {SPINS}"

ENDS_AT_TORCH = """
import os, runpy, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(*map(os.environ.get, ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Watch())
"""
COMMAND = "sys.argv = ['specformer', *{}]; runpy.run_module('runtime', run_name='__main__')"
STARTS = {
    **{
        words: COMMAND.format(words.split())
        for words in (
            "train demo",
            "translate .",
            "evaluate .",
            "generate .",
            "classify .",
            "fill .",
        )
    },
    "ablate FILE": COMMAND.format(["ablate", "specs/ablations/table3-small.yaml", "--dry-run"]),
    "a row": "sys.argv = ['row', '.', '--cache', '.']; "
    "runpy.run_module('runtime.ablation.row', run_name='__main__')",
    "runtime.load": "import runtime; runtime.load('.')",
    "a benchmark": "import benchmarks.train",
}


def environment_at_torch(code: str, variables: Mapping[str, str]) -> str:
    """What is said to OpenMP at the moment when torch would be imported."""
    own = {name: value for name, value in os.environ.items() if name not in USERS}
    done = subprocess.run(
        [sys.executable, "-c", ENDS_AT_TORCH + code],
        env={**own, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("start", STARTS)
def test_whatever_loads_torch_has_said_before_that_threads_wait_briefly(start: str) -> None:
    assert environment_at_torch(STARTS[start], {}).splitlines()[-1] == BRIEF


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OMP_WAIT_POLICY", "ACTIVE", "ACTIVE None"),
        ("GOMP_SPINCOUNT", "7", "None 7"),
        ("KMP_BLOCKTIME", "200", "None None"),
    ],
)
def test_what_the_user_says_of_waiting_threads_stays(
    variable: str, value: str, expected: str
) -> None:
    assert environment_at_torch(STARTS["train demo"], {variable: value}) == expected
