"""A small text and the spec that reads it."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from compiler.spec.spec import Spec
from runtime.data.pairs import Pairs
from runtime.data.sentences import Sentences

ROOT = Path(__file__).parents[3]
WORDS = ["der", "die", "das", "hund", "katze", "maus", "sieht", "frisst", "jagt", "kleine"]
WORDS += ["grosse", "alte", "und", "nicht", "heute"]
SEGMENTED = {"kind": "segmented", "joiner": "@@"}

MakeSpec = Callable[..., Spec]
MakePairs = Callable[..., Pairs]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A folder with parallel text: train (300 pairs), valid (20), test (10)."""
    folder = tmp_path / "text"
    folder.mkdir()
    draw = random.Random(0)
    for part, lines in (("train", 300), ("valid", 20), ("test", 10)):
        for side in ("source", "target"):
            sentences = (" ".join(draw.choices(WORDS, k=draw.randint(2, 9))) for _ in range(lines))
            (folder / f"{part}.{side}").write_text("".join(f"{s}\n" for s in sentences))
    return folder


@pytest.fixture
def make_spec(text: Path) -> MakeSpec:
    """make_spec(vocabulary={}, position={}, training={}, tokenizer={}, max_length=9 ...)"""
    lock = yaml.safe_load((ROOT / "generated" / "demo" / "spec.lock.yaml").read_text())

    def make(
        *,
        vocabulary: dict[str, Any] | None = None,
        position: dict[str, Any] | None = None,
        training: dict[str, Any] | None = None,
        **data: Any,
    ) -> Spec:
        parts = {
            part: {"source": f"{part}.source", "target": f"{part}.target"}
            for part in ("train", "valid", "test")
        }
        tree = copy.deepcopy(lock)
        tree["data"] = {"folder": str(text), "tokenizer": SEGMENTED} | parts | data
        tree["model"]["vocabulary"] = vocabulary or {"shared": True, "size": len(WORDS) + 4}
        if position:
            for stack in ("encoder", "decoder"):
                tree["model"][stack]["position"] = position
        tree["training"].update(training or {})
        return Spec.model_validate(tree)

    return make


@pytest.fixture
def make_pairs() -> MakePairs:
    """make_pairs(source_lengths, target_lengths) -> pairs of such lengths, END included."""

    def sentences(lengths: list[int], base: int) -> Sentences:
        tokens = [[base + number] * (length - 1) + [3] for number, length in enumerate(lengths)]
        flat = np.array([token for sentence in tokens for token in sentence], dtype=np.int32)
        return Sentences.of(flat, np.cumsum(lengths, dtype=np.int64))

    def make(source: list[int], target: list[int]) -> Pairs:
        return Pairs(sources=sentences(source, 1000), targets=sentences(target, 100_000))

    return make
