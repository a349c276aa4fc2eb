"""Tokenizers of characters and bytes, and sentencepiece models: learned in other ways, or given."""

import gzip
import io
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from compiler.spec.data import TextFiles
from compiler.spec.tokenizer import (
    ByteTokenizer as ByteSettings,
)
from compiler.spec.tokenizer import (
    CharacterTokenizer as CharacterSettings,
)
from compiler.spec.tokenizer import (
    SentencePieceTokenizer as SentencePieceSettings,
)
from runtime.data.symbols import BEGIN, END, MASK, NAMES, NAMES_WITH_MASK, PADDING, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.bytes import ByteTokenizer
from runtime.data.tokenizers.characters import CharacterTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import load_tokenizer, train_tokenizer
from runtime.errors import UserError
from runtime.inference.filler import encode_with_gaps

SCALE = Path(__file__).parents[3] / ".." / "shared" / "data" / "scale" / "en-de.tsv.gz"
LINES = [
    *("the house is big .", "the mouse is in the house", "größe ist schön", "日本 é"),
    *("der kleine hund jagt die alte katze", "a small cat watches the hunting dog"),
    *("the dogs are hunting small mice", "kleine katzen jagen keine hunde"),
] * 9
UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="▁"), max_size=40)
"""Texts without the mark that sentencepiece writes for a space."""


def text_of(folder: Path, rows: int, symbols: tuple[str, ...] = NAMES) -> TrainingText:
    (folder / "train.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    return TrainingText(
        corpus=TextFiles(text="train.txt"),
        folder=str(folder),
        lines_in_all=len(LINES),
        sides=(0,),
        rows=rows,
        setting="model.vocabulary.size",
        symbols=symbols,
    )


CHARACTERS = CharacterSettings(kind="characters")
BYTES = ByteSettings(kind="bytes")
EVERY = sorted(set("".join(LINES)))


@pytest.mark.quick
@given(UNICODE)
def test_bytes_are_every_text(line: str) -> None:
    tokenizer = ByteTokenizer(NAMES_WITH_MASK)
    tokens = tokenizer.encode(line)
    assert tokens == [5 + byte for byte in line.encode()]
    assert tokenizer.decode([BEGIN, *tokens, END, PADDING]) == line
    assert tokenizer.encode_lines([line]) == [tokens]
    assert [tokenizer.number(tokenizer.name(each)) for each in tokens] == tokens


@pytest.mark.quick
def test_what_is_no_text_in_bytes() -> None:
    tokenizer = ByteTokenizer()
    (first, _) = tokenizer.encode("é")
    assert tokenizer.decode([first, END]) == "\ufffd" == tokenizer.decode([UNKNOWN])
    assert (tokenizer.name(first), tokenizer.name(4 + 10)) == ("<0xC3>", "<0x0A>")
    assert tokenizer.name(4 + 32) == "▁"


@pytest.mark.quick
@pytest.mark.parametrize("rows", [256, 259, 261])
def test_bytes_have_a_row_each(rows: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"size is {rows}, and 256 bytes and 4 symbols make 260"):
        train_tokenizer(text_of(tmp_path, rows), BYTES, print)
    assert train_tokenizer(text_of(tmp_path, 260), BYTES, print).size == 260


CHARACTER_TOKENIZER = CharacterTokenizer("".join(EVERY) + "\n")


@pytest.mark.quick
@given(st.text([*EVERY, "\n"], max_size=40))
def test_characters_are_kept(line: str) -> None:
    tokens = CHARACTER_TOKENIZER.encode(line)
    assert min(tokens, default=4) > END
    assert len(tokens) == len(line)
    assert CHARACTER_TOKENIZER.decode([BEGIN, *tokens, END, PADDING]) == line
    names = [CHARACTER_TOKENIZER.name(each) for each in tokens]
    assert [CHARACTER_TOKENIZER.number(each) for each in names] == tokens


