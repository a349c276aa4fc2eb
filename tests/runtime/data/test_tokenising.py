"""Several processes tokenise as one does, and none of them is left when it ends early."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.spec.spec import Spec
from runtime.data import sentences, tokenising
from runtime.data.prepare import prepare
from runtime.data.tokenising import sharing, tokenised_pieces
from runtime.data.tokenizers.bytes import ByteTokenizer
from runtime.errors import UserError

MakeSpec = Callable[..., Spec]
ROOT = Path(__file__).parents[3]
SEGMENTED = ({"kind": "segmented", "joiner": "@@"}, 19)
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "segmented": SEGMENTED,
    "bpe": ({"kind": "sentencepiece", "model": "bpe"}, 60),
    "unigram": ({"kind": "sentencepiece", "model": "unigram"}, 40),
    "wordpiece": ({"kind": "tokenizers", "model": "wordpiece"}, 60),
    "characters": ({"kind": "characters"}, 22),
    "bytes": ({"kind": "bytes"}, 260),
}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenising, "PIECE", 7)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that tokenise, in the order in which they are started."""
    found: list[subprocess.Popen[bytes]] = []
    begin = tokenising._Worker.__init__

    def remember(self: tokenising._Worker, tokenizers: Path) -> None:
        begin(self, tokenizers)
        found.append(self._process)

    monkeypatch.setattr(tokenising._Worker, "__init__", remember)
    return found


def written(spec: Spec, cache: Path, processes: int) -> dict[str, bytes]:
    folder = prepare(spec, cache, report=lambda _: None, processes=processes).folder
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_one_and_two_processes_write_the_same(
    kind: str, make_spec: MakeSpec, text: Path, tmp_path: Path, started: list[object]
) -> None:
    if kind == "wordpiece":
        pytest.importorskip("tokenizers")
    for side in ("source", "target"):
        with (text / f"train.{side}").open("a") as file:
            file.write("\n\nein  größerer\u00a0Hund 🐕\n" + "maus " * 99 + "\n")
    tokenizer, rows = KINDS[kind]
    spec = make_spec(tokenizer=tokenizer, vocabulary={"shared": True, "size": rows}, max_length=64)
    one = written(spec, tmp_path / "one", 1)
    assert not started
    two = written(spec, tmp_path / "two", 2)
    assert len(started) == 6, "two for each of three parts"
    assert two == one


def test_a_killed_process_is_one_error_and_nothing_is_left(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    ask = tokenising._Worker.ask

    def ask_killed(self: tokenising._Worker, columns: tokenising.Columns) -> object:
        started[0].kill()
        return ask(self, columns)

    monkeypatch.setattr(tokenising._Worker, "ask", ask_killed)
    with pytest.raises(UserError, match="a process that tokenises text ended with signal 9"):
        written(make_spec(), tmp_path / "cache", 2)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]
    assert all(each.poll() is not None for each in started)


def test_ctrl_c_ends_all_processes(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    def stop(*_: object) -> None:
        assert all(each.poll() is None for each in started)
        raise KeyboardInterrupt

    monkeypatch.setattr(sentences.SentencesWriter, "add_closed", stop)
    with pytest.raises(KeyboardInterrupt):
        written(make_spec(), tmp_path / "cache", 2)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lock"]
    assert len(started) == 2
    assert all(each.poll() is not None for each in started)


@pytest.mark.parametrize("wrong", [3, lambda: None], ids=["erroneous", "unpicklable"])
def test_a_line_that_fails_raises_what_one_process_raises(wrong: object, tmp_path: Path) -> None:
    ByteTokenizer(("<pad>", "<unk>", "<bos>", "<eos>")).save(tmp_path / "source")

    def rows() -> Iterator[tuple[Any]]:
        yield from [("a",)] * 20 + [(wrong,)] + [("b",)] * 20

    for processes in (1, 2):
        with (
            pytest.raises(AttributeError, match="encode"),
            sharing("train", 41, print, processes),
        ):
            for _ in tokenised_pieces(rows(), lambda row: row, tmp_path):
                pass


def test_few_lines_stay_in_one_process(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[object]
) -> None:
    monkeypatch.setattr(tokenising, "count_cores", lambda: 8)
    prepare(make_spec(), tmp_path / "one", report=lambda _: None)
    assert not started
    monkeypatch.setattr(tokenising, "FEWEST", 100)
    prepare(make_spec(), tmp_path / "three", report=lambda _: None)
    assert len(started) == 3, "300 lines to train on; the other parts are smaller"


def test_progress_is_told_now_and_then(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    prepare(make_spec(), tmp_path / "seldom", report=said.append)
    assert not any(line.startswith("tokenising") for line in said)
    monkeypatch.setattr(tokenising, "SELDOM", 0)
    prepare(make_spec(), tmp_path / "often", report=said.append)
    assert "tokenising data.train: 7 of 300 lines" in said
    assert "tokenising data.train: 300 of 300 lines" in said


def test_workers_import_no_torch() -> None:
    """Starting a process would take seconds."""
    code = f"import sys, {tokenising.WORKER}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
