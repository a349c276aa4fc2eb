"""Tokenizers of characters, bytes and segmented text as a `tokenizer.json`."""

import re
from collections.abc import Sequence

from runtime.data.symbols import UNKNOWN
from runtime.data.tokenizers.bytes import ByteTokenizer
from runtime.data.tokenizers.characters import CharacterTokenizer
from runtime.data.tokenizers.segmented import LINE_END, SegmentedTokenizer
from runtime.data.tokenizers.words import REPLACEMENT, bytes_by_character
from runtime.export.tokenizers.tree import (
    Tree,
    added_token,
    merges_of_pairs,
    new_tree,
    replace,
    replace_text,
    sequence,
)


def character_tree(tokenizer: CharacterTokenizer) -> Tree:
    """Return a tree without merges, whose tokens are characters; each unknown one is a token."""
    symbols = tokenizer.symbols
    vocabulary = [*symbols, *tokenizer.characters]
    return new_tree(
        merges_of_pairs(_numbered(vocabulary), unknown=symbols[UNKNOWN]),
        added_tokens=added_symbols(symbols),
        decoder=sequence([replace_text(symbols[UNKNOWN], REPLACEMENT), FUSE], "decoders"),
    )


def byte_tree(tokenizer: ByteTokenizer) -> Tree:
    """Return a tree without merges, whose tokens are bytes, written as characters."""
    symbols = tokenizer.symbols
    written = {byte: character for character, byte in bytes_by_character().items()}
    vocabulary = [*symbols, *(written[byte] for byte in sorted(written))]
    pre_tokenizer = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    decoders = [replace_text(symbols[UNKNOWN], REPLACEMENT), pre_tokenizer]
    return new_tree(
        merges_of_pairs(_numbered(vocabulary), unknown=None),
        added_tokens=added_symbols(symbols),
        pre_tokenizer=pre_tokenizer,
        decoder=sequence(decoders, "decoders"),
    )


def segmented_tree(tokenizer: SegmentedTokenizer, *, is_continued: bool = False) -> Tree:
    """Return a tree whose tokens stand between spaces; a text that looks like a symbol is unknown.

    Decoding puts a space before each token, and takes away joiners. In text that runs on, the end
    of a line is a token, without spaces around it. If `is_continued`, what follows a prompt may be
    decoded alone: the space before its first token stays.
    """
    symbols = tokenizer.symbols
    unknown = symbols[UNKNOWN]
    model = {
        "type": "WordLevel",
        "vocab": _numbered([*symbols, *tokenizer.types]),
        "unk_token": unknown,
    }
    others = "|".join(re.escape(each) for each in symbols if each != unknown)
    steps = [_split(LINE_END, "Isolated"), _split(" ", "Removed")]
    joiner = re.escape(tokenizer.joiner)
    decoders = [replace(r"\A", " "), FUSE, replace(rf"{joiner}(?: |\z)", "")]
    decoders += [replace(f" *{LINE_END} *", LINE_END)]
    decoders += [] if is_continued else [replace(r"\A +", "")]
    return new_tree(
        model,
        added_tokens=added_symbols(symbols),
        normalizer=replace(rf"(?<![^ {LINE_END}])(?:{others})(?![^ {LINE_END}])", unknown),
        pre_tokenizer=sequence(steps, "pretokenizers"),
        decoder=sequence(decoders, "decoders"),
    )


def _split(text: str, behavior: str) -> Tree:
    """Return a step that cuts texts where another one stands."""
    pattern = {"String": text}
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": False}


FUSE: Tree = {"type": "Fuse"}


def added_symbols(symbols: Sequence[str]) -> list[Tree]:
    """Return the symbols that decoding leaves out, and the mask, which texts contain."""
    kept = [number for number in range(len(symbols)) if number != UNKNOWN]
    return [added_token(number, symbols[number]) for number in kept]


def _numbered(tokens: Sequence[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}
