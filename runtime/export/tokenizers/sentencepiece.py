"""A model of sentencepiece as a `tokenizer.json`.

Unigram models stay what they are. Models of merges hold scores of pieces, of which pairs are made:
each two pieces that make one are merged, the piece with the highest score first. A model of
characters is one without merges.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from compiler.export.tokenizer import normalized
from compiler.vocabulary.protobuf import fields_of
from compiler.vocabulary.sentencepiece_model import MODEL_KINDS, Kind, Piece, pieces_of
from runtime.errors import UserError
from runtime.export.tokenizers.tree import (
    SPACE,
    Tree,
    added_token,
    merges_of_pairs,
    new_tree,
    replace,
    replace_text,
    sequence,
)

Message = dict[int, int | bytes]
"""The fields of a message of protocol buffers by their numbers, the last one of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The content of a file of sentencepiece."""

    kind: str
    pieces: list[Piece]
    unknown: int
    unknown_surface: str
    """The text of an unknown token."""
    has_bytes: bool
    normalization: str
    characters: bytes
    """The table by which characters are mapped; empty where they stay as they are."""
    has_prefix: bool
    """True if a space is put before each text."""
    is_collapsed: bool
    """True if spaces at the ends are taken away, and several are one."""
    refused: list[str]
    """What this file asks for and a `tokenizer.json` cannot say."""

    @classmethod
    def read(cls, content: bytes) -> "Model":
        """Return what a file says; its fields have the defaults of sentencepiece."""
        parts: dict[int, list[Message]] = {}
        for number, message in fields_of(content):
            if isinstance(message, bytes):
                parts.setdefault(number, []).append(dict(fields_of(message)))
        trainer, normalizer, denormalizer = (parts.get(each, [{}])[0] for each in (2, 3, 5))
        return cls(
            kind=MODEL_KINDS[int(trainer.get(3, 1))],
            pieces=pieces_of(content),
            unknown=int(trainer.get(40, 0)),
            unknown_surface=_text(trainer.get(44, " \N{DOUBLE QUESTION MARK} ".encode())),
            has_bytes=bool(trainer.get(35, 0)),
            normalization=_text(normalizer.get(1, b"")),
            characters=bytes(normalizer.get(2, b"")),
            has_prefix=bool(normalizer.get(3, 1)),
            is_collapsed=bool(normalizer.get(4, 1)),
            refused=list(_refused(trainer, normalizer, denormalizer)),
        )

    def texts(self, *kinds: Kind) -> dict[str, int]:
        """Return the pieces of these kinds with their numbers."""
        return {each.text: i for i, each in enumerate(self.pieces) if each.kind in kinds}

    @property
    def holds_inner_spaces(self) -> bool:
        """True if there are pieces of several words, so that a text is not cut at its spaces."""
        kinds = (Kind.NORMAL, Kind.USER_DEFINED)
        return any(SPACE in each.text[1:] for each in self.pieces if each.kind in kinds)


def _text(field: int | bytes) -> str:
    assert isinstance(field, bytes)
    return field.decode("utf-8")


def _refused(trainer: Message, normalizer: Message, denormalizer: Message) -> Iterator[str]:
    """Yield the settings of a file that no `tokenizer.json` has."""
    if trainer.get(24, 0):
        yield "its pieces end with their spaces (`treat_whitespace_as_suffix`)"
    if not normalizer.get(5, 1):
        yield "its spaces stay spaces (`escape_whitespaces` is false)"
    if denormalizer.get(2):
        yield "it changes what it decodes (`denormalizer_spec`)"


def sentencepiece_tree(
    content: bytes, mask: int | None = None, *, is_continued: bool = False
) -> Tree:
    """Return a tree with the tokens of a model of sentencepiece, numbered as they are there.

    `mask` is the number of the token that texts for a masked language model contain. If
    `is_continued`, what follows a prompt may be decoded alone: the space before its first word
    stays. Raises a UserError for what a `tokenizer.json` cannot say.
    """
    model = Model.read(content)
    refuse(model)
    masks = [] if mask is None else [model.pieces[mask].text]
    user = list(model.texts(Kind.USER_DEFINED)) if model.kind != "unigram" else []
    return new_tree(
        _unigram(model) if model.kind == "unigram" else _merges(model),
        added_tokens=_added(model, mask, user),
        normalizer=sequence(_normalizers(model, [*user, *masks]), "normalizers"),
        pre_tokenizer=sequence(_pre_tokenizers(model), "pretokenizers"),
        decoder=sequence(_decoders(model, is_continued=is_continued), "decoders"),
    )


def refuse(model: Model) -> None:
    """Raise a UserError for a model that would be read otherwise as a `tokenizer.json`."""
    reasons = list(model.refused)
    if model.kind == "word":
        reasons.append("a run of unknown words is one token (`model: word`)")
    if unused := next(iter(model.texts(Kind.UNUSED)), None):
        reasons.append(f"it has pieces that are not used, such as {unused!r}")
    for text in model.texts(Kind.USER_DEFINED) if model.characters else ():
        if normalized(text, model.normalization) != text:
            reasons.append(f"normalisation would change the user symbol {text!r}")
    if reasons:
        raise UserError(
            f"the sentencepiece model cannot be a tokenizer.json: {'; '.join(reasons)}",
            help="a spec with `data.tokenizer.model: bpe`, `unigram` or `char` can be exported",
        )


def _unigram(model: Model) -> Tree:
    """Return a unigram model.

    A text of the user's has the score that sentencepiece computes for it, from the length of its
    bytes, where pieces have one that was learned.
    """
    best = max(each.score for each in model.pieces if each.kind is Kind.NORMAL)

    def score(piece: Piece) -> float:
        is_users = piece.kind is Kind.USER_DEFINED
        return len(piece.text.encode()) * best - 0.1 if is_users else piece.score

    return {
        "type": "Unigram",
        "unk_id": model.unknown,
        "vocab": [[each.text, score(each)] for each in model.pieces],
        "byte_fallback": model.has_bytes,
    }


def _merges(model: Model) -> Tree:
    return merges_of_pairs(
        {each.text: number for number, each in enumerate(model.pieces)},
        _pairs(model) if model.kind == "bpe" else (),
        unknown=model.pieces[model.unknown].text,
        fuses_unknown=True,
        has_bytes=model.has_bytes,
    )


def _pairs(model: Model) -> list[tuple[str, str]]:
    """Return the pairs of pieces that make a piece, those of the piece with the best score first.

    Pairs of one piece are in the order of their parts' numbers.
    """
    normal = model.texts(Kind.NORMAL)
    found = []
    for text, number in normal.items():
        score = model.pieces[number].score
        for end in range(1, len(text)):
            left, right = text[:end], text[end:]
            if left in normal and right in normal:
                found.append((-score, number, normal[left], normal[right], left, right))
    return [(left, right) for *_, left, right in sorted(found)]


def _added(model: Model, mask: int | None, user: Sequence[str]) -> list[Tree]:
    """Return the symbols, and the user's texts that no merges make.

    The unknown token is none of them, so that decoding does not leave it out. Spaces at the end of
    the text before a masked token are taken away, as they are at the end of any text.
    """
    numbers = model.texts(Kind.CONTROL, Kind.USER_DEFINED)
    return [
        added_token(number, text, normalized=True, lstrip=model.is_collapsed)
        if number == mask
        else added_token(number, text, normalized=True, special=False)
        if text in user
        else added_token(number, text)
        for text, number in numbers.items()
        if text in user or model.pieces[number].kind is Kind.CONTROL
    ]


def _normalizers(model: Model, whole: Sequence[str]) -> list[Tree]:
    """Return the steps that make of a text the one that is cut.

    The library looks up characters in the table one cluster at a time, and finds more of them where
    they are composed before. The space before a text is not put before added tokens in `whole`:
    the library normalises these as well, to know what to look for.
    """
    steps: list[Tree] = []
    if model.characters:
        table = base64.b64encode(model.characters).decode("ascii")
        steps += [{"type": "NFC"}, {"type": "Precompiled", "precompiled_charsmap": table}]
    if model.is_collapsed:
        steps += [replace(" {2,}", " "), replace(rf"[ {SPACE}]+\z", "")]
    if model.has_prefix:
        tokens = "|".join(re.escape(each) for each in whole)
        steps.append(
            replace(
                r"\A"
                + ("(?! )" if model.is_collapsed else "")
                + (rf"(?!(?:{tokens})\z)" if tokens else "")
                + r"(?=[\s\S])",
                " ",
            )
        )
    elif model.is_collapsed:
        steps.append(replace(r"\A +", ""))
    return steps


def _pre_tokenizers(model: Model) -> list[Tree]:
    """Return the steps that cut a text into words, each of which the model cuts into pieces.

    The pieces of a unigram model include the symbols, as `<s>`. Where a text has the characters of
    one they are cut apart.
    """
    words = {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": "never",
        "split": not model.holds_inner_spaces,
    }
    symbols = model.texts(Kind.CONTROL, Kind.UNKNOWN, Kind.BYTE)
    cuts = [_cut(each, model) for each in symbols] if model.kind == "unigram" else []
    steps = [words]
    if cuts:
        pattern = {"Regex": "|".join(cuts)}
        behavior = {"behavior": "MergedWithPrevious", "invert": False}
        steps.append({"type": "Split", "pattern": pattern} | behavior)
    return steps


def _cut(symbol: str, model: Model) -> str:
    """Return a regular expression for the beginning of a symbol after which to cut it.

    It is a place that no piece crosses, and where two unknown characters would not become one
    token, if there is such a place.
    """
    pieces = model.texts(Kind.NORMAL)
    places = [end for end, pair in enumerate(pairwise(symbol), 1) if set(pair) & pieces.keys()]
    free = [each for each in places if not any(_crosses(symbol, each, text) for text in pieces)]
    place = (free or places or [1])[0]
    return f"{re.escape(symbol[:place])}(?={re.escape(symbol[place:])})"


def _crosses(symbol: str, place: int, text: str) -> bool:
    return symbol[place - 1 : place + 1] in text


UNNAMED = "\N{REPLACEMENT CHARACTER}\U0010ffff"
"""The unknown token in a text until the space before its first word is taken away."""


def _decoders(model: Model, *, is_continued: bool) -> list[Tree]:
    """Return the steps that make a text of tokens.

    An unknown token has spaces of its own, which stay where it is the first one.
    """
    unknown = model.pieces[model.unknown].text
    steps = [replace_text(unknown, UNNAMED), replace_text(SPACE, " ")]
    if model.has_bytes:
        steps.append({"type": "ByteFallback"})
    steps.append({"type": "Fuse"})
    if not is_continued and (model.has_prefix or model.is_collapsed):
        steps.append(replace(r"\A +" if model.is_collapsed else r"\A ", ""))
    return [*steps, replace_text(UNNAMED, model.unknown_surface)]
