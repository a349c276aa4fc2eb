"""Sizes and symbols of vocabularies in files of sentencepiece and of Hugging Face's tokenizers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compiler.vocabulary.rows import Rows
from compiler.vocabulary.sentencepiece_model import named_symbols, pieces_of

SYMBOLS = ("padding", "unknown", "begin", "end", "mask")
"""Our symbols in the order of their numbers."""

USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "padding": ("[PAD]", "<pad>", "<|pad|>", "<|padding|>", "<PAD>"),
    "unknown": ("[UNK]", "<unk>", "<UNK>"),
    "begin": ("[CLS]", "<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "[BOS]"),
    "end": ("[SEP]", "</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>", "[EOS]"),
    "mask": ("[MASK]", "<mask>", "<|mask|>"),
}
"""What our symbols are called in vocabularies that say nothing of them."""

_KEYS: dict[str, tuple[str, ...]] = {
    "padding": ("pad_token",),
    "unknown": ("unk_token",),
    "begin": ("bos_token", "cls_token"),
    "end": ("eos_token", "sep_token"),
    "mask": ("mask_token",),
}
"""What they are called in `tokenizer_config.json` and `special_tokens_map.json`."""

UNKNOWNS = USUAL_NAMES["unknown"][:2]
"""The names of an unknown token in vocabularies of WordPiece."""

BESIDE = ("tokenizer_config.json", "special_tokens_map.json")
"""The files beside a vocabulary that may name its symbols."""

MODELS = ("BPE", "WordPiece", "Unigram", "WordLevel")
"""The kinds of `tokenizer.json` that the library of Hugging Face knows."""


class NoVocabulary(ValueError):
    """Raised for a file that holds no vocabulary of the kind that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignVocabulary:
    """The vocabulary of another program's tokenizer."""

    size: int
    """The number after the last one of a token."""
    symbols: tuple[int | None, ...]
    """Their numbers of our symbols, in the order of `SYMBOLS`; None for one that they lack."""

    def rows(self, symbols: int) -> Rows:
        """Return the rows of a vocabulary that begins with so many of our symbols."""
        return Rows.renumbered(self.symbols[:symbols], self.size)


def vocabulary_of_tokens(
    numbers: Mapping[str, int],
    *,
    given: Mapping[str, str] | None = None,
    beside: Sequence[Mapping[str, Any]] = (),
    unknown: str | None = None,
) -> ForeignVocabulary:
    """Return the vocabulary of tokens with these numbers.

    A symbol is the token that `given` says; else the one that a file beside the vocabulary says;
    else one of its usual names. `unknown` is what the model itself gives for an unknown token.
    Raises NoVocabulary for a symbol of `given` that is no token.
    """
    found: dict[str, int | None] = {}
    for symbol in SYMBOLS:
        name = (given or {}).get(symbol)
        if name is not None and name not in numbers:
            raise NoVocabulary(f"has no token {name!r}, the `{symbol}` of `symbols`")
        named = [text_of_token(each.get(key)) for each in beside for key in _KEYS[symbol]]
        own = (unknown,) if symbol == "unknown" else ()
        names = [name] if name is not None else [*named, *own, *USUAL_NAMES[symbol]]
        found[symbol] = next((numbers[each] for each in names if each in numbers), None)
    if found["unknown"] in (found["begin"], found["end"]):
        found["unknown"] = None  # GPT-2 has one symbol, and every text is made of known tokens
    size = max(numbers.values(), default=-1) + 1
    return ForeignVocabulary(size=size, symbols=tuple(found[each] for each in SYMBOLS))


def numbers_of_tokenizer_json(tree: Any) -> dict[str, int]:
    """Return the tokens of a `tokenizer.json` with their numbers, added ones included.

    Raises NoVocabulary if the tree is none, or of an unknown kind.
    """
    model = tree.get("model") if isinstance(tree, dict) else None
    if not isinstance(model, dict) or "vocab" not in model:
        if is_vocab_json(tree):
            raise NoVocabulary(
                "is a vocab.json, whose merges are in another file: name it by `merges: merges.txt`"
            )
        raise NoVocabulary("is no tokenizer.json: it has no `model` with a `vocab`")
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind not in MODELS:
        raise NoVocabulary(f"holds a model of the unknown kind {kind!r}, and not {_words(MODELS)}")
    try:
        vocab = model["vocab"]
        own = {piece: i for i, (piece, _) in enumerate(vocab)} if kind == "Unigram" else vocab
        added = {each["content"]: each["id"] for each in tree.get("added_tokens") or ()}
        numbers = {str(token): int(number) for token, number in {**own, **added}.items()}
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise NoVocabulary("is damaged: its tokens are no list with numbers") from error
    if not numbers or min(numbers.values()) < 0:
        raise NoVocabulary("has no tokens")
    return numbers


