"""Subwords learned from the training text (Kudo and Richardson 2018)."""

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import sentencepiece

from compiler.spec.tokenizer import BYTES
from compiler.spec.tokenizer import SentencePieceTokenizer as Settings
from compiler.vocabulary.foreign import NoVocabulary, sentencepiece_vocabulary
from compiler.vocabulary.rows import Rows
from compiler.vocabulary.sentencepiece_model import Kind, model_kind, pieces_of
from runtime.data.checksummed import Description, write_sealed
from runtime.data.lines import read_bytes
from runtime.data.symbols import BEGIN, END, NAMES, NAMES_WITH_MASK, PADDING, SILENT, UNKNOWN
from runtime.data.text import PAIRS, TrainingText
from runtime.data.tokenizers.given import given_file, require_size
from runtime.data.tokenizers.words import (
    SPACE,
    PlainText,
    begun,
    encode_after_word,
    read_numbers,
    written_numbers,
)
from runtime.errors import UserError

THREADS = 4
"""Fixed, because the sums of the training depend on it."""

LONGEST = 2**30
"""Bytes of a line; longer ones would be left out without a word, and by default those of 4,192."""

QUIET = 2
"""The level of sentencepiece's own log that lets errors alone through."""


class SentencePieceTokenizer(PlainText):
    """A trained sentencepiece model: BPE, unigram, characters or words."""

    KIND = "sentencepiece"

    def __init__(self, model: bytes, rows: Rows | None = None, before: Sequence[int] = ()) -> None:
        """`rows` are those of a model that numbers the symbols otherwise than we do.

        `before` are tokens of ours that every text begins with, such as that of its language.
        """
        self.model, self.rows, self.before = model, rows, list(before)
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def train(
        cls, text: TrainingText, settings: Settings, _report: Callable[[str], None], /
    ) -> Self:
        """Learn pieces, or read the model that the spec names.

        The same text and settings give the same pieces. Raises a UserError if the text does not
        allow a vocabulary of this size, or the model has another one.
        """
        if settings.file is not None:
            return cls._given(settings, text)
        model = io.BytesIO()
        stopped: list[BaseException] = []
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_remembering(text.lines(most=PAIRS), stopped),
                model_writer=model,
                model_type=settings.model,
                character_coverage=settings.character_coverage,
                vocab_size=text.rows,
                pad_id=PADDING,
                unk_id=UNKNOWN,
                bos_id=BEGIN,
                eos_id=END,
                control_symbols=list(text.symbols[len(NAMES) :]),
                max_sentence_length=LONGEST,
                **_options(settings),
                num_threads=THREADS,
                minloglevel=QUIET,
            )
        except RuntimeError as error:
            raise (stopped[0] if stopped else explain(str(error), text, settings)) from error
        return cls(model.getvalue())

    @classmethod
    def _given(cls, settings: Settings, text: TrainingText) -> Self:
        """Return the model of a file, with the rows that its symbols make."""
        file = given_file(settings.file or "", text.folder)
        content = read_bytes(file)
        try:
            names = settings.symbols.model_dump(exclude_none=True) if settings.symbols else {}
            rows = sentencepiece_vocabulary(content, names).rows(len(text.symbols))
            require_size(rows, text, file)
            return cls(content, None if rows.is_identity else rows)
        except NoVocabulary as error:
            raise UserError(
                f"{file} {error}", help="give what sentencepiece has trained"
            ) from error
        except RuntimeError as error:
            raise UserError(f"{file} is no sentencepiece model") from error

    @classmethod
    def load(cls, content: bytes, description: Description, /) -> Self:
        if "rows" not in description:
            return cls(content)
        rows = Rows.parse(description["rows"], int(description["symbols"]))
        return cls(content, rows, read_numbers(description.get("before", "")))

    @classmethod
    def read(cls, path: Path) -> Self:
        """A model that another program has trained.

        Raises a UserError if it is none, or numbers the symbols otherwise than we do.
        """
        content = path.read_bytes()
        try:
            tokenizer = cls(content)
        except RuntimeError as error:
            raise UserError(f"{path} is no sentencepiece model") from error
        processor = tokenizer._processor
        ids = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
        if ids != (PADDING, UNKNOWN, BEGIN, END):
            raise UserError(
                f"{path} numbers padding, unknown, begin and end {', '.join(map(str, ids))}",
                help="with specformer they are 0, 1, 2, 3, in tokenizer and embedding alike",
            )
        return tokenizer

    def save(self, folder: Path) -> None:
        """Writes the model, which any program that knows sentencepiece can read."""
        description = {"kind": self.KIND, "file": "sentencepiece.model"}
        if self.rows is not None:
            description |= {"rows": str(self.rows), "symbols": str(self.rows.symbols)}
        if self.before:
            description["before"] = written_numbers(self.before)
        write_sealed(folder, description, self.model)

    @property
    def size(self) -> int:
        return self._processor.get_piece_size() if self.rows is None else len(self.rows)

    def encode(self, line: str) -> list[int]:
        return begun(self.before, self._encode(line))

    def _encode(self, line: str) -> list[int]:
        return self._ours(self._processor.encode(line))

    def _ours(self, pieces: list[int]) -> list[int]:
        return pieces if self.rows is None else self.rows.encoded(pieces)

    @property
    def model_kind(self) -> str:
        """Return the kind of the model: `unigram`, `bpe`, `word` or `char`."""
        return model_kind(self.model)

    def scores(self) -> dict[int, float]:
        """Return the score of each piece by its number; symbols, bytes and user symbols have none.

        A merge of BPE with a higher score comes first; of a unigram model it is a log likelihood.
        """
        return {
            number if self.rows is None else self.rows.number(number): piece.score
            for number, piece in enumerate(pieces_of(self.model))
            if piece.kind is Kind.NORMAL
        }

    def encode_rest(self, text: str) -> list[int]:
        return encode_after_word(self._encode, text)

    def number(self, token: str) -> int:
        piece = int(self._processor.piece_to_id(token))
        return piece if self.rows is None else self.rows.number(piece)

    def name(self, token: int) -> str:
        piece = token if self.rows is None else self.rows.theirs[token]
        return NAMES_WITH_MASK[token] if piece is None else str(self._processor.id_to_piece(piece))

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        """For each of these tokens in a row, whether it begins a word.

        A symbol is a word, and so is a mark beside letters, from which no space parts it.
        """
        begins: list[bool] = []
        before = ""
        for token in tokens:
            name = self.name(token)
            piece = token if self.rows is None else self.rows.theirs[token]
            is_symbol = piece is None or self._is_symbol(piece)
            is_byte = piece is not None and self._processor.is_byte(piece)
            own = "" if is_byte else name.removeprefix(SPACE)
            parts = bool(own and before) and own[0].isalnum() != before[-1].isalnum()
            begins.append(is_symbol or name.startswith(SPACE) or not begins or parts)
            before = own or before if not is_symbol else "."
        return begins

    def _is_symbol(self, piece: int) -> bool:
        return self._processor.is_control(piece) or self._processor.is_unknown(piece)

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        found: list[list[int]] = self._processor.encode(list(lines), num_threads=_threads())
        return [begun(self.before, self._ours(each)) for each in found]

    def decode(self, tokens: Sequence[int]) -> str:
        if self.rows is None:
            return self._processor.decode([int(token) for token in tokens])
        pieces = (self.rows.theirs[each] for each in tokens if each not in SILENT)
        return self._processor.decode([each for each in pieces if each is not None])


