"""`evaluate` and `score`: the same numbers, and what is written beside the run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_the_test_set_is_scored_and_written_down(
    specformer: Command, trained_run: Path, corpus: Path
) -> None:
    ended = specformer("evaluate", trained_run, "--beam", 2, "--average", 99)
    assert ended.code == 0, ended.err
    for expected in ("BLEU", "chrF", "tok:13a", "beam 2", "tokens a second", "verb-final"):
        assert expected in ended.out
    report = json.loads((trained_run / "evaluation-test.json").read_text())
    assert report["sentences"] == 12
    assert report["averaged_checkpoints"] == 2
    assert "--average 99: " in ended.err
    assert "keeps fewer checkpoints; the last 2 are taken" in ended.err
    assert set(report["phenomena"]) == {"case", "verb-final", "antecedent"}
    again = specformer(
        *("score", "--hypothesis", trained_run / "evaluation-test.txt"),
        *("--reference", corpus / "test.de"),
    )
    assert f"BLEU {report['bleu']:6.2f}" in again.out
    assert f"BLEU {report['bleu']:6.2f}" in ended.out


def test_the_validation_set_has_its_own_files(specformer: Command, trained_run: Path) -> None:
    ended = specformer("evaluate", trained_run, "--split", "valid")
    assert ended.code == 0, ended.err
    assert "verb-final" not in ended.out
    assert len((trained_run / "evaluation-valid.txt").read_text().splitlines()) == 10


def test_scoring_files_of_different_length(specformer: Command, tmp_path: Path) -> None:
    for name, text in (("a", "x\ny\n"), ("b", "x\n")):
        (tmp_path / name).write_text(text)
    ended = specformer("score", "--hypothesis", tmp_path / "a", "--reference", tmp_path / "b")
    assert ended.code == 2
    assert "2 hypotheses, but 1 references" in ended.err


def test_several_references_and_doubts(specformer: Command, tmp_path: Path) -> None:
    texts = {
        "hypothesis": "The dog sleeps there now.\n",
        "one": "A dog sleeps there now.\n",
        "two": "The dog sleeps here now.\n",
        "japanese": "\u72ac\u306f\u7720\u308b\u3002\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ended = specformer("score", "--hypothesis", "hypothesis", "--reference", "one")
    both = specformer(
        *("score", "--hypothesis", "hypothesis", "--reference", "one", "--reference", "two")
    )
    assert "nrefs:1" in ended.out
    assert "nrefs:2" in both.out
    assert ended.err == both.err == ""
    ended = specformer("score", "--hypothesis", "japanese", "--reference", "japanese")
    assert "BLEU   0.00" in ended.out
    assert ended.err.startswith("warning: 1 of 1 references have fewer than 4 tokens as 13a cuts")
    for word in ("char", "CHAR"):
        again = specformer(
            *("score", "--hypothesis", "japanese", "--reference", "japanese", "--tokenize", word)
        )
        assert ("BLEU 100.00" in again.out, again.err) == (True, "")
    ended = specformer("score", "--hypothesis", "one", "--reference", "two", "--tokenize", "moses")
    assert (ended.code, "'moses' is not one of" in ended.err) == (2, True)
    assert "Value error" not in ended.err
    ended = specformer(
        *("score", "--hypothesis", "one", "--reference", "two", "--tokenize", "ko-mecab")
    )
    assert ended.code == 2 or "tok:ko-mecab" in ended.out
