"""Files of Hugging Face's library `tokenizers`, and those that become the content of one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from compiler.vocabulary.foreign import (
    numbers_of_tokenizer_json,
    unknown_of_tokenizer_json,
    vocabulary_of_tokens,
)
from compiler.vocabulary.rows import Rows
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.hugging_face_files import read_files, special_token
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.published.folder import Folder
from runtime.published.marian_tokenizer import NUMBERS, has_marian_tokenizer, marian_trees
from runtime.published.vocabulary import Vocabulary

FILES: dict[str, str | None] = {
    "tokenizer.json": None,
    "vocab.txt": None,
    "vocab.json": "merges.txt",
}
"""Files that are a tokenizer, the first that is there counts, with the one that belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryVocabulary(Vocabulary):
    """A tokenizer of the library."""

    KIND: ClassVar[str] = "tokenizers"
    NAME: ClassVar[str] = "tokenizer.json"

    tree: dict[str, Any]
    """The content of a tokenizer.json."""
    target: dict[str, Any] | None = None
    """The content of another tokenizer.json with the same tokens, for the target."""

    @property
    def content(self) -> bytes:
        return _text(self.tree).encode("utf-8")

    def symbols(self, given: Mapping[str, str]) -> tuple[int | None, ...]:
        unknown = unknown_of_tokenizer_json(self.tree)
        return vocabulary_of_tokens(self.numbers, given=given, unknown=unknown).symbols

    def enlarged(self, size: int) -> "LibraryVocabulary":
        more = self._more(size)
        added = [special_token(token, number) for token, number in more.items()]
        tree = self.tree | {"added_tokens": [*(self.tree.get("added_tokens") or []), *added]}
        return replace(self, tree=tree, numbers={**self.numbers, **more})

    def _sides(self, rows: Rows, before: Sequence[Sequence[int]]) -> tuple[Tokenizer, Tokenizer]:
        source = HuggingFaceTokenizer(_text(self.tree), rows, before[0])
        if before[0] == before[1] and self.target is None:
            return source, source
        return source, HuggingFaceTokenizer(_text(self.target or self.tree), rows, before[1])


def find_library_vocabulary(folder: Folder) -> LibraryVocabulary | None:
    """Return the tokenizer of a folder, if it has files that the library reads."""
    name = LibraryVocabulary.NAME
    if has_marian_tokenizer(folder.path) and not (folder.path / name).is_file():
        source, target = marian_trees(folder.path)
        numbers = numbers_of_tokenizer_json(source)
        file = folder.path / NUMBERS
        return LibraryVocabulary(file=file, tree=source, numbers=numbers, target=target)
    for name, other in FILES.items():
        file = folder.path / name
        merges = folder.path / other if other else None
        if file.is_file() and (merges is None or merges.is_file()):
            tree = json.loads(read_files(file, merges)[0])
            return LibraryVocabulary(file=file, tree=tree, numbers=numbers_of_tokenizer_json(tree))
    return None


def _text(tree: dict[str, Any]) -> str:
    return json.dumps(tree, ensure_ascii=False)
