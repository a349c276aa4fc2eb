"""The words of the tokens of a vocabulary, and the files by which a text becomes such words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.symbols import NAMES
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.export.tokenizers.files import TOKENIZER, Around, tokenizer_tree
from runtime.export.tokenizers.tree import renamed, surrounded, texts_of, with_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """One side of a model: its words, and what makes words of a text."""

    library: str
    """The module that cuts texts into words; none for text that is segmented already."""
    file: str
    """The file in the folder that this module reads; none for segmented text."""
    content: bytes
    words: list[str]
    joiner: str = ""
    """The mark at the end of a word of segmented text that the next one continues."""


def vocabulary_of(spec: Spec, tokenizer: Tokenizer, side: str = "") -> Vocabulary:
    """Return the vocabulary of a tokenizer; `side` begins the name of its file."""
    names = [tokenizer.name(token) for token in range(tokenizer.size)]
    start = f"{side}." if side else ""
    if isinstance(tokenizer, SentencePieceTokenizer):
        library, file, content = "sentencepiece", f"{start}sentencepiece.model", tokenizer.model
    elif isinstance(tokenizer, SegmentedTokenizer):
        words = _words(names)
        return Vocabulary(library="", file="", content=b"", words=words, joiner=tokenizer.joiner)
    else:
        tree = tokenizer_tree(spec, tokenizer, Around(before=(), after=()))
        texts = texts_of(tree)
        names = [texts.get(number, names[number]) for number in range(tokenizer.size)]
        around = Around.of(spec, tokenizer)
        tree = surrounded(with_names(tree, _words(names)), around.before, around.after)
        library, file = "tokenizers", f"{start}{TOKENIZER}"
        content = json.dumps(tree, ensure_ascii=False, indent=2).encode()
    return Vocabulary(library=library, file=file, content=content, words=_words(names))


def _words(names: Sequence[str]) -> list[str]:
    """Return the words of all tokens, no two of which are alike: CTranslate2 tells tokens by them.

    Those of symbols are ours in every vocabulary. A token that another program calls by one of
    these has a line more.
    """
    others = names[len(NAMES) :]
    taken = {*NAMES, *others}
    return [
        *NAMES,
        *(renamed([each], taken.__contains__)[0] if each in NAMES else each for each in others),
    ]


def write_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write the file of a vocabulary, if it has one."""
    if vocabulary.file:
        (folder / vocabulary.file).write_bytes(vocabulary.content)
