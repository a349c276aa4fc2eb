"""`corpus`: the generator's own files, or a published corpus, in a folder that was not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.corpora.catalogue import catalogue
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


def test_published_corpora_are_described(specformer: Command) -> None:
    ended = specformer("corpus", "--list")
    assert ended.code == 0, ended.err
    for name, each in catalogue().items():
        assert f"specformer corpus data/{name} --name {name}" in ended.out
        for known in (each.size, each.document, each.licence, each.homepage, each.citation):
            assert known in ended.out


def write_text(folder: Path) -> None:
    folder.mkdir()
    for name in ("train", "valid", "test"):
        (folder / f"{name}.en").write_text("a b\na b\n\n", encoding="utf-8")
        (folder / f"{name}.de").write_text("ä b\nä b\nc\n", encoding="utf-8")


def test_a_published_corpus_is_counted_and_says_what_is_trained_on_it(
    specformer: Command, tmp_path: Path
) -> None:
    write_text(tmp_path / "brought")
    arguments = ("--name", "wmt14-en-de", "--from", "brought", "--drop-duplicates")
    ended = specformer("corpus", "data/wmt14-en-de", *arguments)
    assert ended.code == 0, ended.err
    assert "train: 3 pairs read, 1 empty, 1 duplicate, 1 written\n" in ended.out
    assert "newstest2013: 3 pairs read, 3 written\n" in ended.out
    assert "licence: free for research" in ended.out
    assert ended.out.endswith("train on it: specformer train transformer-big\n")
    assert "warning: train has 3 pairs, and 4,508,785 where it is published" in ended.err
    again = specformer("corpus", "data/wmt14-en-de", *arguments)
    assert (again.code, again.out) == (2, "")
    assert "add --force" in again.err
    assert specformer("corpus", "data/wmt14-en-de", *arguments, "--force").code == 0
    elsewhere = specformer("corpus", "my text", *arguments)
    assert "specformer train transformer-base --data 'my text'\n" in elsewhere.out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "FOLDER is missing"),
        (("x", "--name", "wmt41"), "there is no published corpus 'wmt41'"),
        (("x", "--name", "enwik8", "--train", 5), "--train belongs to the demo's corpus"),
        (("x", "--max-length", 5), "--max-length belongs to a published corpus"),
        (("x", "--from", "y"), "--from belongs to a published corpus"),
        (("x", "--force"), "--force belongs to a published corpus"),
        (("--list", "--name", "enwik8"), "--list takes nothing beside it"),
        (("x", "--name", "enwik8", "--from", "nowhere"), "there is no nowhere"),
        (("x", "--name", "enwik8", "--from", ""), "--from: the name is empty"),
        (("x", "--name", "enwik8", "--max-ratio", 0.5), "--max-ratio"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: tuple[object, ...], error: str, specformer: Command, tmp_path: Path
) -> None:
    ended = specformer("corpus", *arguments)
    assert ended.code == 2
    assert error in ended.err
    assert list(tmp_path.iterdir()) == []


def test_training_without_its_corpus_names_the_command_that_writes_it(specformer: Command) -> None:
    ended = specformer("train", "transformer-base")
    assert ended.code == 2
    assert "there is no file data/wmt14-en-de/train.en" in ended.err
    command = "specformer corpus data/wmt14-en-de --name wmt14-en-de"
    assert f"help: `{command}` writes that folder; " in ended.err
    other = specformer("train", "transformer-base", "--data", "elsewhere")
    assert "there is no file elsewhere/train.en" in other.err
    assert "specformer corpus" not in other.err