def _threads() -> int:
    """Return the threads that encode lines, as Hugging Face's library does; -1 for all cores."""
    said = os.environ.get("RAYON_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else -1


def _options(settings: Settings) -> dict[str, Any]:
    """Return the trainer's options for settings that a spec need not have."""
    options: dict[str, Any] = {
        "byte_fallback": settings.byte_fallback,
        "user_defined_symbols": settings.user_symbols,
        "normalization_rule_name": settings.normalization,
        "remove_extra_whitespaces": False if settings.normalization == "identity" else None,
    }
    return {key: value for key, value in options.items() if value is not None}


def explain(message: str, text: TrainingText, settings: Settings) -> UserError:
    """Return the error that a message of the sentencepiece trainer means for the spec's author."""
    if found := re.search(r"set it to a value <= (\d+)", message):
        return UserError(
            f"{text.setting} is {text.rows:,}, but {text.name} allows at most "
            f"{int(found[1]):,} pieces",
            help=f"set {text.setting} to {found[1]} or fewer",
        )
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        return _too_few_rows(int(found[1]), text, settings)
    return UserError(f"sentencepiece can learn no vocabulary from {text.name}: {message}")


def _too_few_rows(least: int, text: TrainingText, settings: Settings) -> UserError:
    """Return the error of a vocabulary without room for what every model of these settings has."""
    parts = {
        "symbols": len(text.symbols),
        "user symbols": len(settings.user_symbols or ()),
        "bytes of `byte_fallback`": BYTES if settings.byte_fallback else 0,
    }
    fixed = sum(parts.values())
    taken = [f"{rows:,} {what}" for what, rows in parts.items() if rows]
    others = ", or lower `data.tokenizer.character_coverage`" if text.rows > fixed else ""
    return UserError(
        f"{text.setting} is {text.rows:,}, but {text.name} needs {least:,} rows: "
        f"{', '.join(taken)} and {least - fixed:,} different characters",
        help=f"set {text.setting} to at least {least}{others}",
    )


def _remembering(lines: Iterable[str], stopped: list[BaseException]) -> Iterator[str]:
    """The lines; what ends them early is kept, as sentencepiece makes a RuntimeError of it."""
    try:
        yield from lines
    except (Exception, KeyboardInterrupt) as error:
        stopped.append(error)
        raise
