"""The program in the page of an exported folder, run by a process of its own."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = """\
import json, sys
{page}
print(json.dumps([write(text) for text in json.load(sys.stdin)]))
assert not {{"torch", "specformer", "runtime", "compiler"}} & {{*sys.modules}}, sys.modules
"""


def page_code(folder: Path) -> str:
    """Return the program in `README.md`."""
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert code is not None
    return code[1]


def written_by_page(folder: Path, lines: Sequence[str]) -> list[str]:
    """Return what a fresh process writes for lines, by the code of the folder's page alone."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _SCRIPT.format(page=page_code(folder))],
        cwd=folder,
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    texts: list[str] = json.loads(done.stdout)
    return texts
