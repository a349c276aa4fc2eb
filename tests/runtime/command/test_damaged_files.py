"""Every kind of file that a command reads, damaged in every way: an error, or no loss.

A cell is a file, a damage and a command. The command may not hang, may not end in a traceback, and
may not give another result without a word: it ends with an error that names the file, or with the
same result as before. A bit that is flipped in a user's own text is another text; there the command
may only not hang and not end in a traceback.
"""

import builtins
import io
import os
import re
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import save_file

from runtime.command import app
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.tokenizer import load_tokenizer
from runtime.errors import UserError
from runtime.run import Run
from tests.runtime.command.conftest import TINY
from tests.support.ablations import PLANS, Bench

SECONDS = 60
"""After which a command counts as one that hangs."""
TIMES = re.compile(r"\d+:\d\d:\d\d|\d[\d,.]* (s|tokens a second)\b")
"""What differs between equal results."""


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def put_a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def remove(path: Path) -> None:
    path.unlink()


DAMAGES = (
    *(truncate, empty, flip_a_bit, put_a_folder, put_a_pipe),
    *(put_a_dangling_link, put_a_link_to_itself, remove),
)

CHECK = ("check", "spec.yaml")
COMPILE = ("compile", "spec.yaml")
DIFF = ("diff", "generated/demo", "spec.yaml")
TRANSLATE = ("translate", "run", "--input", "input.txt", "--workers", "1")
EVALUATE = ("evaluate", "run", "--workers", "1")
RESUME = ("train", "spec.yaml", "--out", "run", "--resume")
SCORE = ("score", "--hypothesis", "input.txt", "--reference", "reference.txt")
IMPORT = ("import-weights", "run", "--from", "foreign.safetensors", "--map", "map.yaml")
IMPORTED = (*IMPORT, "--out", "ours.safetensors")
PLAN = ("ablate", "ablation.yaml", "--dry-run")
REPORT = ("ablate", "ablation.yaml", "--report", "--out", "rows/table")
TRAIN = ("train", "spec.yaml", "--out", "new", "--set", "training.steps=2")
CLASSIFY = ("classify", "classifier", "--input", "input.txt")
TRAINED_ON = ("text/train.en", "text/valid.de", "text/test.en")
USERS_OWN = (
    *TRAINED_ON,
    "spec.yaml",
    "parent.yaml",
    "input.txt",
    "reference.txt",
    "map.yaml",
    "ablation.yaml",
)

TEXTS = ("input.txt", "reference.txt")
"""A pipe in place of a text is read as it comes, `<(zcat FILE)`, and waits for its writer."""