@pytest.mark.quick
def test_characters_are_by_frequency(tmp_path: Path) -> None:
    facts: list[str] = []
    text = text_of(tmp_path, 9)
    tokenizer = train_tokenizer(text, CHARACTERS, facts.append)
    assert [tokenizer.name(each) for each in range(4, 9)] == ["▁", "e", "t", "h", "n"]
    assert facts == [
        f"model.vocabulary.size: {len(EVERY) - 5} of {len(EVERY)} different characters are too "
        "rare for a row and count as unknown"
    ]
    assert tokenizer.encode("he is x") == [7, 5, 4, UNKNOWN, UNKNOWN, 4, UNKNOWN]
    assert tokenizer.decode([7, 5, UNKNOWN]) == "he\ufffd"
    with pytest.raises(UserError, match=f"has only {len(EVERY)} different characters") as caught:
        train_tokenizer(text_of(tmp_path, 99), CHARACTERS, print)
    assert caught.value.help == f"set model.vocabulary.size to {len(EVERY) + 4}"


@pytest.mark.quick
@pytest.mark.parametrize("tokenizer", [ByteTokenizer(), CHARACTER_TOKENIZER])
def test_plain_tokenizers_are_saved_and_know_words(
    tokenizer: ByteTokenizer | CharacterTokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert (type(loaded), loaded.size) == (type(tokenizer), tokenizer.size)
    line = "größe is in the house."
    tokens = loaded.encode(line)
    assert tokens == tokenizer.encode(line)
    assert loaded.encode_rest(" in") == loaded.encode(" in")
    assert words(loaded.begins_words(tokens), tokens, loaded) == [
        *("größe", " is", " in", " the", " house", ".")
    ]


@pytest.mark.quick
def test_a_gap_between_characters_is_a_character() -> None:
    tokenizer = CharacterTokenizer("".join(EVERY), NAMES_WITH_MASK)
    encode = tokenizer.encode
    found = encode_with_gaps("the [MASK]ouse", tokenizer)
    assert found == [*encode("the "), MASK, *encode("ouse")]


def words(
    begins: Sequence[bool],
    tokens: Sequence[int],
    tokenizer: ByteTokenizer | CharacterTokenizer | SentencePieceTokenizer | object,
) -> list[str]:
    parts: list[list[int]] = []
    for first, token in zip(begins, tokens, strict=True):
        parts += [[]] if first else []
        parts[-1].append(token)
    return [tokenizer.decode(each) for each in parts]  # type: ignore[attr-defined]


def settings(**options: object) -> SentencePieceSettings:
    return SentencePieceSettings(kind="sentencepiece", **options)  # type: ignore[arg-type]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("options", "rows", "line", "expected"),
    [
        ({"model": "char"}, 20, "the house", "the house"),
        ({"model": "word"}, 12, "the house is", "the house is"),
        ({"normalization": "nfkc_cf"}, 40, "THE ｈｏｕｓｅ", "the house"),
        ({"normalization": "nfkc"}, 40, "the ｈｏｕｓｅ", "the house"),
        ({"normalization": "identity"}, 40, "  the  house ", "  the  house "),
        ({}, 40, "  the  house ", "the house"),
        ({"byte_fallback": True}, 300, "the Ω ☃ house", "the Ω ☃ house"),
        ({"user_symbols": ["<2de>"]}, 40, "<2de>the<2de>", "<2de>the<2de>"),
    ],
)
def test_sentencepiece_learned_in_other_ways(
    options: dict[str, object], rows: int, line: str, expected: str, tmp_path: Path
) -> None:
    tokenizer = train_tokenizer(text_of(tmp_path, rows), settings(**options), print)
    tokens = tokenizer.encode(line)
    assert tokenizer.size == rows
    assert tokenizer.decode(tokens) == expected
    assert UNKNOWN not in tokens
    if options.get("model") == "char":
        assert len(tokens) == len(line) + 1
    if "user_symbols" in options:
        assert tokens.count(tokenizer.number("<2de>")) == 2
    again = train_tokenizer(text_of(tmp_path, rows), settings(**options), print)
    assert again.encode_lines(LINES) == tokenizer.encode_lines(LINES)


@pytest.fixture(scope="module")
def reversible(tmp_path_factory: pytest.TempPathFactory) -> SentencePieceTokenizer:
    wanted = settings(byte_fallback=True, normalization="identity")
    text = text_of(tmp_path_factory.mktemp("text"), 300)
    return SentencePieceTokenizer.train(text, wanted, print)


