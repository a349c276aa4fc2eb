import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.spec.data import ParallelFiles, RunningText
from compiler.spec.tokenizer import SegmentedTokenizer as SegmentedSettings
from compiler.spec.tokenizer import SentencePieceTokenizer as SentencePieceSettings
from runtime.data.checksummed import write_sealed
from runtime.data.symbols import BEGIN, END, NAMES, PADDING, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from runtime.errors import UserError

SEGMENTED = SegmentedSettings(kind="segmented")
BPE = SentencePieceSettings(kind="sentencepiece", model="bpe")
UNIGRAM = SentencePieceSettings(kind="sentencepiece", model="unigram")

ODD_TYPES = ["a", "b@@", "c", "Ä", "日本", "e\u2028f", "g\rh", "i\u00a0", "k@@"]

MakeText = Callable[..., TrainingText]


@pytest.fixture
def make_text(text: Path) -> MakeText:
    """make_text(rows, sides=(0, 1)): the training text, for a vocabulary of so many rows."""

    def make(rows: int, sides: tuple[int, ...] = (0, 1), setting: str = "size") -> TrainingText:
        return TrainingText(
            corpus=ParallelFiles(source="train.source", target="train.target"),
            folder=str(text),
            lines_in_all=300,
            sides=sides,
            rows=rows,
            setting=f"model.vocabulary.{setting}",
        )

    return make


def train_segmented(text: TrainingText, facts: list[str] | None = None) -> SegmentedTokenizer:
    return SegmentedTokenizer.train(text, SEGMENTED, (facts if facts is not None else []).append)


@pytest.mark.quick
def test_a_text_in_steps(make_text: MakeText) -> None:
    every = list(make_text(20).lines())
    some = list(make_text(20).lines(most=100))
    assert len(every) == 600
    assert some == [line for pair in range(0, 300, 3) for line in every[2 * pair : 2 * pair + 2]]


def test_sides_and_their_files(make_text: MakeText) -> None:
    both, target = make_text(20), make_text(20, (1,))
    assert list(target.lines()) == list(both.lines())[1::2]
    assert both.name.endswith("train.target")
    assert "train.source, " in both.name
    assert "train.source" not in target.name


def test_segmented_vocabulary_is_by_frequency_then_alphabet(
    text: Path, make_text: MakeText
) -> None:
    (text / "train.source").write_text("b b c@@\n<s> <pad>\n")
    (text / "train.target").write_text("d  a b c@@ \n<unk> e\u2028f\n")
    tokenizer = train_segmented(make_text(9))
    assert tokenizer.encode("b c@@ a d e\u2028f") == [4, 5, 6, 7, 8]
    assert tokenizer.encode(" b  x <s> </s> ") == [4, UNKNOWN, UNKNOWN, UNKNOWN]
    assert tokenizer.encode("") == []


def test_segmented_decoding_joins(text: Path, make_text: MakeText) -> None:
    for side in ("source", "target"):
        (text / f"train.{side}").write_text("an@@ trie@@ b ist da\n")
    tokenizer = train_segmented(make_text(9))
    line = "an@@ trie@@ b ist da"
    tokens = tokenizer.encode(line)
    assert tokenizer.decode([BEGIN, *tokens, END, PADDING]) == "antrieb ist da"
    assert tokenizer.detokenize(line) == "antrieb ist da"
    assert tokenizer.decode(tokens[:2]) == "antrie"
    assert tokenizer.decode([UNKNOWN, *tokens[3:]]) == "<unk> ist da"
    assert tokenizer.decode([]) == ""


@pytest.mark.quick
def test_segmented_text_that_runs_on_from_line_to_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("an@@ trie@@ b ist\nda\n\nist da\n")
    corpus = RunningText(text="a.txt", running=True)
    text = TrainingText(
        corpus=corpus,
        folder=str(tmp_path),
        lines_in_all=4,
        sides=(0,),
        rows=10,
        setting="model.vocabulary.size",
    )
    tokenizer = train_segmented(text)
    tokenizer.save(tmp_path / "saved")
    loaded = load_tokenizer(tmp_path / "saved")
    assert loaded.size == tokenizer.size == 10
    assert tokenizer.name(4) == "\n"
    line = "an@@ trie@@ b ist\nda\n\nist da"
    for each in (tokenizer, loaded):
        tokens = each.encode(line)
        assert max(tokens) < each.size
        assert UNKNOWN not in tokens
        assert each.decode(tokens) == each.detokenize(line) == "antrieb ist\nda\n\nist da"


@pytest.mark.quick
def test_segmented_tokens_that_begin_words() -> None:
    tokenizer = SegmentedTokenizer(ODD_TYPES, joiner="@@")
    row = [BEGIN, *tokenizer.encode("a b@@ k@@ c a nowhere b@@"), END]
    expected = [True, True, True, False, False, True, True, True, True]
    assert tokenizer.begins_words(row) == expected


