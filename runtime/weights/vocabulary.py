"""The tokenizer of a folder: which of its files is one, its tokens, and how ours reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.vocabulary.foreign import numbers_of_tokenizer_json
from compiler.vocabulary.rows import Rows
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.hugging_face_files import read_files
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.weights.folder import Folder

FILES: dict[str, str | None] = {
    "tokenizer.json": None,
    "vocab.txt": None,
    "vocab.json": "merges.txt",
}
"""Files that are a tokenizer, the first that is there counts, with the one that belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tokenizer of a folder."""

    file: Path
    content: str
    """The text of a tokenizer.json."""
    numbers: Mapping[str, int]
    """The tokens with their numbers."""
    settings: dict[str, Any]
    """`data.tokenizer` of a spec that reads the file."""

    @property
    def size(self) -> int:
        return max(self.numbers.values()) + 1

    def tokenizers(self, rows: Rows) -> tuple[Tokenizer, Tokenizer]:
        """Return the tokenizers of source and target, their tokens in the order of `rows`."""
        try:
            tokenizer = HuggingFaceTokenizer(self.content, rows)
        except ValueError as error:
            raise UserError(f"{self.file} cannot be read as a tokenizer: {error}") from error
        return tokenizer, tokenizer


def find_vocabulary(folder: Folder) -> Vocabulary:
    """Return the tokenizer of a folder; raises a UserError where it has none that is known."""
    for name, other in FILES.items():
        file = folder.path / name
        merges = folder.path / other if other else None
        if file.is_file() and (merges is None or merges.is_file()):
            content, _ = read_files(file, merges)
            settings: dict[str, Any] = {"kind": "tokenizers", "file": str(file)}
            if merges is not None:
                settings["merges"] = str(merges)
            numbers = numbers_of_tokenizer_json(json.loads(content))
            return Vocabulary(file=file, content=content, numbers=numbers, settings=settings)
    raise UserError(
        f"{folder.path} has no tokenizer: none of {', '.join(FILES)}",
        help="`AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers "
        "writes a tokenizer.json",
    )
