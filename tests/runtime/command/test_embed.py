"""`specformer embed`: vectors in each form, cosines, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime
from runtime.command import app
from runtime.inference.embedder import Embedder

Command = Callable[..., Any]
pytestmark = pytest.mark.quick

SETTINGS = {
    "model.d_model": 16,
    "model.attention.heads": 2,
    "model.feed_forward.d_ff": 32,
    "model.encoder.layers": 1,
    "model.vocabulary.size": 180,
    "model.pooling.normalize": "false",
    "data.folder": "text",
    "data.max_length": 40,
    "training.batch_tokens": 512,
    "training.steps": 4,
    "training.schedule.warmup_steps": 2,
    "training.validation.every": 2,
}
OPTIONS = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
LINES = ["The old man sleeps.", "We saw the dog.", "The old man sleeps."]


def call(*words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["specformer", *map(str, words)])
        with pytest.raises(SystemExit) as exit:
            app.main()
    assert not exit.value.code


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text, and a run of the library's embedding model, made tiny."""
    from runtime.corpus import write_corpus

    folder = tmp_path_factory.mktemp("embed")
    write_corpus(folder / "text", train=120, valid=10, test=12, seed=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call("train", "embedding", "--out", "run", "--device", "cpu", *OPTIONS)
    (folder / "lines").write_text("".join(f"{line}\n" for line in LINES))
    (folder / "others").write_text("".join(f"{line}\n" for line in LINES[::-1]))
    return folder


@pytest.fixture(autouse=True)
def at_home(home: Path, specformer: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in the folder with the run, but for what they are told to write elsewhere."""
    del specformer  # which goes to another folder
    monkeypatch.chdir(home)


def vectors() -> Any:
    model = runtime.load("run", device="cpu")
    assert isinstance(model, Embedder)
    return model.embed(LINES)


def test_each_form_holds_the_vectors(specformer: Command, tmp_path: Path) -> None:
    expected = vectors()
    done = specformer("embed", "run", "--input", "lines", "--device", "cpu")
    assert done.code == 0, done.err
    printed = [[float(each) for each in line.split("\t")] for line in done.out.splitlines()]
    np.testing.assert_allclose(printed, expected, rtol=1e-6)
    for name in ("x.tsv", "x.jsonl", "x.npy"):
        path = tmp_path / name
        done = specformer("embed", "run", "--input", "lines", "--out", path, "--device", "cpu")
        assert done.code == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == LINES
    np.testing.assert_allclose([row["vector"] for row in rows], expected, rtol=1e-6)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "x.tsv"), expected, rtol=1e-6)


def test_cosines_of_two_files(specformer: Command) -> None:
    words = ("embed", "run", "--input", "lines", "--similarity", "others", "--device", "cpu")
    done = specformer(*words)
    assert done.code == 0, done.err
    one = vectors()
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(one, one[::-1])]  # noqa: B905
    np.testing.assert_allclose(list(map(float, done.out.split())), cosines, atol=2e-6)
    assert float(done.out.split()[0]) == pytest.approx(1)


@pytest.mark.parametrize(("more", "said"), [("lines", "has no line 3"), ("others", "more lines")])
def test_files_of_two_lengths_have_no_cosines(
    more: str, said: str, specformer: Command, tmp_path: Path
) -> None:
    short = tmp_path / "short"
    short.write_text("".join(f"{line}\n" for line in LINES[:2]))
    files = (more, short) if more == "lines" else (short, more)
    out = tmp_path / "x.tsv"
    done = specformer("embed", "run", "--input", files[0], "--similarity", files[1], "--out", out)
    assert done.code == 2
    assert said in done.err
    assert not out.exists()


def test_a_long_line_is_cut_and_said(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("We saw the dog. " * 40 + "\n")
    done = specformer("embed", "run", "--input", tmp_path / "long", "--device", "cpu")
    assert done.code == 0
    assert "line 1: cut from" in done.err
    assert "to the first 38" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("classify", "run"), "specformer embed run` is"),
        (("embed", "run", "--format", "npy"), "standard output holds text"),
        (("embed", "run", "--out", "x.csv"), "does not end in .tsv, .jsonl or .npy"),
        (("embed", "run", "--similarity", "others", "--out", "x.npy"), "--similarity writes"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], said: str, specformer: Command) -> None:
    done = specformer(*words, "--input", "lines")
    assert done.code == 2
    assert said in done.err


def test_an_embedding_model_begins_with_a_masked_language_model(specformer: Command) -> None:
    """The vocabulary and the encoder are taken; the head that predicts tokens stays behind."""
    of_both = {**SETTINGS, "model.vocabulary.size": 120}
    ours = [part for key, value in of_both.items() for part in ("--set", f"{key}={value}")]
    place = ours.index("model.pooling.normalize=false")
    masked = [*ours[: place - 1], *ours[place + 1 :]]
    done = specformer("train", "masked-language-model", "--out", "masked", *masked)
    assert done.code == 0, done.err
    done = specformer("transfer", "masked", "embedding", *ours, "--out", "begun")
    assert done.code == 0, done.err
    trained = specformer("train", "begun/package", "--out", "begun", "--resume", "--device", "cpu")
    assert trained.code == 0, trained.err
    assert isinstance(runtime.load("begun", device="cpu"), Embedder)


def test_explain_says_what_the_negatives_are(specformer: Command) -> None:
    done = specformer("explain", "embedding", "--set", "training.accumulate=2", "--length", "32")
    assert "63 for a source: the targets of the other pairs of its micro-batch" in done.out
    assert "negatives" not in specformer("explain", "classifier").out


def test_conform_knows_another_task(specformer: Command) -> None:
    done = specformer("conform", "embedding")
    assert "embedding" in done.out
    assert "task" in done.out


def test_a_picture_has_the_parts_behind_the_encoder(specformer: Command) -> None:
    settings = ("--set", "model.pooling.width=24", "--set", "model.pooling.kind=last")
    done = specformer("draw", "embedding", *settings, "--format", "mermaid")
    for part in ("Last Position", "Linear", "Normalize", "Vector of the Text"):
        assert part in done.out
    assert "Softmax" not in done.out


def test_another_kind_of_pooling_leaves_the_rest(specformer: Command) -> None:
    settings = ("--set", "model.pooling.normalize=false", "--set", "model.pooling.kind=first")
    done = specformer("show", "embedding", *settings)
    assert "normalize: false" in done.out
    assert "dropped" not in done.out