PACKAGE = (
    *("__init__.py", "model.py", "training.py", "spec.lock.yaml"),
    *("attention_weights.py", "packed.py"),
)
CHECKPOINT = ("model.safetensors", "trainer.safetensors", "trainer.json")
SUMS = "generated/SHA256SUMS"
ROW = "rows/table/rows/a-h1-seed1"
ENTRY = "data/prepared/ENTRY"
"""Stands for the folder of the prepared text of `run`."""
ARRAYS = [
    f"{ENTRY}/{part}/{side}.{kind}"
    for part in ("train", "valid", "tests/test")
    for side in ("source", "target")
    for kind in ("tokens", "ends")
]
TOKENIZER = ("tokenizer.json", "sentencepiece.model")
QUICK = {
    "spec.yaml": (CHECK,),
    "parent.yaml": (CHECK, COMPILE),
    **{f"generated/demo/{name}": (COMPILE, DIFF) for name in (*PACKAGE, "test_model.py")},
    SUMS: (COMPILE, DIFF),
    "input.txt": (SCORE,),
    "reference.txt": (SCORE,),
}
SLOW = {
    "input.txt": (TRANSLATE,),
    "run/run.json": (TRANSLATE, EVALUATE, RESUME),
    **{f"run/package/{name}": (TRANSLATE, RESUME) for name in (*PACKAGE, "test_model.py")},
    "run/tokenizers/source/tokenizer.json": (TRANSLATE, RESUME),
    "run/tokenizers/source/sentencepiece.model": (TRANSLATE, EVALUATE),
    "run/metrics.jsonl": (TRANSLATE, RESUME),
    **{f"run/checkpoints/step-00000004/{name}": (TRANSLATE, RESUME) for name in CHECKPOINT},
    "run/evaluation-test.json": (EVALUATE,),
    "foreign.safetensors": (IMPORTED,),
    "map.yaml": (IMPORTED,),
    "ablation.yaml": (PLAN,),
    "rows/table/ablation.json": (REPORT,),
    f"{ROW}/result.json": (REPORT,),
    f"{ROW}/package/spec.lock.yaml": (REPORT,),
    f"{ROW}/run/package/model.py": (REPORT,),
    f"{ROW}/run/package/spec.lock.yaml": (REPORT,),
    f"{ROW}/run/run.json": (REPORT,),
    f"{ROW}/run/metrics.jsonl": (REPORT,),
    f"{ROW}/run/evaluation-test.txt": (REPORT,),
    "classifier/tokenizers/labels.txt": (CLASSIFY,),
    f"{ENTRY}/SHA256SUMS": (RESUME,),
    f"{ENTRY}/facts.txt": (RESUME,),
    ARRAYS[0]: (RESUME,),
    **dict.fromkeys(TRAINED_ON, (RESUME,)),
}
SLOWEST = {
    **dict.fromkeys(ARRAYS[1:], (RESUME,)),
    **{f"{ENTRY}/tokenizers/source/{name}": (RESUME,) for name in TOKENIZER},
    **dict.fromkeys(TRAINED_ON, (TRAIN, EVALUATE)),
    "classes.tsv": (("evaluate", "classifier"),),
}
"""What differs little from another row of the table."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: its exit code and what it said, without times."""

    code: int
    out: str
    err: str


class HangError(Exception):
    """A command that did not end."""


