"""Scores against the numbers and words that sacreBLEU's own command gives."""

import json
from pathlib import Path

import pytest

from compiler.spec.training import Decoding, Evaluation
from runtime.checkpoints.choice import Weights
from runtime.corpus import Score
from runtime.errors import UserError
from runtime.scoring.evaluation import Evaluated, Speed
from runtime.scoring.score import Scores, score

HYPOTHESES = ["The dog sleeps here.", "A cat sees her own house now."]
REFERENCES = ["The dog sleeps there.", "A cat sees its own house now."]


def test_a_perfect_translation_has_full_marks() -> None:
    scores = score(REFERENCES, REFERENCES, Evaluation())
    assert scores.bleu == pytest.approx(100)
    assert scores.chrf == pytest.approx(100)


def test_signatures_say_how_the_score_was_made() -> None:
    scores = score(HYPOTHESES, REFERENCES, Evaluation(tokenize="intl", lowercase=True))
    assert scores.bleu_signature.startswith("nrefs:1|case:lc|eff:no|tok:intl|smooth:exp|version:")
    assert scores.chrf_signature.startswith("nrefs:1|case:lc|eff:yes|nc:6|nw:0|space:no|version:")


def test_bleu_is_the_geometric_mean_of_the_precisions() -> None:
    """11 of 13 tokens, 7 of 11 pairs, 4 of 9 triples, 1 of 7 quadruples, no brevity penalty."""
    found = score(HYPOTHESES, REFERENCES, Evaluation()).bleu
    assert found == pytest.approx(100 * (11 / 13 * 7 / 11 * 4 / 9 * 1 / 7) ** 0.25)


def test_the_protocol_of_the_spec_decides() -> None:
    upper = [line.upper() for line in REFERENCES]
    assert score(upper, REFERENCES, Evaluation()).bleu < 20
    assert score(upper, REFERENCES, Evaluation(lowercase=True)).bleu == pytest.approx(100)
    glued = ["a b c d e ."]
    assert score(glued, ["a b c d e."], Evaluation()).bleu == pytest.approx(100)
    assert score(glued, ["a b c d e."], Evaluation(tokenize="none")).bleu < 90


def test_unequal_numbers_of_lines_are_refused() -> None:
    with pytest.raises(UserError, match="2 hypotheses, but 1 references"):
        score(HYPOTHESES, REFERENCES[:1], Evaluation())
    with pytest.raises(UserError, match="nothing to score"):
        score([], [], Evaluation())


def test_an_evaluation_is_written_beside_its_translations(tmp_path: Path) -> None:
    evaluated = Evaluated(
        split="test",
        scores=Scores(
            headline="bleu", bleu=41.0, bleu_signature="b", chrf=60.0, chrf_signature="c"
        ),
        protocol=Evaluation(tokenize="none"),
        decoding=Decoding(beam=5),
        weights=Weights(checkpoint="last", updates=(10, 20, 30)),
        int8=True,
        workers=2,
        speed=Speed(sentences=2, tokens=30, seconds=1.5),
        phenomena={"case": Score(right=3, total=4)},
        sources=["A dog.", "size"],
        references=["Ein Hund.", "Größe"],
        hypotheses=["Ein Hund.", "Größe"],
    )
    text, report = evaluated.write(tmp_path)
    assert text.read_text(encoding="utf-8") == "Ein Hund.\nGröße\n"
    content = json.loads(report.read_text(encoding="utf-8"))
    assert content["bleu"] == 41.0
    assert content["tokenize"] == "none"
    assert content["decoding"]["beam"] == 5
    assert content["tokens_per_second"] == 20.0
    assert content["phenomena"] == {"case": {"right": 3, "total": 4}}
    assert {path.name for path in tmp_path.iterdir()} == {
        "evaluation-test.txt",
        "evaluation-test.json",
    }


def test_the_headline_is_the_metric_of_the_protocol() -> None:
    assert score(["a"], ["a"], Evaluation(metric="chrf")).headline == "chrf"
