"""Tokenizers of Hugging Face's library: from files, beside what the library itself says."""

import gzip
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.spec.data import TextFiles
from compiler.spec.tokenizer import LibraryTokenizer as Settings
from compiler.spec.tokenizer import TokenizerSymbols
from runtime.data.symbols import BEGIN, END, MASK, NAMES, NAMES_WITH_MASK, PADDING, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.tokenizer import load_tokenizer, train_tokenizer
from runtime.errors import UserError
from runtime.inference.filler import encode_with_gaps
from tests.support.library_tokenizers import learned_by_library

tokenizers = pytest.importorskip("tokenizers", reason="the extra `tokenizers` is not installed")

SCALE = Path(__file__).parents[3] / ".." / "shared" / "data" / "scale" / "en-de.tsv.gz"

LINES = [
    *("the house is big .", "a small mouse's hole, isn't it?", "Größe ist schön 日本 é"),
    *("un-do the un-done", "the big mouse is in the house", "an [SEP] in <s> text </s>"),
]
BERT = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


SIZES = {"bpe": 300, "wordpiece": 90, "unigram": 60}


def learned(kind: str, symbols: tuple[str, ...]) -> Any:
    """Return a tokenizer of the library, learned from LINES, whose symbols are not ours."""
    return learned_by_library(kind, symbols, LINES * 9, SIZES[kind])


SYMBOLS = {
    "bpe": ("<|endoftext|>",),
    "wordpiece": BERT,
    "unigram": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
}
THEIRS = {
    "bpe": (None, None, None, 0),
    "wordpiece": (0, 2, 3, 4),
    "unigram": (1, 3, 0, 2),
}
"""Their numbers of padding, unknown, begin and end."""


def text_of(folder: Path, rows: int, symbols: tuple[str, ...] = NAMES) -> TrainingText:
    return TrainingText(
        corpus=TextFiles(text="train.txt"),
        folder=str(folder),
        lines_in_all=1,
        sides=(0,),
        rows=rows,
        setting="model.vocabulary.size",
        symbols=symbols,
    )


def rows_of(backend: Any, symbols: tuple[int | None, ...]) -> int:
    return int(backend.get_vocab_size()) + 4 - len(set(symbols) - {None})


