"""A `tokenizer.json` beside the tokenizer that it is made of: the same tokens, the same texts."""

import io
import json
import random
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import category

import pytest
import sentencepiece as library
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.spec.data import TextFiles
from compiler.spec.load import load
from compiler.spec.spec import Spec
from compiler.spec.tokenizer import (
    ByteTokenizer,
    CharacterTokenizer,
    LibraryTokenizer,
    SegmentedTokenizer,
    SentencePieceTokenizer,
)
from compiler.spec.tokenizer import Tokenizer as Settings
from compiler.vocabulary.rows import Rows
from runtime.corpus import pairs
from runtime.data.symbols import BEGIN, END, NAMES, NAMES_WITH_MASK, PADDING, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers import sentencepiece as pieces
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer, train_tokenizer
from runtime.errors import UserError
from runtime.export.tokenizers.files import Around, tokenizer_tree, write_tokenizer
from runtime.inference.filler import encode_with_gaps
from runtime.package import load_package
from tests.support.library_tokenizers import learned_by_library

tokenizers = pytest.importorskip("tokenizers", reason="the extra `export` is not installed")

ROOT = Path(__file__).parents[3]
SPEC = load_package(ROOT / "generated" / "demo").spec
USER = ["<2de>", "<2fr>"]
ODD = "don't stop 日本 é <2de> x km/s <unk> a@@ b@@ c\n"


@cache
def demo_lines() -> list[str]:
    """4,000 lines of the demo corpus, those of the two languages in turn."""
    drawn = islice(pairs(7), 2000)
    return [line for pair in drawn for line in (pair.english, pair.german)]


@cache
def learned(name: str, symbols: tuple[str, ...] = NAMES) -> Tokenizer:
    settings, rows = KINDS[name]
    with TemporaryDirectory() as folder:
        lines = "".join(f"{line}\n" for line in demo_lines()[:1000])
        (Path(folder) / "train.txt").write_text(lines + ODD, encoding="utf-8")
        text = TrainingText(
            corpus=TextFiles(text="train.txt"),
            folder=folder,
            lines_in_all=1,
            sides=(0,),
            rows=rows + len(symbols) - len(NAMES),
            setting="model.vocabulary.size",
            symbols=symbols,
        )
        return train_tokenizer(text, settings, lambda _: None)


def sentencepiece(model: str, **more: Any) -> Settings:
    return SentencePieceTokenizer.model_validate({"kind": "sentencepiece", "model": model} | more)


KINDS: dict[str, tuple[Settings, int]] = {
    "unigram": (sentencepiece("unigram"), 400),
    "unigram, bytes": (sentencepiece("unigram", byte_fallback=True), 700),
    "unigram, identity": (sentencepiece("unigram", normalization="identity"), 400),
    "unigram, user": (sentencepiece("unigram", user_symbols=USER), 400),
    "bpe": (sentencepiece("bpe"), 400),
    "bpe, bytes": (sentencepiece("bpe", byte_fallback=True), 700),
    "bpe, nfkc": (sentencepiece("bpe", normalization="nfkc"), 400),
    "bpe, nfkc_cf": (sentencepiece("bpe", normalization="nfkc_cf"), 400),
    "bpe, identity, bytes, user": (
        sentencepiece("bpe", byte_fallback=True, normalization="identity", user_symbols=USER),
        700,
    ),
    "char": (sentencepiece("char"), 60),
    "char, folded": (sentencepiece("char", normalization="nmt_nfkc_cf", user_symbols=USER), 45),
    "segmented": (SegmentedTokenizer(kind="segmented", joiner="@@"), 200),
    "characters": (CharacterTokenizer(kind="characters"), 50),
    "bytes": (ByteTokenizer(kind="bytes"), 260),
    "byte_level_bpe": (LibraryTokenizer(kind="tokenizers", model="byte_level_bpe"), 500),
    "wordpiece": (LibraryTokenizer(kind="tokenizers", model="wordpiece"), 300),
}
EVERY = pytest.mark.parametrize("name", KINDS)
LETTERS = st.characters(exclude_categories=["Cs", "Cn", "Mn", "Mc", "Me", "Cf"])
"""Characters that stand alone: a cluster of several is looked up otherwise by the library."""
PARTS = st.sampled_from(
    [
        *NAMES_WITH_MASK,
        *USER,
        *"  abdeenorst.,'ß<>▁é",
        "km/s",
        "@@ ",
        "ﬁ",
        "日本",
        "\u00a0",
        "\t",
        "\n",
    ]
)
TEXTS = st.lists(PARTS | LETTERS, max_size=12).map("".join)


