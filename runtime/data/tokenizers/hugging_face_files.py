"""Files of Hugging Face's tokenizers: `tokenizer.json`, `vocab.txt`, `vocab.json` and `merges.txt`.

Each becomes the content of a `tokenizer.json`, and what is known of its vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.vocabulary.foreign import (
    UNKNOWNS,
    ForeignVocabulary,
    NoVocabulary,
    format_of,
    numbers_of_tokenizer_json,
    numbers_of_vocab_txt,
    parse_json,
    parse_vocab_json,
    read_beside,
    unknown_of_tokenizer_json,
    vocabulary_of_tokens,
)
from runtime.data.lines import read_bytes
from runtime.errors import UserError

Names = Mapping[str, str]
"""The tokens that a spec names as symbols, by `padding`, `unknown`, `begin`, `end` and `mask`."""


def read_files(
    file: Path, merges: Path | None = None, names: Names | None = None
) -> tuple[str, ForeignVocabulary]:
    """Return the content of a `tokenizer.json`, and its vocabulary.

    `merges` are those of a byte-level BPE, whose `file` is a `vocab.json`. Raises a UserError that
    names the file for one that holds no tokenizer, or one of an unknown kind.
    """
    content = read_bytes(file)
    try:
        beside = read_beside(file)
        form = format_of(file, has_merges=merges is not None)
        if form == "vocab.txt":
            tree = _word_piece(content, beside)
        elif form == "vocab.json" and merges is not None:
            tree = _byte_level(content, read_bytes(merges), merges, beside)
        else:
            tree = parse_json(content)
        numbers = numbers_of_tokenizer_json(tree)
        unknown = unknown_of_tokenizer_json(tree)
        vocabulary = vocabulary_of_tokens(numbers, given=names, beside=beside, unknown=unknown)
    except NoVocabulary as error:
        raise UserError(f"{file} {error}", help=_advice(file, merges)) from error
    if "added_tokens" not in tree:
        tree["added_tokens"] = _added(numbers, vocabulary)
    return json.dumps(tree, ensure_ascii=False), vocabulary


def _advice(file: Path, merges: Path | None) -> str:
    if file.name == "vocab.json" and merges is None:
        return "a vocab.json has its merges beside it: write `merges: merges.txt`"
    return "give a tokenizer.json, a vocab.txt of WordPiece, or a vocab.json and `merges`"


def _word_piece(content: bytes, beside: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the tree of BERT's tokenizer with the vocabulary of a `vocab.txt`."""
    tokens = numbers_of_vocab_txt(content)
    lowercase = _setting(beside, "do_lower_case", _is_lower_case(tokens))
    return {
        "version": "1.0",
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": _setting(beside, "tokenize_chinese_chars", True),
            "strip_accents": _setting(beside, "strip_accents", None),
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": next(each for each in UNKNOWNS if each in tokens),
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": tokens,
        },
    }


def _byte_level(
    content: bytes, merges: bytes, place: Path, beside: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the tree of GPT-2's tokenizer with the vocabulary of `vocab.json` and its merges."""
    try:
        lines = merges.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{place} is no list of merges: it is not UTF-8") from error
    pairs = [line.rstrip("\r") for line in lines if line and not line.startswith("#version")]
    if wrong := next((each for each in pairs if each.count(" ") != 1), None):
        raise UserError(f"{place} is no list of merges: {wrong[:40]!r} is not two tokens")
    model = parse_vocab_json(content)
    _require_known(pairs, numbers_of_tokenizer_json({"model": model}), place)
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": _setting(beside, "add_prefix_space", False),
        "trim_offsets": True,
        "use_regex": True,
    }
    return {
        "version": "1.0",
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": model | {"merges": pairs},
    }


def _require_known(pairs: Iterable[str], numbers: Mapping[str, int], place: Path) -> None:
    """Raise a UserError for the first merge of tokens, or to one, that the vocabulary lacks."""
    for pair in pairs:
        one, _, other = pair.partition(" ")
        for token in (one, other, one + other):
            if token not in numbers:
                raise UserError(
                    f"{place} does not belong to the vocabulary: its merge {pair[:40]!r} needs the "
                    f"token {token[:40]!r}, which that lacks",
                    help="name the merges that were learned with this vocabulary",
                )


def _setting(beside: Sequence[Mapping[str, Any]], key: str, otherwise: Any) -> Any:
    """Return what a file beside the vocabulary says, or else `otherwise`."""
    return next((each[key] for each in beside if key in each), otherwise)


def _is_lower_case(tokens: Iterable[str]) -> bool:
    """Tell whether a vocabulary has no token with a capital letter, symbols apart."""
    words = (each for each in tokens if not each.startswith(("[", "<")))
    return all(each == each.lower() for each in words)


def _added(numbers: Mapping[str, int], vocabulary: ForeignVocabulary) -> list[dict[str, Any]]:
    """Return the entries of symbols in a `tokenizer.json`."""
    names = {number: name for name, number in numbers.items()}
    found = sorted({each for each in vocabulary.symbols if each is not None})
    return [special_token(names[each], each) for each in found]


def special_token(token: str, number: int) -> dict[str, Any]:
    """Return the entry of a symbol in a `tokenizer.json`."""
    properties = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": token, **properties, "special": True}