@pytest.fixture(params=["bpe", "wordpiece", "unigram"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, HuggingFaceTokenizer, str]:
    """The library's tokenizer, ours of the same file, and the kind of its model."""
    backend = learned(request.param, SYMBOLS[request.param])
    backend.save(str(tmp_path / "tokenizer.json"))
    rows = rows_of(backend, THEIRS[request.param])
    ours = train_tokenizer(
        text_of(tmp_path, rows), Settings(kind="tokenizers", file="tokenizer.json"), print
    )
    assert isinstance(ours, HuggingFaceTokenizer)
    backend.encode_special_tokens = True
    return backend, ours, request.param


@pytest.mark.quick
def test_numbers_are_those_of_the_library_in_another_order(
    pair: tuple[Any, HuggingFaceTokenizer, str],
) -> None:
    backend, ours, kind = pair
    assert ours.rows.theirs[:4] == THEIRS[kind]
    for line, tokens in zip(LINES, ours.encode_lines(LINES), strict=True):
        assert tokens == ours.encode(line)
        theirs = backend.encode(line, add_special_tokens=False).ids
        known = [each for each, token in zip(theirs, tokens, strict=True) if token != UNKNOWN]
        assert [ours.rows.theirs[each] for each in tokens if each != UNKNOWN] == known
        assert not {PADDING, BEGIN, END} & set(tokens)
        assert all(0 <= each < ours.size for each in tokens)
        if UNKNOWN not in tokens:
            expected = backend.decode(theirs, skip_special_tokens=False)
            assert ours.decode([BEGIN, *tokens, END, PADDING]) == expected


@pytest.mark.quick
def test_saved_and_loaded(pair: tuple[Any, HuggingFaceTokenizer, str], tmp_path: Path) -> None:
    _, ours, _ = pair
    ours.save(tmp_path / "saved")
    loaded = load_tokenizer(tmp_path / "saved")
    assert isinstance(loaded, HuggingFaceTokenizer)
    assert (loaded.size, loaded.rows) == (ours.size, ours.rows)
    assert loaded.encode_lines(LINES) == ours.encode_lines(LINES)
    assert [loaded.name(each) for each in range(ours.size)] == [*map(ours.name, range(ours.size))]


@pytest.mark.quick
def test_a_token_is_found_by_its_name(pair: tuple[Any, HuggingFaceTokenizer, str]) -> None:
    _, ours, kind = pair
    names = [ours.name(each) for each in range(4, ours.size)]
    assert [ours.number(each) for each in names] == list(range(4, ours.size))
    assert ours.number("no token at all") == UNKNOWN
    if kind == "bpe":
        assert "▁house" in names
        assert ours.number("Ġhouse") == ours.number("▁house")


@pytest.mark.quick
def test_words_and_their_tokens(pair: tuple[Any, HuggingFaceTokenizer, str]) -> None:
    _, ours, kind = pair
    tokens = ours.encode("the house is undone.")
    begins = ours.begins_words([BEGIN, *tokens, END])
    assert (begins[0], begins[-1]) == (True, True)
    words, word = [], []
    for token, first in zip(tokens, begins[1:-1], strict=True):
        if first and word:
            words.append(ours.decode(word).strip())
            word = []
        word.append(token)
    words.append(ours.decode(word).strip())
    if kind == "wordpiece":  # a word of unseen parts is unknown as a whole
        assert words[:3] == ["the", "house", "is"]
    else:
        assert words == ["the", "house", "is", "undone", "."]


@pytest.mark.quick
def test_what_follows_a_token(pair: tuple[Any, HuggingFaceTokenizer, str]) -> None:
    _, ours, _ = pair
    assert ours.encode_rest(".") == ours.encode("a.")[len(ours.encode("a")) :]
    assert ours.encode_rest(" house") == ours.encode(" house")
    assert ours.encode_rest("") == []


BYTES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> HuggingFaceTokenizer:
    folder = tmp_path_factory.mktemp("bytes")
    backend = learned("bpe", SYMBOLS["bpe"])
    backend.save(str(folder / "tokenizer.json"))
    rows = rows_of(backend, THEIRS["bpe"])
    settings = Settings(kind="tokenizers", file="tokenizer.json")
    return HuggingFaceTokenizer.train(text_of(folder, rows), settings, print)


@pytest.mark.quick
@given(line=BYTES)
def test_byte_level_tokens_are_every_text(byte_level: HuggingFaceTokenizer, line: str) -> None:
    tokens = byte_level.encode(line)
    assert min(tokens, default=4) > END
    assert byte_level.decode(tokens) == line


@pytest.mark.quick
def test_a_gap_takes_the_space_before_it(byte_level: HuggingFaceTokenizer) -> None:
    found = encode_with_gaps("the [MASK] is ___.", byte_level)
    encode = byte_level.encode
    assert found == [*encode("the"), MASK, *encode(" is"), MASK, *byte_level.encode_rest(".")]


@pytest.mark.quick
def test_a_masked_language_model_has_their_mask(tmp_path: Path) -> None:
    backend = learned("wordpiece", BERT)
    backend.save(str(tmp_path / "tokenizer.json"))
    settings = Settings(kind="tokenizers", file="tokenizer.json")
    text = text_of(tmp_path, backend.get_vocab_size(), NAMES_WITH_MASK)
    ours = HuggingFaceTokenizer.train(text, settings, print)
    assert ours.rows.theirs[:6] == (0, 2, 3, 4, 5, 1)
    assert ours.decode([MASK]) == "[MASK]"
    assert MASK not in ours.encode("a [MASK] house")


@pytest.mark.quick
@pytest.mark.parametrize("beside", [True, False])
def test_symbols_that_the_file_beside_it_or_the_spec_names(tmp_path: Path, beside: bool) -> None:
    symbols = ("<a>", "<b>", "<c>", "<d>")
    backend = learned("bpe", symbols)
    backend.save(str(tmp_path / "tokenizer.json"))
    keys = ("eos_token", "bos_token", "unk_token", "pad_token")
    tokens = dict(zip(keys, ("<a>", {"content": "<b>"}, "<c>", "<d>"), strict=True))
    if beside:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokens))
    own = TokenizerSymbols(padding="<d>", unknown="<c>", begin="<b>", end="<a>")
    settings = Settings(kind="tokenizers", file="tokenizer.json", symbols=None if beside else own)
    text = text_of(tmp_path, backend.get_vocab_size())
    assert HuggingFaceTokenizer.train(text, settings, print).rows.theirs[:4] == (3, 2, 1, 0)