def backend_of(tokenizer: Tokenizer, spec: Spec = SPEC, **options: Any) -> Any:
    """Return the library's tokenizer, which finds no symbol in a text."""
    tree = tokenizer_tree(spec, tokenizer, **options)
    backend = tokenizers.Tokenizer.from_str(json.dumps(tree))
    backend.encode_special_tokens = True
    return backend


@cache
def backend(name: str) -> Any:
    return backend_of(learned(name))


def encoded(backend: Any, line: str) -> list[int]:
    found: list[int] = backend.encode(line, add_special_tokens=False).ids
    return found


@EVERY
def test_lines_have_the_same_tokens_and_come_back_the_same(name: str) -> None:
    tokenizer, other = learned(name), backend(name)
    lines = [*demo_lines(), *(each for each in ODD.split() if each not in USER), ODD.strip()]
    ours = tokenizer.encode_lines(lines)
    assert [each.ids for each in other.encode_batch(lines, add_special_tokens=False)] == ours
    assert other.decode_batch(ours) == [tokenizer.decode(each) for each in ours]
    assert other.get_vocab_size() == tokenizer.size


@EVERY
@given(line=TEXTS)
@example(line="a <s> b</s><unk>  ")
@example(line=" leading▁and trailing ▁")
def test_texts_have_the_same_tokens(name: str, line: str) -> None:
    if line in USER:  # the space before it cannot be told from the symbol itself
        return
    tokens = learned(name).encode(line)
    assert encoded(backend(name), line) == tokens
    assert backend(name).decode(tokens) == learned(name).decode(tokens)


@EVERY
def test_tokens_in_any_order_have_the_same_text(name: str) -> None:
    """Bytes that are no UTF-8 are read otherwise, so that bytes alone are left out."""
    tokenizer, draw = learned(name), random.Random(1)
    numbers = [each for each in range(tokenizer.size) if not is_byte(name, tokenizer, each)]
    for _ in range(300):
        tokens = draw.choices(numbers, k=draw.randint(0, 8))
        assert backend(name).decode(tokens) == tokenizer.decode(tokens), tokens


@pytest.mark.parametrize("name", [each for each in KINDS if each != "wordpiece"])
def test_what_follows_a_prompt_is_decoded_alone(name: str) -> None:
    """Programs decode the new tokens of a language model without those of its prompt."""
    tokenizer, other = learned(name), backend_of(learned(name), load("language-model").spec)
    for line in [*demo_lines()[:30], "a 日 b", " leading", ODD.strip()]:
        tokens = tokenizer.encode(line)
        whole = other.decode(tokens)
        assert whole.lstrip(" ") == tokenizer.decode(tokens).lstrip(" ")
        begins = tokenizer.begins_words(tokens)
        for cut in (n for n in range(1, len(tokens)) if begins[n] and not is_joined(name, line)):
            assert other.decode(tokens[:cut]) + other.decode(tokens[cut:]) == whole, (line, cut)


def is_joined(name: str, line: str) -> bool:
    return name == "segmented" and "@@" in line


def is_byte(name: str, tokenizer: Tokenizer, token: int) -> bool:
    """Tell whether a token is a part of a character, or may be one."""
    if "byte" not in name or token < len(NAMES):
        return False
    return tokenizer.name(token).startswith("<0x") or "\ufffd" in tokenizer.decode([token])


