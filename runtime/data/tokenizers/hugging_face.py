"""Tokenizers of Hugging Face's library `tokenizers`, which most published models come with."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from compiler.spec.tokenizer import LibraryTokenizer as Settings
from compiler.vocabulary.rows import Rows
from runtime.data.checksummed import Description, write_sealed
from runtime.data.symbols import MASK, NAMES_WITH_MASK, SILENT, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.given import given_file, require_size
from runtime.data.tokenizers.hugging_face_files import read_files
from runtime.data.tokenizers.hugging_face_library import library_errors, new_backend
from runtime.data.tokenizers.hugging_face_training import learn
from runtime.data.tokenizers.words import (
    PlainText,
    begins_words,
    begun,
    encode_after_word,
    read_numbers,
    shown,
    text_of_bytes,
    written_numbers,
)
from runtime.errors import UserError


class HuggingFaceTokenizer(PlainText):
    """A tokenizer of the library, with our symbols at the beginning of its vocabulary."""

    KIND = "tokenizers"

    def __init__(self, content: str, rows: Rows, before: Sequence[int] = ()) -> None:
        """`content` is that of a `tokenizer.json`. Raises a ValueError if it is none that works.

        `before` are tokens of ours that every text begins with, such as that of its language.
        """
        self.content, self.rows, self.before = content, rows, list(before)
        self._backend = new_backend(content)
        special = self._backend.get_added_tokens_decoder().items()
        shown = {rows.theirs[each] for each in (UNKNOWN, MASK) if each < rows.symbols}
        self._silent = {number for number, token in special if token.special} - shown

    @classmethod
    def train(
        cls, text: TrainingText, settings: Settings, _report: Callable[[str], None], /
    ) -> Self:
        """Learn a tokenizer, or read the files that a spec names.

        Raises a UserError if the text allows none of this size, or if the files hold no tokenizer,
        or one of another size than the embeddings.
        """
        if settings.file is None:
            symbols = range(len(text.symbols))
            return cls(learn(text, settings.model or ""), Rows.renumbered(symbols, text.rows))
        file = given_file(settings.file, text.folder)
        merges = given_file(settings.merges, text.folder) if settings.merges else None
        names = settings.symbols.model_dump(exclude_none=True) if settings.symbols else {}
        content, vocabulary = read_files(file, merges, names)
        rows = vocabulary.rows(len(text.symbols))
        require_size(rows, text, file)
        try:
            return cls(content, rows)
        except ValueError as error:
            raise UserError(f"{file} cannot be read as a tokenizer: {error}") from error

    @classmethod
    def load(cls, content: bytes, description: Description, /) -> Self:
        rows = Rows.parse(description["rows"], int(description["symbols"]))
        before = read_numbers(description.get("before", ""))
        return cls(content.decode("utf-8"), rows, before)

    def save(self, folder: Path) -> None:
        """Write the `tokenizer.json` as `vocabulary.json`, with the rows in the description."""
        description = {"kind": self.KIND, "file": "vocabulary.json", "rows": str(self.rows)}
        description["symbols"] = str(self.rows.symbols)
        if self.before:
            description["before"] = written_numbers(self.before)
        write_sealed(folder, description, self.content.encode("utf-8"))

    @property
    def size(self) -> int:
        return len(self.rows)

    def encode(self, line: str) -> list[int]:
        return begun(self.before, self._encode(line))

    def encode_rest(self, text: str) -> list[int]:
        return encode_after_word(self._encode, text)

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        with _uncut():
            found = self._backend.encode_batch_fast(list(lines), add_special_tokens=False)
        return [begun(self.before, self.rows.encoded(each.ids)) for each in found]

    def _encode(self, line: str) -> list[int]:
        with _uncut():
            found = self._backend.encode(line, add_special_tokens=False)
        return self.rows.encoded(found.ids)

    def number(self, token: str) -> int:
        """The index of a token by its name, or else as the vocabulary writes it."""
        named = self._named.get(token)
        return self.rows.number(self._backend.token_to_id(token)) if named is None else named

    def name(self, token: int) -> str:
        """A token as the vocabulary writes it; as text where that writes bytes as characters."""
        their = self.rows.theirs[token]
        if their is None:
            return NAMES_WITH_MASK[token]
        written = self._backend.id_to_token(their) or ""
        if not self._writes_bytes or token < self.rows.symbols:
            return written
        return shown(text_of_bytes(written))

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        return begins_words(tokens, self.decode, self.rows.symbols)

    def decode(self, tokens: Sequence[int]) -> str:
        """Plain text; PADDING, BEGIN, END and further symbols of their vocabulary are left out."""
        kept = (self.rows.theirs[each] for each in tokens if each not in SILENT)
        theirs = [each for each in kept if each is not None and each not in self._silent]
        return self._backend.decode(theirs, skip_special_tokens=False)

    @cached_property
    def _writes_bytes(self) -> bool:
        """True if the tokens of the vocabulary are bytes that are written as characters."""
        decoder = json.loads(self.content).get("decoder") or {}
        parts = (decoder, *decoder.get("decoders", ()))
        return any(each.get("type") == "ByteLevel" for each in parts)

    @cached_property
    def _named(self) -> dict[str, int]:
        """The numbers of tokens by their names, where these are not written as they are."""
        numbers = range(self.rows.symbols, len(self.rows)) if self._writes_bytes else ()
        return {self.name(number): number for number in numbers}


@contextmanager
def _uncut() -> Iterator[None]:
    """Raise a UserError where the library finds no tokens for a text."""
    try:
        with library_errors("the tokenizer cannot cut a text"):
            yield
    except ValueError as error:
        raise UserError(str(error), help="its tokenizer.json is not complete") from error
