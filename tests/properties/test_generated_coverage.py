"""A generated network is as long as it needs to be: its own tests run every line of it."""

import json
import subprocess
import sys

import pytest

from compiler.analysis.cost import count_parameters
from compiler.pipeline import compile_spec
from compiler.spec.library import library

MOST_PARAMETERS = 10_000_000
TRACED = """
import ast, json, sys, types
from collections import defaultdict
from pathlib import Path
import pytest

GROUPED = "GroupedExperts"
folder, lines = Path(sys.argv[1]), defaultdict(set)

def note(frame, event, _):
    lines[frame.f_code.co_filename].add(frame.f_lineno)
    return note

def watch(frame, event, _):
    return note(frame, event, _) if frame.f_code.co_filename.endswith("/model.py") else None

def executable(code):
    found = {line for _, _, line in code.co_lines() if line}
    return found.union(*(executable(c) for c in code.co_consts if isinstance(c, types.CodeType)))

def refusals(tree):
    # These lines refuse an input, and no test of a package gives a wrong one.
    conditions = (each for each in ast.walk(tree) if isinstance(each, ast.If))
    wrong = [each for each in conditions if isinstance(each.body[-1], ast.Raise)]
    return {line for n in wrong for line in range(n.body[0].lineno, n.body[-1].end_lineno + 1)}

def on_a_gpu(tree):
    # Experts are called as one on a GPU alone: tests/compiler/test_experts.py does it on a CPU.
    parts = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == GROUPED]
    chosen = [n for n in ast.walk(tree) if isinstance(n, ast.If) and GROUPED in ast.dump(n.test)]
    parts += [statement for n in chosen for statement in n.body]
    return {line for n in parts for line in range(n.lineno, n.end_lineno + 1)}

def never(file):
    text = file.read_text()
    left = executable(compile(text, str(file), "exec")) - lines[str(file)]
    left -= refusals(ast.parse(text)) | on_a_gpu(ast.parse(text))
    return [text.splitlines()[line - 1].strip() for line in sorted(left)]

sys.settrace(watch)
failed = pytest.main(["-q", "-p", "no:cacheprovider", str(folder)])
sys.settrace(None)
report = {file.parent.name: never(file) for file in sorted(folder.glob("*/model.py"))}
Path(sys.argv[2]).write_text(json.dumps(report))
sys.exit(int(failed))
"""
"""Runs the tests of all packages of a folder; writes the lines of each network that never ran."""


OF_AN_UPDATE = "return self.rate * (load.mean() - load).sign()"
"""What a training asks of a network after an update: tests/runtime/training has it."""


def is_small(name: str) -> bool:
    return count_parameters(compile_spec(name).model) <= MOST_PARAMETERS


SMALL = [name for name in library() if name != "transformer-big" and is_small(name)]


@pytest.fixture(scope="module")
def never_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By package, once the tests of all have passed."""
    folder = tmp_path_factory.mktemp("packages")
    for name in SMALL:
        package = compile_spec(name)
        package.write(folder / package.folder_name)
    report = folder.parent / "report.json"
    command = [sys.executable, "-c", TRACED, str(folder), str(report)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, list[str]] = json.loads(report.read_text())
    return found


@pytest.mark.parametrize("name", SMALL)
def test_every_line_of_a_network_runs_in_its_own_test(
    name: str, never_run: dict[str, list[str]]
) -> None:
    assert [each for each in never_run[name.replace("-", "_")] if each != OF_AN_UPDATE] == []
