"""What is scored against what."""

from pathlib import Path

import pytest

from compiler.spec.data import ParallelFiles
from compiler.spec.lock import read_lock
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.scoring.measures import read_scoring_set

pytestmark = pytest.mark.quick

DEMO = Path(__file__).parents[3] / "generated" / "demo" / "spec.lock.yaml"


def test_references_are_joined_and_empty_lines_stay(tmp_path: Path) -> None:
    (tmp_path / "test.en").write_text("a small@@ er dog\n\nno\n", encoding="utf-8")
    (tmp_path / "test.de").write_text("ein klein@@ er@@ er Hund\nx\nnein\n", encoding="utf-8")
    spec = read_lock(DEMO)
    files = ParallelFiles(source="test.en", target="test.de")
    data = spec.data.model_copy(update={"folder": str(tmp_path), "test": files})
    tokenizer = SegmentedTokenizer(["klein@@", "er@@"], joiner="@@")
    text = read_scoring_set(spec.model_copy(update={"data": data}), "test", tokenizer)
    assert text.sources == ["a small@@ er dog", "", "no"]
    assert text.references == ["ein kleinerer Hund", "x", "nein"]