@pytest.mark.quick
def test_a_small_segmented_vocabulary_keeps_the_frequent_types(make_text: MakeText) -> None:
    facts: list[str] = []
    whole, small = train_segmented(make_text(19)), train_segmented(make_text(14), facts)
    line = " ".join(whole.decode([number]) for number in range(4, 19))
    assert small.size == 14
    assert small.encode(line) == [*range(4, 14), *[UNKNOWN] * 5]
    assert facts == [
        "model.vocabulary.size: 5 of 15 different tokens are too rare for a row "
        "and count as unknown"
    ]


@pytest.mark.quick
def test_a_segmented_vocabulary_larger_than_the_text_allows(make_text: MakeText) -> None:
    with pytest.raises(UserError, match=r"size is 20, but .*has only 15 .*make 19 rows") as caught:
        train_segmented(make_text(20))
    assert caught.value.help == "set model.vocabulary.size to 19"


@pytest.mark.parametrize("settings", [BPE, UNIGRAM], ids=["bpe", "unigram"])
def test_sentencepiece(settings: SentencePieceSettings, make_text: MakeText, text: Path) -> None:
    tokenizer = SentencePieceTokenizer.train(make_text(36), settings, print)
    assert tokenizer.size == 36
    for line in (text / "train.source").read_text().splitlines():
        tokens = tokenizer.encode(line)
        assert min(tokens) > END
        assert tokenizer.decode(tokens) == line
        assert tokenizer.decode([BEGIN, *tokens, END, PADDING]) == line
    assert UNKNOWN in tokenizer.encode("Ω")
    assert tokenizer.encode("") == []
    assert not {PADDING, BEGIN, END} & set(tokenizer.encode("<s> </s> <pad>"))


@pytest.mark.parametrize("settings", [BPE, UNIGRAM], ids=["bpe", "unigram"])
def test_sentencepiece_is_deterministic_and_silent(
    settings: SentencePieceSettings,
    make_text: MakeText,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("one", "two"):
        SentencePieceTokenizer.train(make_text(36), settings, print).save(tmp_path / name)
    one, two = (tmp_path / name / "sentencepiece.model" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert capfd.readouterr() == ("", "")


@pytest.mark.quick
def test_a_sentencepiece_vocabulary_larger_than_the_text_allows(make_text: MakeText) -> None:
    with pytest.raises(UserError, match=r"size is 5,000, but .*train\.source.* at most") as caught:
        SentencePieceTokenizer.train(make_text(5000), BPE, print)
    most = int(caught.value.help.split(" to ")[1].split()[0])
    assert SentencePieceTokenizer.train(make_text(most), BPE, print).size == most


@pytest.mark.quick
def test_a_sentencepiece_vocabulary_smaller_than_the_alphabet(make_text: MakeText) -> None:
    with pytest.raises(UserError, match=r"size is 10, but .*different characters") as caught:
        SentencePieceTokenizer.train(make_text(10), BPE, print)
    least = int(caught.value.help.split(" at least ")[1].split(",")[0])
    assert SentencePieceTokenizer.train(make_text(least), BPE, print).size == least


@pytest.mark.quick
def test_a_vocabulary_without_room_says_what_takes_its_rows(make_text: MakeText) -> None:
    for own, said in (
        ({"byte_fallback": True}, "4 symbols, 256 bytes of `byte_fallback` and "),
        ({"user_symbols": [f"<{each}>" for each in range(40)]}, "4 symbols, 40 user symbols and "),
    ):
        settings = SentencePieceSettings(kind="sentencepiece", **own)
        with pytest.raises(UserError) as caught:
            SentencePieceTokenizer.train(make_text(40), settings, print)
        assert said in str(caught.value)
        assert "coverage" not in caught.value.help
        least = int(caught.value.help.split(" at least ")[1])
        assert SentencePieceTokenizer.train(make_text(least), settings, print).size == least


def test_sentencepiece_learns_from_long_lines(text: Path, make_text: MakeText) -> None:
    """By itself it leaves out lines of more than 4,192 bytes, and says so in its log alone."""
    for side in ("source", "target"):
        (text / f"train.{side}").write_text("xyx " * 2000 + "\nab ab\n")
    pieces = SentencePieceTokenizer.train(make_text(12), BPE, print)
    assert pieces.decode(pieces.encode("yx")) == "yx"


@pytest.mark.quick
def test_sentencepiece_without_text(text: Path, make_text: MakeText) -> None:
    for side in ("source", "target"):
        (text / f"train.{side}").write_text("\n \n")
    with pytest.raises(UserError, match="sentencepiece can learn no vocabulary from"):
        SentencePieceTokenizer.train(make_text(36), BPE, print)


@pytest.mark.parametrize("settings", [BPE, SEGMENTED], ids=["sentencepiece", "segmented"])
def test_no_row_beside_the_symbols(
    settings: SegmentedSettings | SentencePieceSettings, make_text: MakeText
) -> None:
    with pytest.raises(UserError, match="target is 4, which leaves no row beside the 4 symbols"):
        train_tokenizer(make_text(4, (1,), "target"), settings, print)


@pytest.fixture(params=[BPE, SEGMENTED], ids=["sentencepiece", "segmented"])
def tokenizer(request: pytest.FixtureRequest, make_text: MakeText) -> Tokenizer:
    return train_tokenizer(
        make_text(19 if request.param is SEGMENTED else 36), request.param, print
    )


def test_saved_and_loaded(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "saved")
    loaded = load_tokenizer(tmp_path / "saved")
    lines = ["der hund sieht die katze nicht", "", "Ω der"]
    assert type(loaded) is type(tokenizer)
    assert loaded.size == tokenizer.size
    assert loaded.encode_lines(lines) == [tokenizer.encode(line) for line in lines]
    tokens = tokenizer.encode(lines[0])
    assert loaded.decode(tokens) == lines[0] == loaded.detokenize(lines[0])


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "describe"])
def test_a_damaged_tokenizer_is_refused(tokenizer: Tokenizer, tmp_path: Path, damage: str) -> None:
    tokenizer.save(tmp_path)
    description = tmp_path / "tokenizer.json"
    content = next(path for path in tmp_path.iterdir() if path.suffix in (".model", ".txt"))
    whole = content.read_bytes()
    match damage:
        case "flip":
            content.write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:])
        case "truncate":
            content.write_bytes(whole[:-1])
        case "empty":
            description.write_bytes(b"")
        case "describe":
            description.write_text(description.read_text().replace('"kind": "s', '"kind": "S'))
    with pytest.raises(UserError, match="is damaged, or was changed by hand"):
        load_tokenizer(tmp_path)


