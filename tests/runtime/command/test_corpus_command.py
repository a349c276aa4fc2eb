"""`corpus`: the same files as the generator's own, in a folder that was not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.corpus.files import PHENOMENA
from tests.support.corpus import read_pairs

pytestmark = pytest.mark.quick

Command = Callable[..., Any]


def test_a_corpus_is_written_once(specformer: Command, tmp_path: Path) -> None:
    folder = tmp_path / "text" / "demo"
    arguments = ("corpus", folder, "--train", 20, "--valid", 5, "--test", 6, "--seed", 3)
    ended = specformer(*arguments)
    assert ended.code == 0, ended.err
    assert [len(read_pairs(folder, split)) for split in ("train", "valid", "test")] == [20, 5, 6]
    assert (folder / PHENOMENA).is_file()
    again = specformer(*arguments)
    assert again.code == 2
    assert "exists already" in again.err
