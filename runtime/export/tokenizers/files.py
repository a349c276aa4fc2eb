"""The files that make a folder's tokenizer: `tokenizer.json` and `tokenizer_config.json`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from runtime.data.symbols import BEGIN, END, MASK, NAMES_WITH_MASK, PADDING
from runtime.data.tasks.task import longest_sentence
from runtime.data.tokenizers.bytes import ByteTokenizer
from runtime.data.tokenizers.characters import CharacterTokenizer
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.data.tokenizers.words import holds_spaces
from runtime.errors import UserError
from runtime.export.tokenizers.library import library_tree, renumbered
from runtime.export.tokenizers.plain import byte_tree, character_tree, segmented_tree
from runtime.export.tokenizers.sentencepiece import sentencepiece_tree
from runtime.export.tokenizers.tree import Tree, surrounded, texts_of

TOKENIZER, CONFIG = "tokenizer.json", "tokenizer_config.json"

Numbering = Literal["ours", "theirs"]
"""Whose numbers tokens have: ours, or those of the file that a vocabulary was given in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The tokens of ours that a task puts before and after each text."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    @classmethod
    def of(cls, spec: Spec, tokenizer: Tokenizer) -> "Around":
        """Return those of a source or a target, of a text, or of a prompt.

        A language model's text is not ended, since it is to be continued.
        """
        own = tuple(getattr(tokenizer, "before", ()))
        task = TASKS[spec.task]
        begin = () if task.reads_a_source else (BEGIN,)
        end = (END,) if task.reads_a_source or task.reads_whole_texts else ()
        return cls(before=(*begin, *own), after=end)


def tokenizer_tree(
    spec: Spec, tokenizer: Tokenizer, around: Around | None = None, numbering: Numbering = "ours"
) -> Tree:
    """Return the content of a `tokenizer.json` that gives the tokens that a tokenizer gives.

    `around` are the tokens before and after each text, by default those of the spec's task. Raises
    a UserError for a tokenizer that no such file can describe.
    """
    symbols = TASKS[spec.task].symbols
    rows: Rows | None = getattr(tokenizer, "rows", None)
    tree = _tree(tokenizer, symbols, rows, is_continued=TASKS[spec.task].stacks == ("decoder",))
    if rows is not None and numbering == "ours":
        tree, rows = renumbered(tree, rows), None
    if symbols > MASK:
        tree = _with_mask(tree, tokenizer, _number(MASK, rows))
    put = around or Around.of(spec, tokenizer)
    before, after = ([_number(each, rows) for each in part] for part in (put.before, put.after))
    return surrounded(tree, before, after)


def _tree(tokenizer: Tokenizer, symbols: int, rows: Rows | None, *, is_continued: bool) -> Tree:
    match tokenizer:
        case SentencePieceTokenizer():
            mask = _number(MASK, rows) if symbols > MASK else None
            return sentencepiece_tree(tokenizer.model, mask, is_continued=is_continued)
        case HuggingFaceTokenizer():
            return library_tree(tokenizer)
        case SegmentedTokenizer():
            return segmented_tree(tokenizer, is_continued=is_continued)
        case CharacterTokenizer():
            return character_tree(tokenizer)
        case ByteTokenizer():
            return byte_tree(tokenizer)
        case other:
            raise TypeError(f"no tokenizer.json is known for {type(other).__name__}")


def _number(token: int, rows: Rows | None) -> int:
    """Return the number of one of our tokens in a tree.

    Raises a UserError for a symbol that a vocabulary with numbers of its own lacks.
    """
    their = token if rows is None else rows.theirs[token]
    if their is None:
        raise UserError(
            f"the vocabulary keeps the numbers of its file, which has no {NAMES_WITH_MASK[token]}: "
            "texts that are read here have one",
            help="`--to huggingface --as remote` writes our numbers, which have every symbol",
        )
    return their


def _with_mask(tree: Tree, tokenizer: Tokenizer, mask: int) -> Tree:
    """Return a tree whose masked token takes the space before it, if those of words have one."""
    takes = holds_spaces(tokenizer.name, tokenizer.size)
    added = [
        each | {"lstrip": each["lstrip"] or takes} if each["id"] == mask else each
        for each in tree["added_tokens"]
    ]
    return tree | {"added_tokens": added}


def mask_of(spec: Spec, tokenizer: Tokenizer) -> str | None:
    """Return the text of a masked token as texts contain it; None for a task without masks."""
    if TASKS[spec.task].symbols <= MASK:
        return None
    return texts_of(tokenizer_tree(spec, tokenizer))[MASK]


def tokenizer_config(
    spec: Spec, tokenizer: Tokenizer, tree: Tree, numbering: Numbering = "ours"
) -> dict[str, Any]:
    """Return what transformers is told of a tree beside it.

    A text contains no symbol, but for that of a masked language model, which contains masks. Of a
    prompt that is too long, the last tokens are kept.
    """
    texts = texts_of(tree)
    rows: Rows | None = getattr(tokenizer, "rows", None) if numbering == "theirs" else None
    task = TASKS[spec.task]
    named = {"pad_token": PADDING, "bos_token": BEGIN, "eos_token": END}
    if task.symbols > MASK:
        named["mask_token"] = MASK
    side = "left" if task.stacks == ("decoder",) else "right"
    theirs = {key: each if rows is None else rows.theirs[each] for key, each in named.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest_sentence(spec),
        "padding_side": side,
        "truncation_side": side,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": task.symbols <= MASK,
        "model_input_names": ["input_ids", "attention_mask"],
        **{key: texts[number] for key, number in theirs.items() if number is not None},
    }


def write_tokenizer(
    spec: Spec,
    tokenizer: Tokenizer,
    folder: Path,
    around: Around | None = None,
    numbering: Numbering = "ours",
) -> None:
    """Write the files of a tokenizer into a folder. Raises a UserError as `tokenizer_tree` does."""
    tree = tokenizer_tree(spec, tokenizer, around, numbering)
    about = tokenizer_config(spec, tokenizer, tree, numbering)
    for name, content in ((TOKENIZER, tree), (CONFIG, about)):
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
