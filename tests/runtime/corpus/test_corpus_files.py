"""On disk: the same bytes for the same arguments, whole or not at all, and readable again."""

from hashlib import sha256
from pathlib import Path

import pytest

from runtime.corpus import files, make_corpus, write_corpus
from tests.support.corpus import read_pairs, read_phenomena

pytestmark = pytest.mark.quick

SHA256 = "5200c8952ad2ace87edef7cf9597fda6bc259dd4cff64e7e3e901d2aa7a8abb9"
NAMES = [
    *("test.de", "test.difficulties.tsv", "test.en", "test.links.jsonl", "test.phenomena.jsonl"),
    *("train.de", "train.difficulties.tsv", "train.en"),
    *("valid.de", "valid.difficulties.tsv", "valid.en", "valid.links.jsonl"),
]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_written_corpus_reads_back(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "demo", train=60, valid=20, test=30, seed=1)
    assert read_pairs(tmp_path / "demo") == list(corpus.test)
    train = read_pairs(tmp_path / "demo", "train")
    assert [(pair.english, pair.german) for pair in train] == [
        (pair.english, pair.german) for pair in corpus.train
    ]
    phenomena = read_phenomena(tmp_path / "demo" / "test.phenomena.jsonl")
    assert phenomena == [pair.phenomena for pair in corpus.test]


def test_writing_and_making_agree(tmp_path: Path) -> None:
    written = write_corpus(tmp_path, train=10, valid=5, test=5, seed=9)
    assert written == make_corpus(train=10, valid=5, test=5, seed=9)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    write_corpus(tmp_path / "one", train=60, valid=20, test=30, seed=1)
    write_corpus(tmp_path / "two", train=60, valid=20, test=30, seed=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_the_corpus_of_a_seed_stays_what_it_is(tmp_path: Path) -> None:
    """Scores of the demo are compared over versions: its corpus may not change by a byte.

    Positions of words beside the texts are no part of what is trained on or scored.
    """
    write_corpus(tmp_path, train=2000, valid=100, test=300, seed=1)
    texts = {name: text for name, text in contents(tmp_path).items() if ".links." not in name}
    written = b"".join(name.encode() + b"\0" + text for name, text in texts.items())
    assert sha256(written).hexdigest() == SHA256


def test_lines_end_in_newlines_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_corpus(tmp_path, train=6, valid=2, test=3, seed=1)
    written = contents(tmp_path)
    assert list(written) == NAMES
    lines = {"train": 6, "valid": 2, "test": 3}
    for name, text in written.items():
        assert text.count(b"\n") == lines[name.split(".")[0]]
        assert text.endswith(b"\n")
        assert b"\r" not in text


def test_a_corpus_can_be_replaced(tmp_path: Path) -> None:
    write_corpus(tmp_path, train=6, valid=2, test=3, seed=1)
    corpus = write_corpus(tmp_path, train=5, valid=2, test=4, seed=2)
    assert read_pairs(tmp_path) == list(corpus.test)


def test_a_killed_run_leaves_no_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def fail_at_the_fifth(path: Path, lines: list[str]) -> None:
        written.append(path.name)
        if len(written) == 5:
            raise KeyboardInterrupt
        path.write_text("\n".join(lines))

    monkeypatch.setattr(files, "_write_lines", fail_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        write_corpus(tmp_path, train=6, valid=2, test=3, seed=1)
    assert all(path.name.endswith(".partial") for path in tmp_path.iterdir())


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="expected counts from 0"):
        make_corpus(train=-1, valid=0, test=0, seed=1)
