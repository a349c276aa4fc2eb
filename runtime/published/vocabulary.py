"""The tokenizer of a folder: which of its files is one, its tokens, and how ours reads it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler.vocabulary.foreign import (
    numbers_of_tokenizer_json,
    unknown_of_tokenizer_json,
    vocabulary_of_tokens,
)
from compiler.vocabulary.rows import Rows
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.hugging_face_files import read_files
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.published.folder import Folder
from runtime.published.marian_tokenizer import NUMBERS, has_marian_tokenizer, marian_trees

FILES: dict[str, str | None] = {
    "tokenizer.json": None,
    "vocab.txt": None,
    "vocab.json": "merges.txt",
}
"""Files that are a tokenizer, the first that is there counts, with the one that belongs to it."""


CONTENT = "tokenizer.json"
"""The tokenizer in the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tokenizer of a folder."""

    file: Path
    tree: dict[str, Any]
    """The content of a tokenizer.json."""
    numbers: Mapping[str, int]
    """The tokens with their numbers."""
    target: dict[str, Any] | None = None
    """The content of another tokenizer.json with the same tokens, for the target."""

    @property
    def size(self) -> int:
        return max(self.numbers.values()) + 1

    @property
    def content(self) -> str:
        return json.dumps(self.tree, ensure_ascii=False)

    def symbols(self, given: Mapping[str, str]) -> tuple[int | None, ...]:
        """Return their numbers of our symbols, of which `given` names some."""
        unknown = unknown_of_tokenizer_json(self.tree)
        return vocabulary_of_tokens(self.numbers, given=given, unknown=unknown).symbols

    def enlarged(self, size: int) -> "Vocabulary":
        """Return the vocabulary with a token that no text holds for each further row of a table."""
        taken = set(self.numbers.values())
        more = {f"<unused {each}>": each for each in range(size) if each not in taken}
        properties = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        added = [
            {"id": number, "content": token, **properties, "special": True}
            for token, number in more.items()
        ]
        tree = self.tree | {"added_tokens": [*(self.tree.get("added_tokens") or []), *added]}
        return replace(self, tree=tree, numbers={**self.numbers, **more})

    def tokenizers(
        self, rows: Rows, before: Sequence[Sequence[int]]
    ) -> tuple[Tokenizer, Tokenizer]:
        """Return the tokenizers of source and target, their tokens in the order of `rows`.

        `before` are tokens of theirs that texts of the source, and of the target, begin with.
        """
        ours = [[rows.number(each) for each in tokens] for tokens in before]
        try:
            source = HuggingFaceTokenizer(self.content, rows, ours[0])
            if ours[0] == ours[1] and self.target is None:
                return source, source
            target = json.dumps(self.target or self.tree, ensure_ascii=False)
            return source, HuggingFaceTokenizer(target, rows, ours[1])
        except ValueError as error:
            raise UserError(f"{self.file} cannot be read as a tokenizer: {error}") from error


def find_vocabulary(folder: Folder) -> Vocabulary:
    """Return the tokenizer of a folder; raises a UserError where it has none that is known."""
    if has_marian_tokenizer(folder.path) and not (folder.path / CONTENT).is_file():
        source, target = marian_trees(folder.path)
        numbers = numbers_of_tokenizer_json(source)
        return Vocabulary(file=folder.path / NUMBERS, tree=source, numbers=numbers, target=target)
    for name, other in FILES.items():
        file = folder.path / name
        merges = folder.path / other if other else None
        if file.is_file() and (merges is None or merges.is_file()):
            tree = json.loads(read_files(file, merges)[0])
            return Vocabulary(file=file, tree=tree, numbers=numbers_of_tokenizer_json(tree))
    raise UserError(
        f"{folder.path} has no tokenizer: none of {', '.join(FILES)}",
        help="`AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers "
        "writes a tokenizer.json",
    )
