"""Tokenizers: between a line of text and the numbers of its tokens."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from compiler.spec.tokenizer import Tokenizer as Settings
from runtime.data.checksummed import Description, damaged, read_sealed
from runtime.data.text import TrainingText
from runtime.data.tokenizers.bytes import ByteTokenizer
from runtime.data.tokenizers.characters import CharacterTokenizer
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.errors import UserError

NAMES = ("source", "target")


class Tokenizer(Protocol):
    """One vocabulary; its first numbers are the symbols of `symbols.py`."""

    @property
    def size(self) -> int:
        """Rows of the vocabulary, the symbols included."""

    def encode(self, line: str) -> list[int]:
        """The tokens of a line, without BEGIN and END; an empty line has none."""

    def encode_rest(self, text: str) -> list[int]:
        """The tokens of what follows a token in a line."""

    def number(self, token: str) -> int:
        """The index of a token in the vocabulary; UNKNOWN for any other."""

    def name(self, token: int) -> str:
        """A token as the vocabulary writes it, such as `▁a` of sentencepiece, which begins a word.

        Other kinds mark words in other ways: `##a` of WordPiece continues one, as does what
        follows `a@@` of segmented text.
        """

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        """For each of these tokens in a row, whether it begins a word; a symbol is one."""

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """`encode` of each line, faster."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Plain text; PADDING, BEGIN and END are left out."""

    def detokenize(self, line: str) -> str:
        """A line of the corpus in the form that `decode` gives."""

    def save(self, folder: Path) -> None:
        """Writes into a folder what `load_tokenizer` reads."""


class Kind(Protocol):
    """A class of tokenizers, as the table of kinds holds it."""

    def train(
        self, text: TrainingText, settings: Any, report: Callable[[str], None], /
    ) -> Tokenizer:
        """Return the tokenizer that a section of a spec describes.

        Raises a UserError if the text, or a given file, allows no vocabulary of this size.
        """

    def load(self, content: bytes, description: Description, /) -> Tokenizer:
        """Return the tokenizer that `save` wrote."""


KINDS: dict[str, Kind] = {
    SentencePieceTokenizer.KIND: SentencePieceTokenizer,
    SegmentedTokenizer.KIND: SegmentedTokenizer,
    HuggingFaceTokenizer.KIND: HuggingFaceTokenizer,
    CharacterTokenizer.KIND: CharacterTokenizer,
    ByteTokenizer.KIND: ByteTokenizer,
}
"""The class of each kind of `data.tokenizer`."""


def train_tokenizer(
    text: TrainingText, settings: Settings, report: Callable[[str], None]
) -> Tokenizer:
    """Return the tokenizer that a spec describes, its vocabulary from the training text."""
    symbols = len(text.symbols)
    if text.rows <= symbols:
        raise UserError(
            f"{text.setting} is {text.rows}, which leaves no row beside the {symbols} symbols",
            help=f"set {text.setting} to more than {symbols}",
        )
    return KINDS[settings.kind].train(text, settings, report)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer that was saved there. Raises a UserError if it is missing or damaged."""
    description, content = read_sealed(folder)
    try:
        return KINDS[description["kind"]].load(content, description)
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(folder) from error


def save_tokenizers(source: Tokenizer, target: Tokenizer, folder: Path) -> None:
    """Save tokenizers as `load_tokenizers` reads them."""
    source.save(folder / "source")
    if target is not source:
        target.save(folder / "target")


def copy_tokenizers(tokenizers: Path, folder: Path) -> None:
    """Copy the tokenizers of another run into a new folder, and nothing else of the run."""
    for each in (tokenizers / name for name in NAMES if (tokenizers / name).is_dir()):
        shutil.copytree(each, folder / each.name)


def tokenizer_files(tokenizers: Path) -> list[Path]:
    """All that they depend on, in order."""
    return sorted(path for name in NAMES for path in (tokenizers / name).glob("*"))


def load_tokenizers(folder: Path) -> tuple[Tokenizer, Tokenizer]:
    """Load the tokenizers of source and target: one object twice where the vocabulary is shared."""
    source = load_tokenizer(folder / "source")
    is_shared = not (folder / "target").is_dir()
    return source, source if is_shared else load_tokenizer(folder / "target")
