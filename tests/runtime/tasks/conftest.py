"""Tiny models of the tasks that read one text, and text for them."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from compiler.pipeline import compile_spec

WORDS = [f"w{number:02}" for number in range(16)]
LABELS = ("even", "odd")
TASKS = ("language_model", "masked_language_model", "classification", "embedding")

MakeTask = Callable[..., Path]

BASE = {
    "name": "tiny",
    "model": {
        "d_model": 16,
        "dropout": 0.1,
        "attention": {"heads": 2},
        "feed_forward": {"d_ff": 32},
    },
    "training": {
        "batch_tokens": 120,
        "steps": 30,
        "precision": "float32",
        "schedule": {"peak": 0.01, "warmup_steps": 10},
        "validation": {"every": 10},
    },
    "evaluation": {"average_last": 3},
}
MODELS = {
    "language_model": {"vocabulary": {"size": 20}, "decoder": {"layers": 1}},
    "masked_language_model": {"vocabulary": {"size": 21}, "encoder": {"layers": 1}},
    "classification": {
        "vocabulary": {"size": 20},
        "encoder": {"layers": 1},
        "classifier": {"classes": 2},
    },
    "embedding": {"vocabulary": {"size": 20}, "encoder": {"layers": 1}},
}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A folder with texts, and with the label of each: whether its first word's number is even."""
    folder = tmp_path / "text"
    folder.mkdir()
    draw = random.Random(0)
    for name, lines in (("train", 60), ("valid", 12), ("test", 9)):
        texts = [draw.choices(WORDS, k=draw.randint(2, 9)) for _ in range(lines)]
        if name == "train":
            texts.append(WORDS)
        write(folder, name, [" ".join(words) for words in texts])
    return folder


def write(folder: Path, name: str, texts: list[str]) -> None:
    labels = [LABELS[int(text[1:3]) % 2] for text in texts]
    (folder / f"{name}.txt").write_text("".join(f"{text}\n" for text in texts))
    (folder / f"{name}.label").write_text("".join(f"{label}\n" for label in labels))
    backwards = [" ".join(text.split()[::-1]) for text in texts]
    (folder / f"{name}.back").write_text("".join(f"{text}\n" for text in backwards))
    rows = zip(texts, labels, strict=True)
    (folder / f"{name}.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in rows))


@pytest.fixture
def make_task(tmp_path: Path, text: Path) -> MakeTask:
    """make_task("classification", "model.dropout=0.0", name="other") -> the folder of a package."""

    def make(task: str, *settings: str, name: str = "package") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree(task, text)))
        compile_spec(str(path), settings).write(tmp_path / name)
        return tmp_path / name

    return make


def tree(task: str, text: Path) -> dict[str, object]:
    corpora = {part: corpus(task, part) for part in ("train", "valid", "test")}
    data = {"folder": str(text), "tokenizer": {"kind": "segmented"}, "max_length": 20}
    model = {**BASE["model"], **MODELS[task]}  # type: ignore[dict-item]
    return {**BASE, "task": task, "model": model, "data": {**data, **corpora}}


def corpus(task: str, part: str) -> dict[str, str]:
    """The text of a part; a text and itself backwards belong together."""
    if task == "embedding":
        return {"source": f"{part}.txt", "target": f"{part}.back"}
    labels = {"label": f"{part}.label"} if task == "classification" else {}
    return {"text": f"{part}.txt"} | labels
