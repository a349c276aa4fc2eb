"""Models of sentencepiece as files: the message `ModelProto` of its `sentencepiece_model.proto`."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from compiler.vocabulary.protobuf import field_of, fields_of

PIECES, TRAINER, NORMALIZER = 1, 2, 3
PIECE_TEXT, PIECE_SCORE, PIECE_KIND = 1, 2, 3
MODEL_KIND, CHARACTER_MAP, ADDS_SPACE = 3, 2, 3
SYMBOLS = {"unk_token": 45, "bos_token": 46, "eos_token": 47, "pad_token": 48}
"""The numbers of fields: of the model, a piece, `TrainerSpec`, `NormalizerSpec` and symbols."""

MODEL_KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}


class Kind(IntEnum):
    """The kinds of pieces, numbered as sentencepiece numbers them.

    No text contains one of `CONTROL`; a text that is one of `USER_DEFINED` becomes it everywhere.
    """

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """A row of the vocabulary of a model."""

    text: str
    score: float = 0.0
    kind: Kind = Kind.NORMAL


def pieces_of(content: bytes) -> list[Piece]:
    """Return the pieces of a model in order. Raises a ValueError for what is no model."""
    found = [_piece(each) for number, each in fields_of(content) if number == PIECES]
    if not found:
        raise ValueError("it has no pieces")
    return found


def with_pieces(content: bytes, pieces: Iterable[Piece]) -> bytes:
    """Return the model with these pieces instead of its own."""
    others = [field_of(number, each) for number, each in fields_of(content) if number != PIECES]
    return b"".join((*(field_of(PIECES, _written(each)) for each in pieces), *others))


def without_space_before(content: bytes) -> bytes:
    """Return the model without the space that it puts before a text."""
    return content + field_of(NORMALIZER, field_of(ADDS_SPACE, 0))  # a later field counts


def model_kind(content: bytes) -> str:
    """Return the kind of a model: `unigram`, `bpe`, `word` or `char`."""
    return MODEL_KINDS[int(dict(fields_of(_message(content, TRAINER))).get(MODEL_KIND, 1))]


def character_map(content: bytes) -> bytes:
    """Return the table by which a model maps characters; empty if it has none."""
    found = dict(fields_of(_message(content, NORMALIZER))).get(CHARACTER_MAP, b"")
    return found if isinstance(found, bytes) else b""


def named_symbols(content: bytes) -> Mapping[str, str]:
    """Return the pieces that a model names as symbols, by `unk_token` and so on."""
    fields = dict(fields_of(_message(content, TRAINER)))
    return {name: _text(fields.get(number, b"")) for name, number in SYMBOLS.items()}


def _message(content: bytes, field: int) -> bytes:
    found = next((each for number, each in fields_of(content) if number == field), b"")
    if not isinstance(found, bytes):
        raise ValueError("expected a message, got a number")
    return found


def _piece(message: int | bytes) -> Piece:
    if not isinstance(message, bytes):
        raise ValueError("expected a message, got a number")
    fields = dict(fields_of(message))
    score, kind = fields.get(PIECE_SCORE, bytes(4)), fields.get(PIECE_KIND, Kind.NORMAL)
    if not isinstance(score, bytes) or len(score) != 4 or not isinstance(kind, int):
        raise ValueError("expected a score of four bytes and a number for the kind")
    return Piece(_text(fields.get(PIECE_TEXT, b"")), struct.unpack("<f", score)[0], Kind(kind))


def _written(piece: Piece) -> bytes:
    text = field_of(PIECE_TEXT, piece.text.encode("utf-8"))
    score = field_of(PIECE_SCORE, piece.score)
    return text + score + (b"" if piece.kind is Kind.NORMAL else field_of(PIECE_KIND, piece.kind))


def _text(content: int | bytes) -> str:
    if not isinstance(content, bytes):
        raise ValueError("expected a text, got a number")
    return content.decode("utf-8")