@pytest.mark.quick
@given(line=PLAIN)
def test_sentencepiece_with_bytes_and_no_normalisation_keeps_texts(
    reversible: SentencePieceTokenizer, line: str
) -> None:
    assert reversible.decode(reversible.encode(line)) == line
    assert len(reversible.begins_words(reversible.encode(line))) == len(reversible.encode(line))


THEIRS = {"unk_id": 2, "bos_id": -1, "eos_id": 1, "pad_id": 0}
"""The numbers of symbols in T5."""


def foreign_model(**options: object) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_writer=model,
        minloglevel=2,
        **{**THEIRS, "vocab_size": 44, **options},
    )
    return model.getvalue()


@pytest.mark.quick
@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_a_given_model_keeps_its_pieces_and_gets_our_symbols(
    model_type: str, tmp_path: Path
) -> None:
    content = foreign_model(model_type=model_type)
    (tmp_path / "spm.model").write_bytes(content)
    wanted = settings(file="spm.model")
    tokenizer = train_tokenizer(text_of(tmp_path, 45), wanted, print)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    assert tokenizer.rows is not None
    assert tokenizer.rows.theirs[:6] == (0, 2, None, 1, 3, 4)
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    for line in LINES:
        tokens = tokenizer.encode(line)
        assert [tokenizer.rows.theirs[each] for each in tokens] == processor.encode(line)
        assert tokenizer.decode([BEGIN, *tokens, END, PADDING]) == processor.decode(
            processor.encode(line)
        )
    tokenizer.save(tmp_path / "saved")
    loaded = load_tokenizer(tmp_path / "saved")
    assert loaded.encode_lines(LINES) == tokenizer.encode_lines(LINES)
    assert [loaded.number(loaded.name(each)) for each in range(3, 45)] == list(range(3, 45))


@pytest.mark.quick
def test_a_given_model_without_a_mask_or_a_padding(tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes(foreign_model(pad_id=-1, bos_id=3, unk_id=0))
    text = text_of(tmp_path, 46, NAMES_WITH_MASK)
    tokenizer = train_tokenizer(text, settings(file="spm.model"), print)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    assert tokenizer.rows is not None
    assert tokenizer.rows.theirs[:5] == (None, 0, 3, 1, None)
    assert tokenizer.name(MASK) == "<mask>"
    assert tokenizer.decode([PADDING, BEGIN, *tokenizer.encode("the house")]) == "the house"


@pytest.mark.quick
@pytest.mark.parametrize(
    ("content", "rows", "message"),
    [
        (b"no model", 44, r"spm\.model is no sentencepiece model"),
        (b"", 44, r"spm\.model is no sentencepiece model: it has no pieces"),
        (foreign_model()[:200], 44, r"spm\.model is no sentencepiece model"),
        (foreign_model(), 44, r"size is 44, and .*spm\.model has 45 rows with the 4 symbols"),
        (None, 44, r"there is no file .*spm\.model"),
    ],
)
def test_given_models_that_will_not_do(
    content: bytes | None, rows: int, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "spm.model").write_bytes(content)
    with pytest.raises(UserError, match=message):
        train_tokenizer(text_of(tmp_path, rows), settings(file="spm.model"), print)


@pytest.mark.skipif(not SCALE.is_file(), reason="the corpus of the scale tests is not there")
@pytest.mark.parametrize("model_type", ["unigram", "bpe", "char", "word"])
def test_ten_thousand_lines_are_those_of_sentencepiece(model_type: str, tmp_path: Path) -> None:
    content = foreign_model(
        model_type=model_type,
        vocab_size=14 if model_type == "word" else 30 if model_type == "char" else 40,
    )
    (tmp_path / "spm.model").write_bytes(content)
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    rows = processor.get_piece_size() + 1
    tokenizer = SentencePieceTokenizer.train(
        text_of(tmp_path, rows), settings(file="spm.model"), print
    )
    with gzip.open(SCALE, "rt", encoding="utf-8") as file:
        lines = [line.split("\t")[0] for line in islice(file, 10_000)]
    assert tokenizer.rows is not None
    for found, expected in zip(tokenizer.encode_lines(lines), processor.encode(lines), strict=True):
        assert [tokenizer.rows.theirs[each] for each in found] == expected