@contextmanager
def time_limit() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Makes opening the file fail as without permission, since root may open everything."""
    real, refused = (io.open, os.open), os.path.realpath(path)

    def refuse(file: object) -> None:
        if isinstance(file, str | bytes | os.PathLike) and os.path.realpath(file) == refused:
            raise PermissionError(13, "Permission denied", os.fspath(file))

    def open_file(file: object, *arguments: object, **options: object) -> object:
        refuse(file)
        return real[0](file, *arguments, **options)  # type: ignore[call-overload]

    def open_handle(file: object, *arguments: object, **options: object) -> int:
        refuse(file)
        return real[1](file, *arguments, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", open_file)
        patch.setattr(builtins, "open", open_file)
        patch.setattr(os, "open", open_handle)
        yield


Arguments = tuple[str, ...]
Damage = Callable[[Path], None]
Ran = Callable[[Arguments], Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ran:
    def call(arguments: tuple[str, ...]) -> Result:
        monkeypatch.setattr("sys.argv", ["specformer", *arguments])
        capfd.readouterr()
        with time_limit(), pytest.raises(SystemExit) as exit:
            app.main()
        said = capfd.readouterr()
        code = exit.value.code
        out, err = (TIMES.sub("TIME", text) for text in said)
        return Result(code if isinstance(code, int) else 0, out, err)

    return call


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, its parent, its package, and text: what needs no training."""
    home = tmp_path_factory.mktemp("sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        _command(patch, "corpus", "text", "--train", "80", "--valid", "10", "--test", "12")
        settings = {**TINY, "data.folder": "text", "name": "demo", "training.steps": 4}
        (home / "parent.yaml").write_text(_nested({**settings, "extends": "demo"}))
        (home / "spec.yaml").write_text("name: demo\nextends: parent.yaml\nmodel: {dropout: 0.2}\n")
        _command(patch, "compile", "spec.yaml")
        lines = (home / "text" / "test.en").read_text().splitlines()[:3]
        (home / "input.txt").write_text("\n".join(lines) + "\n")
        (home / "reference.txt").write_text("\n".join(lines[::-1]) + "\n")
    return home


@pytest.fixture(scope="session")
def home(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sources` and a run, a classifier, foreign weights, and the folder of an ablation.

    All was made in a folder `home` beside this one, where it is copied to for each cell.
    """
    home = tmp_path_factory.mktemp("home") / "home"
    shutil.copytree(sources, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        _command(patch, "train", "spec.yaml", "--out", "run")
        _command(patch, "evaluate", "run", "--workers", "1")
        weights = Run.open(home / "run").load_model().state_dict()
        save_file(
            {name: tensor.contiguous() for name, tensor in weights.items()}, "foreign.safetensors"
        )
        names = {re.sub(r"layers\.\d+", "layers.{n}", name) for name in weights}
        (home / "map.yaml").write_text(
            "tensors:\n" + "".join(f'  "{name}": "{name}"\n' for name in sorted(names))
        )
        texts = (home / "text" / "train.en").read_text().splitlines()
        labelled = (f"{line}\tl{number % 2}\n" for number, line in enumerate(texts))
        (home / "classes.tsv").write_text("".join(labelled))
        (home / "classifier.yaml").write_text(CLASSIFIER)
        _command(patch, "train", "classifier.yaml", "--out", "classifier")
        (home / "ablation.yaml").write_text(ABLATION)
        Bench(folder=home / "rows" / "table").write(PLANS[:2], seeds=[1])
    return home.rename(home.with_name("kept"))


CLASSIFIER = """\
name: tiny-classifier
extends: classifier
model:
  d_model: 16
  vocabulary: {size: 130}
  attention: {heads: 2}
  feed_forward: {d_ff: 32}
  encoder: {layers: 1}
  classifier: {classes: 2}
data:
  folder: .
  train: {tsv: classes.tsv, text_column: 0, label_column: 1}
  valid: {tsv: classes.tsv, text_column: 0, label_column: 1}
  test: {tsv: classes.tsv, text_column: 0, label_column: 1}
training: {batch_tokens: 512, steps: 2, schedule: {warmup_steps: 1}, validation: {every: 2}}
"""
ABLATION = """\
ablation: table
base: spec.yaml
seeds: [1]
groups:
  A: {rows: [{name: heads-1, set: {model.attention.heads: 1}}]}
"""


def _command(patch: pytest.MonkeyPatch, *arguments: str) -> None:
    patch.setattr("sys.argv", ["specformer", *arguments])
    with pytest.raises(SystemExit) as exit:
        app.main()
    assert not exit.value.code, arguments


def _nested(settings: dict[str, object]) -> str:
    import yaml

    tree: dict[str, object] = {}
    for key, value in settings.items():
        *above, last = key.split(".")
        place = tree
        for each in above:
            place = place.setdefault(each, {})  # type: ignore[assignment]
        place[last] = value
    return yaml.safe_dump(tree)


def wrong(
    damage: Damage | None, file: str, arguments: Arguments, run: Ran, healthy: Result
) -> str | None:
    """What is wrong with a cell of the table; None if nothing is. No damage: unreadable."""
    with ExitStack() as stack:
        if damage:
            damage(Path(file))
        else:
            stack.enter_context(unreadable(Path(file)))
        try:
            found = run(arguments)
        except HangError:
            return "it hangs"
        except BaseException:
            return traceback.format_exc(limit=-2)
    said = found.out + found.err
    name = Path(file).name
    if "Traceback" in said:
        return said
    if (found.code, found.out) == (healthy.code, healthy.out):
        return None
    if file in USERS_OWN and damage in (flip_a_bit, truncate, empty):
        return None
    if file.startswith("data/prepared") and found.code == 0 and "preparing it anew" in said:
        return None
    row = Path(ROW).name.removesuffix("-seed1")
    names = [name, row if file.startswith(ROW) else name]
    if file == SUMS:  # a wrong sum of a file cannot be told from a file that was edited
        names.append("generated/demo/")
    codes = (0, 1, 2) if arguments in (DIFF, REPORT) else (1, 2)
    if found.code in codes and any(each in said.replace(healthy.out, "") for each in names):
        return None
    if found.code == 2 and file.count("/") > 1 and str(Path(file).parent) in said:
        return None
    return f"exit code {found.code}: {said}"


def faults(
    file: str, commands: tuple[Arguments, ...], home: Path, place: Path, run: Ran
) -> list[str]:
    """All cells of a file that are wrong."""
    found = []
    entry = next(home.glob("data/prepared/*/train/source.tokens"), home).parents[1].name
    file = file.replace("ENTRY", entry)
    for arguments in commands:
        healthy = _healthy(arguments, home, place, run)
        for damage in (None, *DAMAGES):
            if damage is put_a_pipe and file in TEXTS:
                continue
            renew(place, home, arguments)
            if reason := wrong(damage, file, arguments, run, healthy):
                how = damage.__name__ if damage else "unreadable"
                found.append(f"{file}, {how}, {' '.join(arguments)}: {reason}")
    return found


_results: dict[tuple[Path, Arguments], Result] = {}


def _healthy(arguments: Arguments, home: Path, place: Path, run: Ran) -> Result:
    """How a command ends where nothing is damaged."""
    if (home, arguments) not in _results:
        renew(place, home, arguments)
        _results[home, arguments] = run(arguments)
        assert _results[home, arguments].code in (0, 1), _results[home, arguments]
    return _results[home, arguments]


def renew(place: Path, home: Path, arguments: Arguments) -> None:
    """Makes the current folder a new copy of `home`, without what the command does not read."""
    unread = {"rows", "classifier"} - {each for each in ("classifier",) if each in arguments}
    if arguments == REPORT:
        unread = {"run", "data", "text", "generated", "classifier"}
    os.chdir(home)
    shutil.rmtree(place, ignore_errors=True)
    unread.add("__pycache__")

    def ignore(folder: str, names: list[str]) -> set[str]:
        return unread.intersection(names) if Path(folder) == home else {"__pycache__"}

    shutil.copytree(home, place, symlinks=True, ignore=ignore)
    os.chdir(place)


@pytest.mark.quick
@pytest.mark.parametrize("file", QUICK)
def test_damaged_sources(
    file: str, sources: Path, tmp_path: Path, run: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = faults(file, QUICK[file], sources, tmp_path / "copy", run)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("file", SLOW)
def test_damaged_files_of_runs(
    file: str, home: Path, tmp_path: Path, run: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = faults(file, SLOW[file], home, home.with_name("home"), run)
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("file", SLOWEST)
def test_more_damaged_files_of_runs(
    file: str, home: Path, tmp_path: Path, run: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = faults(file, SLOWEST[file], home, home.with_name("home"), run)
    assert not found, "\n".join(found)


@pytest.mark.quick
@pytest.mark.parametrize("damage", [None, *DAMAGES])
@pytest.mark.parametrize("name", ["tokenizer.json", "vocabulary.txt"])
def test_damaged_vocabularies(name: str, damage: Damage | None, tmp_path: Path) -> None:
    SegmentedTokenizer(["one", "two@@", "three"], joiner="@@").save(tmp_path)
    with ExitStack() as stack:
        if damage:
            damage(tmp_path / name)
        else:
            stack.enter_context(unreadable(tmp_path / name))
        stack.enter_context(time_limit())
        with pytest.raises(UserError) as refusal:
            load_tokenizer(tmp_path)
    assert str(tmp_path) in str(refusal.value)
