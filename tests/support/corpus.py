"""Reads the files of a corpus back, so that tests can compare them with what was written."""

import json
from pathlib import Path

from runtime.corpus import Pair, Phenomenon
from runtime.corpus.files import PHENOMENA


def read_phenomena(path: Path) -> list[dict[Phenomenon, tuple[str, ...]]]:
    """Return what each test sentence asks for, in the order of the lines."""
    objects = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [{Phenomenon(name): tuple(texts) for name, texts in each.items()} for each in objects]


def read_pairs(folder: Path, split: str = "test") -> list[Pair]:
    """Return the pairs of a split as they were written, phenomena included where they are kept."""
    english, german = (
        (folder / f"{split}.{language}").read_text(encoding="utf-8").splitlines()
        for language in ("en", "de")
    )
    phenomena = read_phenomena(folder / PHENOMENA) if split == "test" else [{} for _ in english]
    return [
        Pair(english=source, german=target, phenomena=expected)
        for source, target, expected in zip(english, german, phenomena, strict=True)
    ]