@pytest.mark.quick
def test_a_vocabulary_of_wordpiece_reads_as_bert(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    backend = learned("wordpiece", BERT)
    vocab = sorted(backend.get_vocab(), key=backend.token_to_id)
    (tmp_path / "vocab.txt").write_text("".join(f"{each}\n" for each in vocab))
    settings = Settings(kind="tokenizers", file="vocab.txt")
    ours = HuggingFaceTokenizer.train(text_of(tmp_path, len(vocab)), settings, print)
    theirs = transformers.BertTokenizerFast.from_pretrained(tmp_path)
    for line in LINES[:5]:
        expected = theirs(line, add_special_tokens=False)["input_ids"]
        assert [ours.rows.theirs[each] for each in ours.encode(line)] == expected


@pytest.mark.quick
def test_a_vocabulary_with_merges_reads_as_gpt2(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    backend = learned("bpe", SYMBOLS["bpe"])
    backend.model.save(str(tmp_path))
    settings = Settings(kind="tokenizers", file="vocab.json", merges="merges.txt")
    rows = rows_of(backend, THEIRS["bpe"])
    ours = HuggingFaceTokenizer.train(text_of(tmp_path, rows), settings, print)
    theirs = transformers.GPT2TokenizerFast.from_pretrained(tmp_path)
    for line in LINES:
        expected = theirs(line, add_special_tokens=False)["input_ids"]
        assert [ours.rows.theirs[each] for each in ours.encode(line)] == expected


def damage(folder: Path, how: str) -> None:
    path = folder / "tokenizer.json"
    tree = json.loads(path.read_text())
    match how:
        case "kind":
            tree["model"]["type"] = "Magic"
        case "part":
            tree["decoder"] = {"type": "Magic"}
        case "tokens":
            tree["model"]["vocab"] = {"a": "b"}
        case "model":
            del tree["model"]
    path.write_text(json.dumps(tree))
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-20])
    if how == "config":
        (folder / "tokenizer_config.json").write_text("[]")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("kind", r"tokenizer\.json holds a model of the unknown kind 'Magic', and not BPE, Word"),
        ("part", r"tokenizer\.json cannot be read as a tokenizer: tokenizers .* cannot read it"),
        ("tokens", r"tokenizer\.json is damaged: its tokens are no list with numbers"),
        ("model", r"tokenizer\.json is no tokenizer\.json: it has no `model`"),
        ("truncated", r"tokenizer\.json is no JSON"),
        ("config", r"has beside it tokenizer_config\.json, which is no mapping"),
        ("size", r"size is 299, and .*tokenizer\.json has 303 rows with the 4 symbols"),
        ("symbol", r"tokenizer\.json has no token '<no>', the `end` of `symbols`"),
        ("missing", r"there is no file .*tokenizer\.json"),
    ],
)
def test_files_that_will_not_do(tmp_path: Path, how: str, message: str) -> None:
    backend = learned("bpe", SYMBOLS["bpe"])
    backend.save(str(tmp_path / "tokenizer.json"))
    damage(tmp_path, how)
    if how == "missing":
        (tmp_path / "tokenizer.json").unlink()
    symbols = TokenizerSymbols(end="<no>") if how == "symbol" else None
    settings = Settings(kind="tokenizers", file="tokenizer.json", symbols=symbols)
    rows = 299 if how == "size" else rows_of(backend, THEIRS["bpe"])
    with pytest.raises(UserError, match=message):
        train_tokenizer(text_of(tmp_path, rows), settings, print)


@pytest.mark.quick
def test_merges_of_another_vocabulary_are_told_at_their_file(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\nab c\n")
    settings = Settings(kind="tokenizers", file="vocab.json", merges="merges.txt")
    message = r"merges\.txt does not belong to the vocabulary: its merge 'ab c' needs the token 'c'"
    with pytest.raises(UserError, match=message):
        train_tokenizer(text_of(tmp_path, 7), settings, print)


@pytest.mark.quick
@pytest.mark.parametrize("vocabulary", [{"[PAD]": 0, "a": 1}, {"a": 0, "##b": 1, "!": 2}])
def test_a_file_that_cannot_cut_every_text(tmp_path: Path, vocabulary: dict[str, int]) -> None:
    backend = learned("wordpiece", BERT)
    tree = json.loads(backend.to_str())
    tree["model"]["vocab"], tree["added_tokens"] = vocabulary, []
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree))
    settings = Settings(kind="tokenizers", file="tokenizer.json")
    rows = max(vocabulary.values()) + (4 if "[PAD]" in vocabulary else 5)
    message = r"tokenizer\.json cannot be read as a tokenizer: it cannot cut every text: .*UNK"
    with pytest.raises(UserError, match=message):
        train_tokenizer(text_of(tmp_path, rows), settings, print)


