"""Sentencepiece models of published folders, their pieces numbered as `transformers` does it.

A class of tokenizers adds tokens to those of the model and may number them otherwise. The model is
written anew, with a piece for each number, so that the file in the run says all of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from compiler.vocabulary.foreign import NoVocabulary, sentencepiece_vocabulary, text_of_token
from compiler.vocabulary.rows import Rows
from compiler.vocabulary.sentencepiece_model import (
    Kind,
    Piece,
    pieces_of,
    with_pieces,
    without_space_before,
)
from runtime.data.lines import read_bytes
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.published.folder import Folder
from runtime.published.vocabulary import Vocabulary

FILES = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
SETTINGS, ADDED = "tokenizer_config.json", "added_tokens.json"
EXTRA_IDS = 100
"""Sentinels of T5 where the files do not say how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceVocabulary(Vocabulary):
    """A sentencepiece model."""

    KIND: ClassVar[str] = "sentencepiece"
    NAME: ClassVar[str] = "tokenizer.model"

    model: bytes
    """The model, with a piece for each number."""

    @property
    def content(self) -> bytes:
        return self.model

    def symbols(self, given: Mapping[str, str]) -> tuple[int | None, ...]:
        return sentencepiece_vocabulary(self.model, given).symbols

    def enlarged(self, size: int) -> "SentencePieceVocabulary":
        more = self._more(size)
        if not more:
            return self
        pieces = [*pieces_of(self.model), *(Piece(each, kind=Kind.CONTROL) for each in more)]
        model = with_pieces(self.model, pieces)
        return replace(self, model=model, numbers={**self.numbers, **more})

    def _sides(self, rows: Rows, before: Sequence[Sequence[int]]) -> tuple[Tokenizer, Tokenizer]:
        source = SentencePieceTokenizer(self.model, rows, before[0])
        if before[0] == before[1]:
            return source, source
        return source, SentencePieceTokenizer(self.model, rows, before[1])


def find_sentencepiece_vocabulary(
    folder: Folder, usual: str | None
) -> SentencePieceVocabulary | None:
    """Return the sentencepiece model of a folder, if it has one.

    `usual` is the class of tokenizers of folders that do not name theirs. Raises a UserError for a
    file that is no model, and for a class whose texts or numbers are made in another way.
    """
    file = next((path for name in FILES if (path := folder.path / name).is_file()), None)
    if file is None:
        return None
    settings, content = folder.json(SETTINGS), read_bytes(file)
    kind = str(settings.get("tokenizer_class") or usual).removesuffix("Fast")
    if kind not in NUMBERINGS:
        raise UserError(
            f"{file} is a tokenizer of the class {kind}, about which nothing is known",
            help=f"its numbers are known of {', '.join(NUMBERINGS)}; a tokenizer.json says them "
            "for every class",
        )
    if settings.get("do_lower_case"):
        raise UserError(
            f"texts of {folder.path} cannot be built: they become lower case before their tokens",
            help="a tokenizer.json beside the model, which transformers writes, says how",
        )
    try:
        pieces = [*_numbered(folder, NUMBERINGS[kind](pieces_of(content), folder))]
        model = content if pieces == pieces_of(content) else with_pieces(content, pieces)
        sentencepiece_vocabulary(model)
    except (ValueError, NoVocabulary) as error:
        reason = str(error).removeprefix("is no sentencepiece model: ")
        raise UserError(f"{file} is no sentencepiece model: {reason}") from error
    if settings.get("add_prefix_space") is False:
        model = without_space_before(model)
    numbers = {each.text: number for number, each in enumerate(pieces)}
    return SentencePieceVocabulary(file=file, numbers=numbers, model=model)


def _numbered(folder: Folder, pieces: list[Piece]) -> list[Piece]:
    """Return pieces with those tokens that the files of the folder add at numbers of their own."""
    found = dict(enumerate(pieces))
    for number, text, is_special in _added(folder):
        known = found.get(number)
        if known is None or (known.text != text and known.kind is not Kind.UNKNOWN):
            found[number] = Piece(text, kind=Kind.CONTROL if is_special else Kind.USER_DEFINED)
    unused = (Piece(f"<unused {each}>", kind=Kind.CONTROL) for each in range(max(found) + 1))
    return [found.get(number, other) for number, other in enumerate(unused)]


def _added(folder: Folder) -> list[tuple[int, str, bool]]:
    """Return the number and the text of each token that files add, and whether it is a symbol."""
    found = [(int(number), text, True) for text, number in folder.json(ADDED).items()]
    for number, each in (folder.json(SETTINGS).get("added_tokens_decoder") or {}).items():
        found.append((int(number), each["content"], bool(each.get("special"))))
    return found


def _as_they_are(pieces: list[Piece], _folder: Folder) -> list[Piece]:
    return pieces


def _with_sentinels(pieces: list[Piece], folder: Folder) -> list[Piece]:
    """Return pieces and the sentinels of T5 (Raffel et al. 2020), the first of them last."""
    known = {each.text for each in pieces}
    count = int(folder.json(SETTINGS).get("extra_ids", EXTRA_IDS))
    names = (f"<extra_id_{each}>" for each in reversed(range(count)))
    return [*pieces, *(Piece(each, kind=Kind.CONTROL) for each in names if each not in known)]


def _as_fairseq(pieces: list[Piece], folder: Folder) -> list[Piece]:
    """Return pieces behind the symbols of fairseq, then languages and the mask.

    The first three of a model are its own symbols: `<unk>`, `<s>` and `</s>`.
    """
    symbols = [Piece(each, kind=Kind.CONTROL) for each in ("<s>", "<pad>", "</s>")]
    more = [Piece(each, kind=Kind.CONTROL) for each in (*_languages(folder), "<mask>")]
    return [*symbols, Piece("<unk>", kind=Kind.UNKNOWN), *pieces[3:], *more]


def _as_vocab_json(pieces: list[Piece], folder: Folder) -> list[Piece]:
    """Return pieces as M2M-100 numbers them: those of vocab.json, then languages.

    A piece that vocab.json lacks is left out. One that the model lacks is in no text.
    """
    known = {each.text: each for each in pieces}
    numbers = folder.json("vocab.json")
    if sorted(numbers.values()) != list(range(len(numbers))) or "<unk>" not in numbers:
        raise UserError(
            f"{folder.path / 'vocab.json'} does not number its tokens from 0 on, <unk> among them"
        )
    tokens = sorted(numbers, key=lambda token: int(numbers[token]))
    languages = [each for each in _languages(folder) if each not in numbers]
    return [known.get(each, Piece(each, kind=Kind.CONTROL)) for each in (*tokens, *languages)]


def _languages(folder: Folder) -> list[str]:
    """Return the tokens of languages in the order of their numbers."""
    tokens: list[Any] = []
    for file in (SETTINGS, "special_tokens_map.json"):
        tokens = tokens or folder.json(file).get("additional_special_tokens") or []
    return [str(text) for each in tokens if (text := text_of_token(each)) != "<mask>"]


NUMBERINGS: dict[str, Callable[[list[Piece], Folder], list[Piece]]] = {
    "LlamaTokenizer": _as_they_are,
    "CodeLlamaTokenizer": _as_they_are,
    "GemmaTokenizer": _as_they_are,
    "AlbertTokenizer": _as_they_are,
    "T5Tokenizer": _with_sentinels,
    "XLMRobertaTokenizer": _as_fairseq,
    "MBart50Tokenizer": _as_fairseq,
    "NllbTokenizer": _as_fairseq,
    "M2M100Tokenizer": _as_vocab_json,
}
"""How classes of tokenizers number the pieces of a model, and what they add to them."""
