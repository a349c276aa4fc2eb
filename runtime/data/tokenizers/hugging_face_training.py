"""Tokenizers of Hugging Face's library that are learned from the training text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from runtime.data.text import PAIRS, TrainingText
from runtime.data.tokenizers.hugging_face_library import library, library_errors
from runtime.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

FOLLOWS = "##"
"""The mark of a token of WordPiece that goes on with a word."""


def learn(text: TrainingText, model: str) -> str:
    """Return the content of a `tokenizer.json`; the same text gives the same one.

    Its first tokens are our symbols. Raises a UserError if the text does not allow a vocabulary of
    this size.
    """
    try:
        with library_errors(f"the library tokenizers can learn no `model: {model}`"):
            tree = MODELS[model](text)
    except ValueError as error:
        raise UserError(f"{error}; the text is {text.name}") from error
    rows = len(tree["model"]["vocab"])
    if rows != text.rows:
        word = "at most" if rows < text.rows else "at least"
        raise UserError(
            f"{text.setting} is {text.rows:,}, but {text.name} allows {word} {rows:,} rows "
            f"of `model: {model}`",
            help=f"set {text.setting} to {rows}",
        )
    return json.dumps(tree, ensure_ascii=False)


def _byte_level_bpe(text: TrainingText) -> dict[str, Any]:
    """Learn merges of bytes (Radford et al. 2019), which are every text."""
    module = library()
    backend = module.Tokenizer(module.models.BPE())
    backend.pre_tokenizer = module.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = module.decoders.ByteLevel()
    trainer = module.trainers.BpeTrainer(
        vocab_size=text.rows,
        special_tokens=list(text.symbols),
        initial_alphabet=module.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(text.lines(most=PAIRS), trainer)
    return _tree(backend)


def _word_piece(text: TrainingText) -> dict[str, Any]:
    """Learn WordPiece as BERT has it (Devlin et al. 2019), with the case of letters.

    The library numbers characters that go on with a word in a random order, by which it also
    decides between merges that are equally frequent. So they are named to it as symbols, in a
    fixed order, and are none in the result.
    """
    module = library()
    unknown = text.symbols[1]
    backend = module.Tokenizer(module.models.WordPiece(unk_token=unknown))
    backend.normalizer = module.normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = module.pre_tokenizers.BertPreTokenizer()
    backend.decoder = module.decoders.WordPiece(prefix=FOLLOWS)
    trainer = module.trainers.WordPieceTrainer(
        vocab_size=text.rows,
        special_tokens=[*text.symbols, *_characters(backend, text.lines(most=PAIRS))],
        continuing_subword_prefix=FOLLOWS,
        show_progress=False,
    )
    backend.train_from_iterator(text.lines(most=PAIRS), trainer)
    tree = _tree(backend)
    tree["added_tokens"] = tree["added_tokens"][: len(text.symbols)]
    return tree


def _characters(backend: Backend, lines: Iterator[str]) -> list[str]:
    """Return the characters that words begin with, and those that go on with one, in order."""
    begin: set[str] = set()
    follow: set[str] = set()
    for line in lines:
        words = backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(line))
        for word, _ in words:
            begin.update(word)
            follow.update(word[1:])
    return sorted(begin) + [FOLLOWS + each for each in sorted(follow)]


def _tree(backend: Backend) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(backend.to_str())
    return tree


MODELS: dict[str, Callable[[TrainingText], dict[str, Any]]] = {
    "byte_level_bpe": _byte_level_bpe,
    "wordpiece": _word_piece,
}