@pytest.mark.quick
@pytest.mark.parametrize("model", ["wordpiece", "byte_level_bpe"])
def test_any_error_of_the_library_is_explained(
    tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """What the library raises where it has a fault."""

    def fail(*_: object, **__: object) -> None:
        raise Panic("no such thing")

    (tmp_path / "train.txt").write_text("\n".join(LINES))
    monkeypatch.setattr(tokenizers, "Tokenizer", fail)
    with pytest.raises(UserError, match=rf"can learn no `model: {model}`: no such thing"):
        train_tokenizer(text_of(tmp_path, 300), Settings(kind="tokenizers", model=model), print)


@pytest.mark.quick
def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = learned("bpe", SYMBOLS["bpe"])
    backend.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    settings = Settings(kind="tokenizers", file="tokenizer.json")
    with pytest.raises(UserError, match="needs the extra `tokenizers`") as caught:
        train_tokenizer(text_of(tmp_path, rows_of(backend, THEIRS["bpe"])), settings, print)
    assert "pip install tokenizers" in caught.value.help


@pytest.mark.skipif(not SCALE.is_file(), reason="the corpus of the scale tests is not there")
def test_ten_thousand_lines_are_those_of_the_library(
    pair: tuple[Any, HuggingFaceTokenizer, str],
) -> None:
    backend, ours, _ = pair
    with gzip.open(SCALE, "rt", encoding="utf-8") as file:
        lines = [line.split("\t")[0] for line in islice(file, 10_000)]
    theirs = backend.encode_batch(lines, add_special_tokens=False)
    for tokens, expected in zip(ours.encode_lines(lines), theirs, strict=True):
        known = [
            number if token != UNKNOWN else None
            for number, token in zip(expected.ids, tokens, strict=True)
        ]
        found = [ours.rows.theirs[each] if each != UNKNOWN else None for each in tokens]
        assert found == known


@pytest.fixture(params=["byte_level_bpe", "wordpiece"])
def taught(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[HuggingFaceTokenizer, Path]:
    """A tokenizer that is learned here, and the folder of its text."""
    text = "".join(f"{line}\n" for line in LINES * 9)
    (tmp_path / "train.txt").write_text(text, encoding="utf-8")
    settings = Settings(kind="tokenizers", model=request.param)
    rows = {"byte_level_bpe": 290, "wordpiece": 90}[request.param]
    found = train_tokenizer(text_of(tmp_path, rows, NAMES_WITH_MASK), settings, print)
    assert isinstance(found, HuggingFaceTokenizer)
    assert found.size == rows
    return found, tmp_path


Taught = tuple[HuggingFaceTokenizer, Path]


@pytest.mark.quick
def test_learned_here(taught: Taught) -> None:
    ours, folder = taught
    assert ours.rows.is_identity
    assert [ours.name(each) for each in range(5)] == list(NAMES_WITH_MASK)
    for line in ["the house is big", "the mouse is in the house"]:
        assert ours.decode([BEGIN, *ours.encode(line), END]) == line
    assert not {PADDING, BEGIN, END, MASK} & set(ours.encode("<s> </s> <mask>"))
    ours.save(folder / "saved")
    assert load_tokenizer(folder / "saved").encode_lines(LINES) == ours.encode_lines(LINES)


@pytest.mark.quick
def test_the_same_text_teaches_the_same(taught: Taught) -> None:
    ours, folder = taught
    ours.save(folder / "saved")
    kind = "byte_level_bpe" if ours.size == 290 else "wordpiece"
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[3]);"
        "from tests.runtime.data.test_library_tokenizers import *;"
        "folder = Path(sys.argv[1]);"
        "text = text_of(folder, int(sys.argv[4]), NAMES_WITH_MASK);"
        "settings = Settings(kind='tokenizers', model=sys.argv[2]);"
        "train_tokenizer(text, settings, print).save(folder / 'again')"
    )
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", code, str(folder), kind, root, str(ours.size)]
    subprocess.run(command, check=True, cwd=root)
    one, two = (folder / name / "vocabulary.json" for name in ("saved", "again"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("model", "rows", "message"),
    [
        ("byte_level_bpe", 100, "size is 100, but .*train.txt allows at least 260 rows"),
        ("byte_level_bpe", 5000, r"size is 5,000, but .*train.txt allows at most 3\d\d rows"),
        ("wordpiece", 5000, "size is 5,000, but .*train.txt allows at most"),
        ("wordpiece", 20, "size is 20, but .*train.txt allows at least"),
    ],
)
def test_a_vocabulary_that_the_text_does_not_allow(
    model: str, rows: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "train.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    settings = Settings(kind="tokenizers", model=model)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message) as caught:
        train_tokenizer(text_of(tmp_path, rows), settings, print)
    allowed = int(caught.value.help.rpartition(" ")[2])
    assert train_tokenizer(text_of(tmp_path, allowed), settings, print).size == allowed
