"""How lines become the examples of each task."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compiler.spec.training import MaskedTokens
from runtime.data.prepare import Prepared, prepare
from runtime.data.sentences import Sentences
from runtime.data.symbols import BEGIN, END, MASK, NAMES_WITH_MASK, PADDING
from runtime.data.texts import Documents, LabelledTexts, MaskedTexts
from runtime.errors import UserError
from runtime.package import load_package
from tests.runtime.tasks.conftest import WORDS, MakeTask, write

pytestmark = pytest.mark.quick

PrepareTask = Callable[..., Prepared]


@pytest.fixture
def prepare_task(tmp_path: Path, make_task: MakeTask, said: list[str]) -> PrepareTask:
    """prepare_task("classification", "data.max_length=9"): what is prepared for such a spec."""

    def run(task: str, *settings: str) -> Prepared:
        spec = load_package(make_task(task, *settings)).spec
        return prepare(spec, tmp_path / "cache", report=said.append)

    return run


def sentences(*texts: list[int]) -> Sentences:
    flat = np.array([token for text in texts for token in text], dtype=np.int32)
    return Sentences.of(flat, np.cumsum([len(text) for text in texts]))


def test_a_document_is_predicted_from_what_comes_before() -> None:
    documents = Documents(pieces=sentences([7, 8, END], [9, 10], [11, END], [5, END]))
    batch = documents.collate(np.array([0, 2, 1, 3]))
    (read,) = batch.inputs
    assert read.tolist() == [[BEGIN, 7, 8], [10, 11, PADDING], [BEGIN, 9, PADDING], [BEGIN, 5, 0]]
    assert batch.labels.tolist() == [7, 8, END, 11, END, 9, 10, 5, END]
    assert batch.places.tolist() == [0, 1, 2, 3, 4, 6, 7, 9, 10]
    assert documents.count_labels(np.array([0, 2])) == 5


def test_long_lines_are_cut_into_pieces_and_nothing_is_lost(
    prepare_task: PrepareTask, text: Path, said: list[str]
) -> None:
    lines = (text / "train.txt").read_text().splitlines()
    documents = prepare_task("language_model", "data.max_length=4").train
    batch = documents.collate(np.arange(len(documents)))
    assert max(documents.sizes) == 4
    assert len(batch.labels) == sum(len(line.split()) + 1 for line in lines)
    assert (batch.labels == END).sum() == len(lines)
    assert (batch.inputs[0] == BEGIN).sum() == len(lines), "a piece is no new beginning"
    long = sum(len(line.split()) >= 4 for line in lines)
    assert any(f"; {long} long texts cut into pieces of 4 tokens" in line for line in said)


@pytest.mark.parametrize("task", ["language_model", "masked_language_model"])
def test_empty_lines_are_left_out_and_counted(
    task: str, prepare_task: PrepareTask, text: Path, said: list[str]
) -> None:
    with (text / "test.txt").open("a") as file:
        file.write("\n\n")
    assert len(prepare_task(task).tests["test"]) == 9
    assert any("test: 9 texts" in line and "2 empty lines left out" in line for line in said)


def masked(texts: int = 50, **settings: float) -> MaskedTexts:
    draw = np.random.default_rng(0)
    rows = [[*draw.integers(5, 100, 20).tolist(), END] for _ in range(texts)]
    return MaskedTexts(
        texts=sentences(*rows), masking=MaskedTokens.model_validate(settings), vocabulary=100
    )


def test_tokens_are_masked_as_the_shares_say() -> None:
    texts = masked(2000)
    batch = texts.drawn(1, 1).collate(np.arange(2000))
    seen = batch.inputs[0].flat[batch.places]
    assert len(batch.labels) == texts.count_labels(np.arange(2000)) == 2000 * 3
    assert (seen == MASK).mean() == pytest.approx(0.8, abs=0.02)
    assert (seen == batch.labels).mean() == pytest.approx(0.1, abs=0.02)
    assert batch.labels.min() >= len(NAMES_WITH_MASK), "neither BEGIN nor END is predicted"
    changed = seen[(seen != MASK) & (seen != batch.labels)]
    assert changed.min() >= len(NAMES_WITH_MASK)
    assert changed.max() < 100
    elsewhere = np.delete(np.arange(batch.inputs[0].size), batch.places)
    assert (batch.inputs[0].flat[elsewhere] != MASK).all()


def test_masks_depend_on_seed_epoch_and_text_alone() -> None:
    texts = masked()

    def reading(seed: int, epoch: int, *rows: int) -> list[list[int]]:
        read: list[list[int]] = texts.drawn(seed, epoch).collate(np.array(rows)).inputs[0].tolist()
        return read

    assert reading(1, 2, 7, 3)[1] == reading(1, 2, 3)[0]
    assert reading(1, 2, 3) != reading(1, 3, 3)
    assert reading(1, 2, 3) != reading(2, 2, 3)
    assert texts.collate(np.array([3])).inputs[0].tolist() == reading(0, 0, 3)


def test_masks_are_the_same_everywhere() -> None:
    """Resumed runs and other machines depend on it: this test must not be updated lightly."""
    batch = masked(3).drawn(7, 2).collate(np.arange(3))
    assert batch.places.tolist() == PLACES
    assert batch.inputs[0].flat[batch.places].tolist() == SEEN


PLACES = [7, 8, 9, 24, 39, 40, 49, 56, 61]
SEEN = [4, 83, 4, 4, 4, 4, 4, 4, 4]


def test_one_token_at_least_is_masked() -> None:
    texts = MaskedTexts(texts=sentences([9, END]), masking=MaskedTokens(), vocabulary=100)
    batch = texts.collate(np.array([0]))
    assert batch.labels.tolist() == [9]
    assert batch.places.tolist() == [1]


@pytest.mark.parametrize("kind", ["segmented", "sentencepiece"])
def test_no_text_contains_the_mask(kind: str, prepare_task: PrepareTask, text: Path) -> None:
    with (text / "train.txt").open("a") as file:
        file.write("w01 <mask> w02\n")
    rows = () if kind == "segmented" else ("model.vocabulary.size=30",)
    prepared = prepare_task("masked_language_model", f"data.tokenizer={{kind: {kind}}}", *rows)
    assert MASK not in prepared.source.encode("w01 <mask> w02")
    assert prepared.source.encode("w01")[0] > MASK


def test_texts_have_their_labels(prepare_task: PrepareTask, text: Path) -> None:
    files = prepare_task("classification")
    columns = prepare_task(
        "classification", *(f"data.{part}={{tsv: {part}.tsv}}" for part in ("train", "valid"))
    )
    assert isinstance(files.tests["test"], LabelledTexts)
    assert isinstance(columns.train, LabelledTexts)
    expected = [("even", "odd").index(each) for each in (text / "train.label").read_text().split()]
    assert files.train.collate(np.arange(61)).labels.tolist() == expected
    assert columns.train.labels.tolist() == expected
    batch = files.train.collate(np.array([60, 0]))
    assert batch.inputs[0][0].tolist()[0] == BEGIN
    assert batch.inputs[0][0].tolist()[-1] == END
    assert (len(batch.inputs[0]), batch.places.tolist()) == (2, [0, 1])


def test_a_long_text_is_judged_by_its_beginning(prepare_task: PrepareTask, said: list[str]) -> None:
    examples = prepare_task("classification", "data.max_length=6").train
    assert max(examples.sizes) == 6
    assert any("long texts cut to their first 4 tokens" in line for line in said)


def test_as_many_labels_as_classes(prepare_task: PrepareTask) -> None:
    expected = r"model\.classifier\.classes is 3, but data\.train has 2 labels: 'even', 'odd'"
    with pytest.raises(UserError, match=expected) as caught:
        prepare_task("classification", "model.classifier.classes=3")
    assert "set model.classifier.classes to 2" in caught.value.help


@pytest.mark.parametrize("form", ["files", "columns"])
def test_a_label_that_is_not_trained_on(form: str, prepare_task: PrepareTask, text: Path) -> None:
    with (text / "valid.label").open("a") as labels, (text / "valid.txt").open("a") as texts:
        labels.write("strange\n")
        texts.write("w01\n")
    with (text / "valid.tsv").open("a") as rows:
        rows.write("w01\tstrange\n")
    settings = () if form == "files" else ("data.valid={tsv: valid.tsv}",)
    name = "valid.label" if form == "files" else "valid.tsv"
    with pytest.raises(UserError, match=rf"{name}:13: the label 'strange' is not in data\.train"):
        prepare_task("classification", *settings)


def test_labels_are_read_before_the_slow_work(
    prepare_task: PrepareTask, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.data.tasks.classification.learn_tokenizer", pytest.fail)
    (text / "test.label").write_text("strange\n" * 9)
    with pytest.raises(UserError, match=r"test\.label:1: the label 'strange'"):
        prepare_task("classification")


def test_a_text_without_a_label(prepare_task: PrepareTask, text: Path) -> None:
    with (text / "train.label").open("a") as labels, (text / "train.txt").open("a") as texts:
        labels.write("\n")
        texts.write("w01\n")
    with pytest.raises(UserError, match=r"train\.label:62: a text without a label"):
        prepare_task("classification")


def test_labels_and_texts_of_different_number(prepare_task: PrepareTask, text: Path) -> None:
    with (text / "train.label").open("a") as labels:
        labels.write("odd\n")
    with pytest.raises(UserError, match=r"train\.txt has 61 lines, but .*train\.label has 62") as e:
        prepare_task("classification")
    assert "must be the label of" in e.value.help


def test_each_task_prepares_text_of_its_own(prepare_task: PrepareTask) -> None:
    """The mask takes a row, and other shares of masked tokens take none."""
    one = prepare_task("language_model", "model.vocabulary.size=20")
    other = prepare_task("masked_language_model", "model.vocabulary.size=20")
    assert one.folder != other.folder
    again = prepare_task(
        "masked_language_model", "model.vocabulary.size=20", "training.masking.share=0.5"
    )
    assert again.folder == other.folder
    rows = np.arange(10)
    assert again.train.count_labels(rows) > other.train.count_labels(rows)


def test_texts_of_nothing(prepare_task: PrepareTask, text: Path) -> None:
    write(text, "valid", [WORDS[0]])
    (text / "valid.txt").write_text(" \n")
    with pytest.raises(UserError, match=r"data\.valid has no text left: 1 empty lines"):
        prepare_task("language_model")


def test_a_single_label_is_nothing_to_learn(prepare_task: PrepareTask, text: Path) -> None:
    for part in ("train", "valid", "test"):
        lines = len((text / f"{part}.label").read_text().splitlines())
        (text / f"{part}.label").write_text("even\n" * lines)
    with pytest.raises(UserError, match=r"only one label, 'even'"):
        prepare_task("classification")


def test_labels_that_look_alike_are_shown_apart(prepare_task: PrepareTask, text: Path) -> None:
    label = text / "train.label"
    label.write_text(label.read_text().replace("odd\n", "odd \n", 1))
    with pytest.raises(UserError, match=r"3 labels: 'even', 'odd', 'odd '") as caught:
        prepare_task("classification")
    assert "'odd' and 'odd ' count as two" in caught.value.help
