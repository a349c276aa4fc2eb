"""A generated network is as long as it needs to be: its own tests run every line of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from compiler.passes.measure import count_parameters
from compiler.pipeline import compile_spec
from compiler.spec.library import library

MOST_PARAMETERS = 10_000_000
TRACED = """
import sys, types
from pathlib import Path
import pytest

file, lines = sys.argv[1], set()

def note(frame, event, _):
    lines.add(frame.f_lineno)
    return note

def watch(frame, event, _):
    return note(frame, event, _) if frame.f_code.co_filename.endswith("/model.py") else None

def executable(code):
    found = {line for _, _, line in code.co_lines() if line}
    return found.union(*(executable(c) for c in code.co_consts if isinstance(c, types.CodeType)))

sys.settrace(watch)
failed = pytest.main(["-q", "-p", "no:cacheprovider", str(Path(file).parent)])
sys.settrace(None)
text = Path(file).read_text().splitlines()
never = sorted(executable(compile(Path(file).read_text(), file, "exec")) - lines)
print(*(f"never run: {text[line - 1].strip()}" for line in never), sep="\\n")
sys.exit(int(failed))
"""


@pytest.mark.parametrize("name", library())
def test_every_line_of_a_network_runs_in_its_own_test(name: str, tmp_path: Path) -> None:
    package = compile_spec(name)
    if count_parameters(package.model) > MOST_PARAMETERS:
        pytest.skip("too large to run here: its code is that of a smaller one")
    folder = tmp_path / package.folder_name
    package.write(folder)
    command = [sys.executable, "-c", TRACED, str(folder / "model.py")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "never run" not in ended.stdout