STRANGE_FILES = (
    *("../secret.txt", "..", ".", "", "a", "a/../vocabulary.txt"),
    *("link.txt", "pipe", "a\0b", 5),
)


@pytest.mark.quick
@pytest.mark.parametrize("name", [*STRANGE_FILES, "ABSOLUTE"])
def test_a_tokenizer_is_read_from_its_own_folder_alone(name: object, tmp_path: Path) -> None:
    folder, secret = tmp_path / "source", tmp_path / "secret.txt"
    SegmentedTokenizer(["a"], joiner="@@").save(folder)
    secret.write_text("a\n")  # the very content that the checksum is of
    (folder / "a").mkdir()
    (folder / "link.txt").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    description = json.loads((folder / "tokenizer.json").read_text())
    del description["sha256"]
    description["file"] = str(secret) if name == "ABSOLUTE" else name
    seal = hashlib.sha256(json.dumps(description, sort_keys=True).encode() + b"\na\n").hexdigest()
    (folder / "tokenizer.json").write_text(json.dumps(description | {"sha256": seal}))
    with pytest.raises(UserError, match=r"not in its folder|no readable|is damaged") as refusal:
        load_tokenizer(folder)
    assert str(folder) in str(refusal.value)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("description", "content"),
    [
        ({"kind": "segmented"}, b"a\n"),
        ({"kind": "segmented", "joiner": "@@", "symbols": 5}, b"a\n"),
        ({"kind": "segmented", "joiner": "@@", "symbols": "a b"}, b"\xff\n"),
        ({"kind": "sentencepiece"}, b"a\n"),
        ({}, b""),
    ],
)
def test_a_sealed_file_that_is_no_tokenizer(
    description: dict[str, str], content: bytes, tmp_path: Path
) -> None:
    write_sealed(tmp_path, description | {"file": "content"}, content)
    with pytest.raises(UserError, match="is damaged, or was changed by hand"):
        load_tokenizer(tmp_path)


@pytest.mark.quick
def test_a_missing_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no readable tokenizer"):
        load_tokenizer(tmp_path / "nowhere")


def test_odd_characters_survive_saving(tmp_path: Path) -> None:
    tokenizer = SegmentedTokenizer(ODD_TYPES, joiner="@@")
    tokenizer.save(tmp_path)
    line = " ".join(ODD_TYPES)
    assert load_tokenizer(tmp_path).encode(line) == tokenizer.encode(line) == list(range(4, 13))


@pytest.mark.quick
@given(st.lists(st.lists(st.integers(4, 12), max_size=9), max_size=9))
def test_segmented_lines_round_trip(sentences: list[list[int]]) -> None:
    tokenizer = SegmentedTokenizer(ODD_TYPES, joiner="@@")
    lines = [" ".join(ODD_TYPES[token - 4] for token in tokens) for tokens in sentences]
    assert tokenizer.encode_lines(lines) == sentences
    assert [tokenizer.decode(tokens) for tokens in sentences] == list(
        map(tokenizer.detokenize, lines)
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("line 7 is not UTF-8")])
def test_what_stops_the_reading_stops_the_training(error: BaseException) -> None:
    class Stopped:
        rows = 50
        symbols = NAMES

        def lines(self, most: int) -> Iterator[str]:  # noqa: ARG002
            yield "a line"
            raise error

    with pytest.raises(type(error)) as raised:
        SentencePieceTokenizer.train(cast(TrainingText, Stopped()), BPE, print)
    assert raised.value is error