@pytest.mark.parametrize("line", ["e\u0301cole", "E\u0301", "a\u030a"])
@pytest.mark.parametrize("name", ["unigram, bytes", "bpe, bytes"])
def test_composed_characters_are_the_same(name: str, line: str) -> None:
    assert category(line[-1]) == "Mn" or line == "e\u0301cole"
    assert encoded(backend(name), line) == learned(name).encode(line)


BERT = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
FOREIGN: dict[str, tuple[tuple[str, ...], tuple[int | None, ...]]] = {
    "bpe": (("<|endoftext|>",), (None, None, 0, 0)),
    "wordpiece": (BERT, (0, 2, 3, 4)),
    "unigram": (("<s>", "<pad>", "</s>", "<unk>", "<mask>"), (1, 3, 0, 2)),
}


@cache
def foreign(kind: str) -> HuggingFaceTokenizer:
    """Return a tokenizer of another program, whose symbols are not numbered as ours."""
    symbols, theirs = FOREIGN[kind]
    size = 400 if kind == "bpe" else 300
    other = learned_by_library(kind, symbols, demo_lines()[:500], size)
    return HuggingFaceTokenizer(other.to_str(), Rows.renumbered(theirs, other.get_vocab_size()))


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_vocabulary_has_our_numbers_or_its_own(kind: str) -> None:
    tokenizer = foreign(kind)
    ours, theirs = backend_of(tokenizer), backend_of(tokenizer, numbering="theirs")
    original = tokenizers.Tokenizer.from_str(tokenizer.content)
    for line in demo_lines()[:500]:
        tokens = tokenizer.encode(line)
        assert encoded(ours, line) == tokens
        assert encoded(theirs, line) == original.encode(line, add_special_tokens=False).ids
        assert ours.decode(tokens) == tokenizer.decode(tokens)
        assert theirs.encode(line).ids == [*encoded(theirs, line), tokenizer.rows.theirs[END]]
    assert ours.get_vocab_size() == tokenizer.size
    assert ours.decode([PADDING, BEGIN, END]) == ""


