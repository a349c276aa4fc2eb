"""The compiler starts in a blink."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import pytest

from compiler.pipeline import check_spec

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    "from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError\n"
    "import jinja2, yaml, typer, rich.console, rich.markup, rich.table\n"
    "class Section(BaseModel): width: int"  # pydantic imports a part of itself at the first model
)
ROUNDS = 7


@pytest.fixture(scope="module", autouse=True)
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As after a first start: compiled modules are kept, though not in this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        seconds(command("compile", "demo", "-o", str(tmp_path_factory.mktemp("warm"))))
        yield


def seconds(code: str) -> float:
    """Processor time of a fresh interpreter that runs `code`: waiting for a core is not counted."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def command(*arguments: str) -> str:
    return (
        f"import sys; sys.argv = ['specformer', *{arguments!r}]\n"
        "from runtime.__main__ import start; start()"
    )


def test_check_takes_at_most_1_8_times_the_time_of_importing_its_libraries() -> None:
    """The least of each, turn and turn about: what others do on the machine only adds to it."""
    check = command("check", "transformer-base")
    rounds = [(seconds(check), seconds(LIBRARIES)) for _ in range(ROUNDS)]
    ours, theirs = map(min, zip(*rounds, strict=True))
    assert ours < 1.8 * theirs


@pytest.mark.quick
def test_a_variant_is_checked_in_a_hundredth_of_a_second(tmp_path: Path) -> None:
    """A thousand in ten seconds; here fewer, and with room for a busy machine."""
    names = [f"variant-{number}" for number in range(100)]
    for number, name in enumerate(names):
        text = f"extends: transformer-base\nname: {name}\ntraining: {{seed: {number + 2}}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    start = time.process_time()
    for name in names:
        check_spec(str(tmp_path / f"{name}.yaml"))
    assert time.process_time() - start < 2.5


def test_compiling_the_library_takes_less_than_a_second_more(tmp_path: Path) -> None:
    names = ("demo", "multi30k-tiny", "transformer-base", "transformer-big")
    check, every = (command("check", "demo"), command("compile", *names, "-o", str(tmp_path)))
    assert median(seconds(every) - seconds(check) for _ in range(ROUNDS)) < 1
