"""Running text: documents one after the other, cut into windows."""

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.data import RunningText
from runtime import load
from runtime.data.batches import Padded
from runtime.data.prepare import Prepared, prepare
from runtime.data.running import read_running
from runtime.data.symbols import BEGIN, END
from runtime.data.texts import SlidingWindows, Windows
from runtime.errors import UserError
from runtime.package import load_package
from runtime.run import Run
from runtime.scoring.evaluate import evaluate_run
from runtime.scoring.measures import Measure, Measured
from runtime.training.train import train
from runtime.training.update import EpochOrder
from tests.runtime.tasks.conftest import tree

PrepareRunning = Callable[..., Prepared]
Make = Callable[..., Path]


@pytest.fixture
def make_running(tmp_path: Path, text: Path) -> Make:
    """make_running("data.train.shifted=true") -> the folder of a package."""

    def make(
        *settings: str, name: str = "running", task: str = "language_model", **corpora: object
    ) -> Path:
        spec = tree(task, text)
        data = spec["data"]
        assert isinstance(data, dict)
        data |= {"train": {"text": "train.txt", "running": True}, "max_length": 7}
        data |= {"valid": {"text": "valid.txt", "running": True}} | corpora
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec))
        compile_spec(str(path), settings).write(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def prepare_running(tmp_path: Path, make_running: Make, said: list[str]) -> PrepareRunning:
    """prepare_running(train={...}): what is prepared for such a spec."""

    def run(*settings: str, **corpora: object) -> Prepared:
        spec = load_package(make_running(*settings, **corpora)).spec
        return prepare(spec, tmp_path / "cache", report=said.append)

    return run


def lines_of(tmp_path: Path, content: str, separator: str = "file", **keys: object) -> list[object]:
    path = tmp_path / "content.txt"
    path.write_bytes(content.encode())
    corpus = RunningText(text=str(path), running=True, separator=separator, **keys)
    return [(line.text, line.begins) for line in read_running(corpus, [path])]


@pytest.mark.quick
def test_a_file_is_a_document_with_all_its_line_breaks(tmp_path: Path) -> None:
    content = "one\r\n\n two\n\u2028x"
    found = lines_of(tmp_path, content)
    assert "".join(text for text, _ in found) == content  # type: ignore[misc]
    assert [begins for _, begins in found] == [True, False, False, False]  # type: ignore[misc]


@pytest.mark.quick
def test_blank_lines_or_all_lines_separate_documents(tmp_path: Path) -> None:
    content = "\n\na\nb\n\n  \nc\nd\ne\n\nf"
    assert lines_of(tmp_path, content, "blank_line") == [
        *[("a\n", True), ("b", False)],
        *[("c\n", True), ("d\n", False), ("e", False)],
        ("f", True),
    ]
    assert lines_of(tmp_path, content, "line") == [(each, True) for each in "abcdef"]


@pytest.mark.quick
@pytest.mark.parametrize("share", [0.0, 0.1, 1 / 3, 0.5, 0.9, 0.999, 1.0])
def test_two_parts_of_a_file_are_the_file(tmp_path: Path, share: float) -> None:
    content = "".join(f"{number} ü\n" * (number % 3) for number in range(40))
    parts = [part for part in ([0.0, share], [share, 1.0]) if part[0] < part[1]]
    texts = [lines_of(tmp_path, content, part=part) for part in parts]
    joined = ["".join(text for text, _ in lines) for lines in texts]  # type: ignore[misc]
    assert "".join(joined) == content
    assert len(joined[0]) == (int(share * len(content)) or len(content))


@pytest.mark.quick
def test_a_part_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no text"):
        lines_of(tmp_path, "abc", part=[0.0, 0.1])


def tokens_of(file: Path) -> list[str]:
    """Return the words of a text and its line ends, the tokens of a document."""
    return re.findall(r"\S+|\n", file.read_text())


@pytest.mark.quick
def test_windows_hold_each_token_once_and_know_what_came_before(
    prepare_running: PrepareRunning, text: Path
) -> None:
    shutil.copy(text / "test.txt", text / "train-2.txt")
    both = ["train.txt", "train-2.txt"]
    windows = prepare_running(train={"text": both, "running": True}).train
    words = [tokens_of(text / name) for name in both]
    assert isinstance(windows, Windows)
    assert windows.sizes[:-1].tolist() == [7] * (len(windows) - 1)
    joined = windows.joined(np.arange(len(windows)))
    assert len(joined.labels) == len(words[0]) + 1 + len(words[1])
    (boundary,) = np.nonzero(joined.labels == END)
    assert boundary.tolist() == [len(words[0])]
    read = np.append(BEGIN, joined.labels[:-1])
    read[boundary + 1] = BEGIN
    assert joined.inputs[0].tolist() == read.tolist()


@pytest.mark.quick
def test_shifted_windows_are_a_function_of_seed_and_epoch() -> None:
    tokens = np.arange(10, 110, dtype=np.int32)
    windows = Windows.of(tokens, 8, is_shifted=True)
    firsts = set()
    for epoch in range(1, 60):
        drawn = windows.drawn(3, epoch)
        labels = drawn.joined(np.arange(len(drawn))).labels
        assert labels.tolist() == tokens.tolist(), "each token is in one window"
        assert max(drawn.sizes) == 8
        assert drawn.sizes.tolist() == windows.drawn(3, epoch).sizes.tolist()
        firsts.add(int(drawn.sizes[0]))
    assert firsts == set(range(1, 9))
    assert Windows.of(tokens, 8).drawn(3, 1).sizes[0] == 8


@pytest.mark.quick
@pytest.mark.parametrize("is_shifted", [False, True])
def test_an_epoch_reads_each_token_once(is_shifted: bool) -> None:
    tokens = np.arange(10, 113, dtype=np.int32)
    windows = Windows.of(tokens, 8, is_shifted=is_shifted)
    orders = []
    for epoch in range(1, 9):
        batches = EpochOrder(windows, Padded(tokens=24), seed=5).batches(epoch)
        drawn = windows.drawn(5, epoch)
        labels = np.concatenate([drawn.collate(rows).labels for rows in batches])
        assert sorted(labels.tolist()) == tokens.tolist()
        orders.append(labels.tolist())
    assert len({*map(str, orders)}) == len(orders), "each epoch has an order of its own"


@pytest.mark.quick
@pytest.mark.parametrize(("count", "stride"), [(50, 3), (50, 8), (8, 3), (5, 2), (51, 1)])
def test_sliding_windows_score_each_token_once(count: int, stride: int) -> None:
    tokens = np.arange(10, 10 + count, dtype=np.int32)
    sliding = SlidingWindows(windows=Windows.of(tokens, 8), stride=stride)
    order = np.random.default_rng(0).permutation(len(sliding))
    labels: list[int] = []
    for rows in np.array_split(order, 2):
        if not len(rows):
            continue
        batch = sliding.collate(rows)
        assert sliding.count_labels(rows) == len(batch.labels)
        read = np.take(batch.inputs[0], batch.places)
        assert np.where(read == BEGIN, 9, read).tolist() == (batch.labels - 1).tolist()
        labels += batch.labels.tolist()
        for row, window in zip(rows, batch.inputs[0], strict=True):
            length = sliding.sizes[row]
            assert length == 8 or sliding.ends[row] < 8 or count < 8
            assert (window[length:] == 0).all()
    assert sorted(labels) == tokens.tolist()


@pytest.mark.quick
def test_parts_that_overlap_are_refused(make_running: Make) -> None:
    train = {"text": "a.txt", "running": True, "part": [0.0, 0.9]}
    valid = {"text": "./a.txt", "running": True, "part": [0.8, 1.0]}
    with pytest.raises(Rejected) as refused:
        make_running(train=train, valid=valid)
    (found,) = refused.value.diagnostics
    assert found.code == "overlapping-parts"
    assert "[0.8, 1] and [0, 0.9]" in found.message
    make_running(train=train, valid=valid | {"part": [0.9, 1.0]})


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (("data.train.part=[0.5, 0.5]",), "empty-part"),
        (("data.train.part=[0.0, 0.5]", "data.train.text=[a, b]"), "part-of-several-files"),
        (("data.train.part=[0.0, 0.5]", "data.train.text='*.txt'"), "part-of-several-files"),
        (("data.valid.shifted=true",), "unused-key"),
        (("evaluation.stride=8",), "long-stride"),
        (("model.decoder.position={kind: learned, max_length: 6}",), "short-position-table"),
    ],
)
def test_what_does_not_go_together_is_refused(
    make_running: Make, settings: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        make_running(*settings)
    assert code in [each.code for each in refused.value.diagnostics]


@pytest.mark.quick
def test_running_text_without_a_token_is_refused(
    prepare_running: PrepareRunning, text: Path
) -> None:
    (text / "blank.txt").write_text(" \n\n")
    with pytest.raises(UserError, match=r"data\.valid has no text left"):
        prepare_running(valid={"text": "blank.txt", "running": True, "separator": "line"})


@pytest.mark.quick
def test_running_text_is_for_language_models(make_running: Make) -> None:
    with pytest.raises(Rejected) as refused:
        make_running(task="masked_language_model")
    assert [each.code for each in refused.value.diagnostics] == ["wrong-corpus"] * 2


@pytest.mark.quick
def test_the_parts_of_one_file_are_not_called_memorised(
    prepare_running: PrepareRunning, said: list[str], text: Path
) -> None:
    file = {"text": "train.txt", "running": True}
    prepared = prepare_running(train=file | {"part": [0.0, 0.9]}, valid=file | {"part": [0.9, 1.0]})
    words = len(tokens_of(text / "train.txt"))
    parts = (prepared.train, prepared.valid)
    assert words <= sum(each.count_labels(np.arange(len(each))) for each in parts) <= words + 1
    assert not any("memorisation" in line for line in said)
    prepare_running(train=dict(file), valid=dict(file))
    assert any("memorisation" in line for line in said)


def test_a_run_over_running_text_is_resumed_to_the_bit_and_scored(
    make_running: Make, tmp_path: Path, said: list[str], text: Path
) -> None:
    settings = ("data.train.shifted=true", "data.valid.separator=line", "evaluation.stride=3")
    package = make_running(*settings, "training.steps=24", "training.validation.every=8")
    short = make_running(*settings, "training.steps=24", "training.validation.every=8", name="same")
    cache = tmp_path / "cache"
    train(package, tmp_path / "whole", cache=cache, report=said.append)
    train(short, tmp_path / "parts", cache=cache, report=said.append)
    for late in sorted((tmp_path / "parts" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(late)
    train(short, tmp_path / "parts", cache=cache, resume=True, report=said.append)
    one, other = (
        sorted((tmp_path / name / "checkpoints").iterdir())[-1] / "model.safetensors"
        for name in ("whole", "parts")
    )
    assert one.read_bytes() == other.read_bytes()
    found = evaluate_run(Run.open(tmp_path / "whole"), "valid")
    assert isinstance(found, Measured)
    report = json.loads(found.write(tmp_path / "whole").read_text())
    content = (text / "valid.txt").read_bytes().removesuffix(b"\n")
    nats, tokens = report["nats_per_token"]["value"], len(content.split()) + content.count(b"\n")
    assert report["bits_per_byte"]["value"] == pytest.approx(
        nats * tokens / math.log(2) / len(content)
    )
    assert f"{len(content):,} bytes" in report["bits_per_byte"]["protocol"]
    assert report["perplexity"]["value"] == pytest.approx(math.exp(nats))
    assert "3 from one to the next" in report["perplexity"]["protocol"]
    assert report["side_by_side_nats"]["value"] != nats
    assert report["texts"] == content.count(b"\n") + 1


@pytest.mark.quick
@pytest.mark.parametrize(
    ("value", "shown"), [(3.14159265, "3.1416 "), (11566502821645.6602, "1.157e+13 ")]
)
def test_scores_have_sensible_digits(value: float, shown: str) -> None:
    assert f" {shown}" in str(Measure(name="word_perplexity", value=value, protocol="words"))


@pytest.mark.parametrize("kind", ["characters", "bytes"])
def test_generation_keeps_line_breaks(
    make_running: Make, tmp_path: Path, said: list[str], text: Path, kind: str
) -> None:
    """A model of one line says it again and again, also after a line break in its prompt."""
    (text / "song.txt").write_text("abü\n" * 200, encoding="utf-8")
    package = make_running(
        f"data.tokenizer.kind={kind}",
        f"model.vocabulary.size={8 if kind == 'characters' else 260}",
        *("data.max_length=24", "training.batch_tokens=480", "training.steps=60"),
        "decoding={kind: beam, beam: 1, max_extra_length: 12}",
        train={"text": "song.txt", "running": True, "shifted": True},
        valid={"text": "song.txt", "running": True},
    )
    train(package, tmp_path / "run", cache=tmp_path / "cache", report=said.append)
    generator = load(tmp_path / "run", device="cpu")
    assert generator.generate("abü\n").startswith("abü\nabü\nabü\n")
    assert generator.generate("ü\na").startswith("ü\nabü\nabü\n")