def test_a_sentencepiece_model_with_other_numbers() -> None:
    """The numbering of T5: padding, end, unknown, and no beginning."""
    written = io.BytesIO()
    library.SentencePieceTrainer.train(
        sentence_iterator=iter(demo_lines()[:500]),
        model_writer=written,
        vocab_size=300,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    rows = Rows.renumbered((0, 2, None, 1), 300)
    tokenizer = pieces.SentencePieceTokenizer(written.getvalue(), rows)
    ours, theirs = backend_of(tokenizer), backend_of(tokenizer, numbering="theirs")
    own = library.SentencePieceProcessor(model_proto=written.getvalue())
    for line in [*demo_lines()[:500], "日 x"]:
        assert encoded(ours, line) == tokenizer.encode(line)
        assert encoded(theirs, line) == own.encode(line)
        assert theirs.encode(line).ids == [*own.encode(line), 1]
    assert ours.id_to_token(BEGIN) == "<s>"


def test_a_symbol_that_a_foreign_vocabulary_lacks_is_a_located_mistake() -> None:
    """A prompt begins with a symbol that the vocabulary of T5 does not have."""
    given = learned("bpe")
    assert isinstance(given, pieces.SentencePieceTokenizer)
    rows = Rows.renumbered((0, 2, None, 1), 300)
    tokenizer = pieces.SentencePieceTokenizer(given.model, rows)
    with pytest.raises(UserError, match="which has no <s>") as raised:
        tokenizer_tree(spec_of("language_model"), tokenizer, numbering="theirs")
    assert "--as remote" in raised.value.help


def spec_of(task: str) -> Spec:
    """Return a spec that is of a task as far as its tokenizer is concerned."""
    return SPEC.model_copy(update={"task": task})


def test_a_task_puts_symbols_around_texts() -> None:
    tokenizer = learned("bpe")
    own = tokenizer.encode("a man")
    for task, expected in (
        ("translation", [*own, END]),
        ("language_model", [BEGIN, *own]),
        ("classification", [BEGIN, *own, END]),
        ("embedding", [BEGIN, *own, END]),
    ):
        other = backend_of(tokenizer, spec_of(task))
        assert other.encode("a man").ids == expected
        assert other.encode("").ids == [each for each in expected if each not in own]
    bare = backend_of(tokenizer, around=Around(before=(), after=()))
    assert bare.encode("a man").ids == own
    both = backend_of(tokenizer).encode("a man", "a man")
    assert both.ids == [*own, END, *own, END]
    assert both.type_ids == [0] * (len(own) + 1) + [1] * (len(own) + 1)


def test_a_text_begins_with_its_language() -> None:
    tokenizer = HuggingFaceTokenizer(foreign("wordpiece").content, foreign("wordpiece").rows, [9])
    other, line = backend_of(tokenizer), demo_lines()[0]
    assert other.encode(line).ids == [*tokenizer.encode(line), END]
    assert other.encode(line).ids[0] == 9


MASKED = ["a <mask> b", "the <mask> sees <mask>.", "<mask> man", "a man<mask>", "<mask>"]


@pytest.mark.parametrize("name", ["unigram", "bpe", "char", "characters", "byte_level_bpe"])
def test_texts_contain_masks(name: str) -> None:
    spec = spec_of("masked_language_model")
    tokenizer = learned(name, NAMES_WITH_MASK)
    other = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_tree(spec, tokenizer)))
    for line in MASKED:
        ours = encode_with_gaps(line.replace("<mask>", "[MASK]"), tokenizer)
        assert other.encode(line).ids == [BEGIN, *ours, END]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (sentencepiece("word"), "a run of unknown words is one token"),
        (
            sentencepiece("bpe", normalization="nfkc_cf", user_symbols=["<2DE>"]),
            "normalisation would change the user symbol '<2DE>'",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(
    name: Settings, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "refused", (name, 60))
    with pytest.raises(UserError, match=reason) as caught:
        tokenizer_tree(SPEC, learned.__wrapped__("refused"))
    assert "data.tokenizer.model" in caught.value.help


@pytest.mark.parametrize("name", ["unigram", "bpe, bytes", "segmented", "bytes", "wordpiece"])
def test_transformers_reads_the_folder(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = learned(name)
    write_tokenizer(SPEC, tokenizer, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    loaded.save_pretrained(tmp_path / "again")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    lines = [*demo_lines()[:50], "a </s> in <s> a text"]
    for each in (loaded, again):
        assert each(lines)["input_ids"] == [[*tokenizer.encode(line), END] for line in lines]
        assert symbols(each) == [PADDING, BEGIN, END]
        batch = each(lines[:3], padding=True)
        assert set(batch) == {"input_ids", "attention_mask"}
        assert batch["input_ids"][0][-1] in (PADDING, END)
    tokens = [*tokenizer.encode(lines[0]), UNKNOWN, END, PADDING]
    assert loaded.decode(tokens, skip_special_tokens=True) == tokenizer.decode(tokens)
    assert loaded.model_max_length == SPEC.data.max_length


def symbols(loaded: Any) -> Sequence[int]:
    return [loaded.pad_token_id, loaded.bos_token_id, loaded.eos_token_id]


def test_the_last_tokens_of_a_long_prompt_are_kept(tmp_path: Path) -> None:
    """The run reads the end of a prompt that is too long, and so does the folder's tokenizer."""
    transformers = pytest.importorskip("transformers")
    spec = load("language-model").spec
    tokenizer = learned("bpe")
    write_tokenizer(spec, tokenizer, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    line = " ".join(demo_lines()[:60])
    tokens = tokenizer.encode(line)
    longest = spec.data.max_length
    assert len(tokens) >= longest
    assert loaded(line, truncation=True).input_ids == [BEGIN, *tokens[1 - longest :]]
