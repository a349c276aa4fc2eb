"""A table of learned positions that an edit has made shorter than the lock says."""

import re
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec
from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick

LEARNED = "model.embedding.position={kind: learned, max_length: 128}"
OWN = {
    "demo": ["decoding.max_extra_length=1"],
    "language-model": ["decoding.max_extra_length=1"],
    "classifier": ["model.classifier.classes=7"],
    "masked-language-model": [],
}


def edited_package(folder: Path, spec: str, corpus: Path, rows: int) -> Path:
    """The package of a tiny network whose table has that many rows."""
    settings = (
        *("model.d_model=16", "model.attention.heads=2", "model.feed_forward.d_ff=16", LEARNED),
        *(f"data.folder={corpus}", "training.steps=1", "training.batch_tokens=512"),
        *("training.schedule.warmup_steps=1", "training.validation.every=1"),
        *("model.vocabulary.size=130", *OWN[spec]),
    )
    compile_spec(spec, settings).write(folder)
    model = folder / "model.py"
    text = model.read_text()
    assert "MAX_LENGTH = 128" in text
    model.write_text(text.replace("MAX_LENGTH = 128", f"MAX_LENGTH = {rows}"))
    return folder


def test_training_says_so(specformer: Command, corpus: Path, tmp_path: Path) -> None:
    package = edited_package(tmp_path / "package", "demo", corpus, rows=5)
    ended = specformer("train", package, "--out", "run", "--device", "cpu")
    assert ended.code == 2
    assert "error: the text is longer than the network's table of positions" in ended.err
    assert "model.embedding.position.max_length" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("spec", "command"),
    [
        ("demo", "translate"),
        ("language-model", "generate"),
        ("classifier", "classify"),
        ("masked-language-model", "fill"),
    ],
)
def test_the_line_is_named(
    specformer: Command, corpus: Path, tmp_path: Path, spec: str, command: str
) -> None:
    package = edited_package(tmp_path / "package", spec, corpus, rows=75)
    trained = specformer("train", package, "--out", "run", "--device", "cpu")
    assert trained.code == 0, trained.err
    gap = " ___" if command == "fill" else ""
    text = tmp_path / "text.txt"
    text.write_text(f"The dog.{gap}\n{'xyzzy ' * 18}{gap}\n")
    ended = specformer(command, "run", "--input", text, "--device", "cpu")
    assert ended.code == 2
    assert re.search(
        r"error: (line 2|one of lines 1 to 2): the text is longer than the network's table",
        ended.err,
    )
    assert "Traceback" not in ended.err
