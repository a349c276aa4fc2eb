"""Labels of texts, and tokens for their gaps."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.data.prepare import prepare
from runtime.data.symbols import BEGIN, END, MASK, NAMES_WITH_MASK
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.errors import UserError
from runtime.inference.classifier import Classifier
from runtime.inference.filler import Filler
from runtime.package import load_package
from tests.runtime.tasks.conftest import LABELS, WORDS, MakeTask

pytestmark = pytest.mark.quick

TEXTS = ["w03 w05", "", "w01", "w07 w02 w09 w11 w04", "w04 w04"]
GAPS = ["w01 ___ w02", "[MASK]", "w05 [MASK] w03 _____", "w01 w02 w03 w04 ___"]


@pytest.fixture
def classifier(make_task: MakeTask) -> Classifier:
    package = load_package(make_task("classification"))
    torch.manual_seed(2)
    model = package.model_class().eval()
    return Classifier(model, SegmentedTokenizer(WORDS, joiner="@@"), LABELS, package.spec)


@pytest.fixture
def filler(make_task: MakeTask) -> Filler:
    package = load_package(make_task("masked_language_model"))
    torch.manual_seed(2)
    tokenizer = SegmentedTokenizer(WORDS, joiner="@@", symbols=NAMES_WITH_MASK)
    return Filler(package.model_class().eval(), tokenizer, package.spec)


def test_labels_in_a_batch_are_those_alone(classifier: Classifier) -> None:
    together = classifier.classify_n_best(TEXTS, 2)
    for text, labels in zip(TEXTS, together, strict=True):
        (alone,) = classifier.classify_n_best([text], 2)
        assert [label.name for label in labels] == [label.name for label in alone]
        probabilities = [label.probability for label in labels]
        assert probabilities == pytest.approx([label.probability for label in alone], abs=1e-5)
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities == sorted(probabilities, reverse=True)
    assert classifier.classify(TEXTS) == [best.name for best, *_ in together]


def test_a_text_is_read_between_begin_and_end(classifier: Classifier) -> None:
    tokens = classifier.tokenizer.encode("w03 w05")
    logits = classifier.model.project(
        classifier.model.features(torch.tensor([[BEGIN, *tokens, END]]))
    )
    (labels,) = classifier.classify_n_best(["w03 w05"], 1)
    assert labels[0].probability == pytest.approx(logits.softmax(-1).max().item())


def test_a_long_text_is_cut_and_reported(classifier: Classifier) -> None:
    said: list[str] = []
    long = " ".join(WORDS * 2)
    labels = classifier.classify(["w01", long], report=said.append)
    assert said == ["line 2: cut from 32 tokens to the first 18"]
    assert labels[1] == classifier.classify([" ".join((WORDS * 2)[:18])])[0]


def test_gaps_in_a_batch_are_filled_as_alone(filler: Filler) -> None:
    together = filler.fill(GAPS, 3)
    assert [len(gaps) for gaps in together] == [1, 1, 2, 1]
    for text, gaps in zip(GAPS, together, strict=True):
        (alone,) = filler.fill([text], 3)
        for fillings, others in zip(gaps, alone, strict=True):
            assert [each.text for each in fillings] == [each.text for each in others]
            assert {each.text for each in fillings} <= set(WORDS), "a symbol fills no gap"


def test_each_gap_has_its_own_tokens(filler: Filler) -> None:
    tokens = filler.tokenizer.encode
    read = torch.tensor([[BEGIN, *tokens("w05"), MASK, *tokens("w03"), MASK, END]])
    logits = filler.model.project(filler.model.features(read))[0]
    logits[:, : len(NAMES_WITH_MASK)] = -torch.inf
    (gaps,) = filler.fill(["w05 [MASK] w03 _____"], 1)
    best = [filler.tokenizer.decode([int(logits[place].argmax())]) for place in (2, 4)]
    assert [fillings[0].text for fillings in gaps] == best


def test_more_fillings_than_there_are(filler: Filler) -> None:
    ((fillings,),) = filler.fill(["___"], 1000)
    assert sorted(each.text for each in fillings) == WORDS
    assert sum(each.probability for each in fillings) == pytest.approx(1)


def test_a_line_without_a_gap(filler: Filler) -> None:
    with pytest.raises(UserError, match="line 12 has no gap") as caught:
        filler.fill(["w01 ___", "w01 __ MASK"], first_line=11)
    assert "[MASK] or ___" in caught.value.help


def test_a_line_that_is_too_long(filler: Filler) -> None:
    with pytest.raises(UserError, match="line 1 has 33 tokens, more than the 18"):
        filler.fill([" ".join([*WORDS, *WORDS, "___"])])


def test_marks_after_a_gap_are_cut_as_after_a_word(
    tmp_path: Path, make_task: Callable[..., Path], text: Path
) -> None:
    lines = "".join(f"w{n:02} w{n + 1:02}. and, so on!\n" for n in range(15))
    for part in ("train", "valid", "test"):
        (text / f"{part}.txt").write_text(lines)
    pieces = ("data.tokenizer={kind: sentencepiece}", "model.vocabulary.size=35")
    package = load_package(make_task("masked_language_model", *pieces))
    tokenizer = prepare(package.spec, tmp_path / "cache", report=lambda _: None).source
    assert isinstance(tokenizer, SentencePieceTokenizer)
    for rest in (".", ", so on!"):
        assert [*tokenizer.encode("w01"), *tokenizer.encode_rest(rest)] == tokenizer.encode(
            f"w01{rest}"
        )
    assert tokenizer.encode_rest(" and") == tokenizer.encode("and")
    assert tokenizer.encode_rest("") == []