def is_vocab_json(tree: Any) -> bool:
    """Return whether a tree is a mapping from tokens to numbers, as that of a `vocab.json`."""
    numbers = tree.values() if isinstance(tree, dict) and "model" not in tree else ()
    return bool(numbers) and all(type(each) is int for each in numbers)


def unknown_of_tokenizer_json(tree: Any) -> str | None:
    """Return the token that a model gives for an unknown one, if it says so."""
    model = tree["model"]
    number, pieces = model.get("unk_id"), model["vocab"]
    if isinstance(number, int) and isinstance(pieces, list) and 0 <= number < len(pieces):
        return str(pieces[number][0])
    name = model.get("unk_token")
    return name if isinstance(name, str) else None


Format = Literal["vocab.txt", "vocab.json", "tokenizer.json"]


def format_of(path: Path, *, has_merges: bool) -> Format:
    """Return what a file of Hugging Face's tokenizers is read as, by its name and its merges."""
    if path.suffix == ".txt":
        return "vocab.txt"
    return "vocab.json" if has_merges else "tokenizer.json"


def read_vocabulary(
    path: Path, kind: str, given: Mapping[str, str], *, has_merges: bool = False
) -> ForeignVocabulary:
    """Read the vocabulary of a file of a tokenizer of the kind `sentencepiece` or `tokenizers`.

    Raises NoVocabulary, in words that follow the name of the file, if it holds none.
    """
    content = path.read_bytes()
    if kind == "sentencepiece":
        return sentencepiece_vocabulary(content, given)
    beside, unknown = read_beside(path), None
    match format_of(path, has_merges=has_merges):
        case "vocab.txt":
            numbers = numbers_of_vocab_txt(content)
        case "vocab.json":
            numbers = numbers_of_tokenizer_json({"model": parse_vocab_json(content)})
        case "tokenizer.json":
            tree = parse_json(content)
            numbers, unknown = numbers_of_tokenizer_json(tree), unknown_of_tokenizer_json(tree)
    return vocabulary_of_tokens(numbers, given=given, beside=beside, unknown=unknown)


def numbers_of_vocab_txt(content: bytes) -> dict[str, int]:
    """Return the tokens of a vocabulary of WordPiece, one a line, with their numbers.

    Raises NoVocabulary for text that names a token twice, or has no token for unknown ones.
    """
    try:
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise NoVocabulary("is no vocabulary of WordPiece: it is not UTF-8") from error
    numbers = {line.rstrip("\r"): number for number, line in enumerate(lines)}
    if len(numbers) != len(lines):
        raise NoVocabulary("is no vocabulary of WordPiece: it names a token twice")
    if numbers.keys().isdisjoint(UNKNOWNS):
        raise NoVocabulary("is no vocabulary of WordPiece: it has no [UNK]")
    return numbers


def read_beside(path: Path) -> list[dict[str, Any]]:
    """Read the files beside a vocabulary that may name its symbols.

    Raises NoVocabulary for one that is no mapping in JSON.
    """
    found = []
    for name in BESIDE:
        if (file := path.parent / name).is_file():
            tree = parse_json(file.read_bytes(), file.name)
            if not isinstance(tree, dict):
                raise NoVocabulary(f"has beside it {name}, which is no mapping")
            found.append(tree)
    return found


def parse_json(content: bytes, name: str = "") -> Any:
    """Return the tree of a file in JSON. Raises NoVocabulary if it is not."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        beside = f"has beside it {name}, which" if name else ""
        raise NoVocabulary(f"{beside} is no JSON: {error}".strip()) from error


def parse_vocab_json(content: bytes) -> dict[str, Any]:
    """Return the model of a `tokenizer.json` with the tokens of a `vocab.json`.

    Raises NoVocabulary for a file that is no JSON, or is a whole `tokenizer.json`.
    """
    tree = parse_json(content)
    if isinstance(tree, dict) and isinstance(tree.get("model"), dict):
        raise NoVocabulary("is a tokenizer.json, which holds its merges: leave `merges` out")
    return {"type": "BPE", "vocab": tree}


def sentencepiece_vocabulary(
    content: bytes, given: Mapping[str, str] | None = None
) -> ForeignVocabulary:
    """Return the vocabulary of a sentencepiece model. Raises NoVocabulary if it is none."""
    try:
        numbers = {each.text: number for number, each in enumerate(pieces_of(content))}
        named = named_symbols(content)
    except ValueError as error:
        raise NoVocabulary(f"is no sentencepiece model: {error}") from error
    return vocabulary_of_tokens(numbers, given=given, beside=[named])


def text_of_token(token: Any) -> str | None:
    """Return the text of a symbol, which is written as it is or with its properties."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _words(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
