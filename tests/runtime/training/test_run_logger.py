"""Figures in the file, progress for people."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from runtime.errors import UserError
from runtime.training.metrics import Metrics, TrainFigures, ValidFigures, read_figures
from runtime.training.run_logger import (
    Lines,
    describe_validation,
    display,
    open_run_logger,
    silent_run_logger,
)

pytestmark = pytest.mark.quick

TRAIN = TrainFigures(
    step=10,
    epoch=1,
    loss=3.0,
    nll=2.0,
    perplexity=7.4,
    learning_rate=0.001,
    gradient_norm=0.5,
    tokens_per_second=1234.5,
    seconds=2.5,
)
VALID = ValidFigures(
    step=10,
    epoch=1,
    loss=3.0,
    nll=2.0,
    perplexity=7.4,
    accuracy=0.25,
    bleu=None,
    is_best=True,
    seconds=3.0,
)


def test_each_line_is_an_object_in_the_file_at_once(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, keep_bytes=0)
    metrics.write(TRAIN)
    metrics.write(replace(VALID, bleu=21.5))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    metrics.close()
    assert lines[0] == {
        "kind": "train",
        "step": 10,
        "epoch": 1,
        "loss": 3.0,
        "nll": 2.0,
        "perplexity": 7.4,
        "learning_rate": 0.001,
        "gradient_norm": 0.5,
        "tokens_per_second": 1234.5,
        "seconds": 2.5,
    }
    assert (lines[1]["kind"], lines[1]["bleu"]) == ("valid", 21.5)


def test_the_file_goes_on_where_the_checkpoint_was(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, keep_bytes=0)
    metrics.write(TRAIN)
    length = metrics.sync()
    metrics.write(TRAIN)
    metrics.close()
    metrics = Metrics(tmp_path, keep_bytes=length)
    metrics.write(VALID)
    metrics.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["train", "valid"]


def test_a_look_is_described_in_a_line() -> None:
    expected = "validation after update 10, epoch 1: loss 3.000  perplexity 7.40  accuracy 25.0%"
    assert describe_validation(replace(VALID, is_best=False)) == expected
    assert (
        describe_validation(replace(VALID, bleu=21.456))
        == f"{expected}  BLEU 21.46  (the best so far)"
    )


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    said: list[str] = []
    lines = Lines(said.append, step=50, steps=110)
    lines.measure(loss=2.5, tokens_per_second=1234.5)
    for step in range(51, 81):
        clock[0] += 1.0
        lines.advance(step)
    assert said == [
        "update 65/110  loss 2.500  1,234 tokens/s  0:00:45 left",
        "update 80/110  loss 2.500  1,234 tokens/s  0:00:30 left",
    ]


def test_elsewhere_than_on_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "runtime.training.run_logger.Console", lambda **_: Console(file=io.StringIO())
    )
    with display(print, step=0, steps=10) as shown:
        assert isinstance(shown, Lines)


def test_a_terminal_has_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr("runtime.training.run_logger.Console", lambda **_: terminal)
    with open_run_logger(tmp_path, print, keep_bytes=0, step=5, steps=10) as logger:
        logger.record_updates(TRAIN)
        logger.advance(10)
    shown = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", screen.getvalue())
    assert re.search(r"training \S+ 10/10 loss 3\.000  1,234 tokens/s", shown)


def test_the_other_processes_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logger = silent_run_logger()
    logger.record_updates(TRAIN)
    logger.record_validation(VALID)
    logger.advance(10)
    assert logger.sync() == 0
    assert capsys.readouterr() == ("", "")


def test_figures_are_read_without_a_line_that_has_no_end(tmp_path: Path) -> None:
    assert list(read_figures(tmp_path, "valid")) == []
    metrics = Metrics(tmp_path, keep_bytes=0)
    metrics.write(TRAIN)
    metrics.write(VALID)
    metrics.close()
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + '{"kind": "valid", "st')
    assert [each["accuracy"] for each in read_figures(tmp_path, "valid")] == [0.25]
    assert [each["learning_rate"] for each in read_figures(tmp_path, "train")] == [0.001]


@pytest.mark.parametrize("damage", ["{ours}", '{"kind": "valid"}'])
def test_a_damaged_line_is_named(damage: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(f"{damage}\n")
    with pytest.raises(UserError, match=r"line 1 of .*metrics\.jsonl cannot be read"):
        list(read_figures(tmp_path, "valid"))


def test_a_line_in_the_middle_that_has_no_end_is_damage(tmp_path: Path) -> None:
    """Only the last line of a run that was killed may be unfinished."""
    metrics = Metrics(tmp_path, keep_bytes=0)
    metrics.write(VALID)
    metrics.write(VALID)
    metrics.close()
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text().replace("}", "|", 1))
    with pytest.raises(UserError, match=r"line 1 of .*metrics\.jsonl cannot be read"):
        list(read_figures(tmp_path, "valid"))


def test_a_disk_that_takes_half_a_line_gets_the_rest(tmp_path: Path) -> None:
    """A raw file may write less than it was given, and raises nothing."""
    metrics = Metrics(tmp_path, keep_bytes=0)
    whole = metrics._file

    class Half:
        def write(self, data: bytes) -> int:
            return whole.write(data[: max(len(data) // 2, 1)])

    metrics._file = Half()  # type: ignore[assignment]
    metrics.write(TRAIN)
    metrics._file = whole
    metrics.close()
    assert [each["step"] for each in read_figures(tmp_path, "train")] == [10]
