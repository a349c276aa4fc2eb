"""The corpus on disk: one sentence a line, and what the test sentences ask for beside them."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runtime.corpus.grammar import Pair, pairs
from runtime.corpus.phrase import Phenomenon

PHENOMENA = "test.phenomena.jsonl"
LINKS = "{split}.links.jsonl"
"""The file with the positions of antecedents and verbs in the English sentences of a split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Three sets that share no English sentence."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    test: tuple[Pair, ...]


def make_corpus(*, train: int, valid: int, test: int, seed: int) -> Corpus:
    """The first pairs of the stream; test and validation do not change when training grows.

    Raises ValueError for a negative number of pairs.
    """
    if min(train, valid, test) < 0:
        raise ValueError(f"expected counts from 0, got {train=}, {valid=}, {test=}")
    stream = pairs(seed)
    test_pairs = tuple(islice(stream, test))
    valid_pairs = tuple(islice(stream, valid))
    return Corpus(train=tuple(islice(stream, train)), valid=valid_pairs, test=test_pairs)


def write_corpus(folder: Path, *, train: int, valid: int, test: int, seed: int) -> Corpus:
    """Makes a corpus and writes it.

    Its files are {train,valid,test}.{en,de,difficulties.tsv}, {valid,test}.links.jsonl and
    test.phenomena.jsonl.
    The files get their names when all are written, the phenomena last: where that file is,
    the corpus is whole.
    """
    corpus = make_corpus(train=train, valid=valid, test=test, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PHENOMENA).unlink(missing_ok=True)
    _write_together(folder, _contents(corpus))
    return corpus


def difficulties(pair: Pair) -> str:
    """Returns the difficulties of a pair as one label: `case+verb-final`, or `none`."""
    found = [str(each) for each in Phenomenon if pair.phenomena.get(each)]
    return "+".join(found) or "none"


def _contents(corpus: Corpus) -> dict[str, list[str]]:
    """The lines of every file, by name; the phenomena come last."""
    contents: dict[str, list[str]] = {}
    for split in ("train", "valid", "test"):
        split_pairs: Sequence[Pair] = getattr(corpus, split)
        contents[f"{split}.en"] = [pair.english for pair in split_pairs]
        contents[f"{split}.de"] = [pair.german for pair in split_pairs]
        contents[f"{split}.difficulties.tsv"] = [
            f"{pair.english}\t{difficulties(pair)}" for pair in split_pairs
        ]
    for split, pairs_of_split in (("valid", corpus.valid), ("test", corpus.test)):
        lines = [json.dumps(each.links.record(), ensure_ascii=False) for each in pairs_of_split]
        contents[LINKS.format(split=split)] = lines
    contents[PHENOMENA] = [json.dumps(pair.phenomena, ensure_ascii=False) for pair in corpus.test]
    return contents


def _write_together(folder: Path, contents: dict[str, list[str]]) -> None:
    for name, lines in contents.items():
        _write_lines(folder / f"{name}.partial", lines)
    for name in contents:
        (folder / f"{name}.partial").replace(folder / name)


def _write_lines(path: Path, lines: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
