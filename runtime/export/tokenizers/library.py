"""Tokenizers of the library `tokenizers`, and vocabularies that another program has numbered."""

import json
from collections.abc import Mapping

from compiler.vocabulary.rows import Rows
from compiler.vocabulary.symbols import UNKNOWN
from runtime.data.symbols import NAMES_WITH_MASK
from runtime.data.tokenizers.hugging_face import HuggingFaceTokenizer
from runtime.export.tokenizers.tree import Tree, added_token, renamed, texts_of


def library_tree(tokenizer: HuggingFaceTokenizer) -> Tree:
    """Return the tree of a tokenizer of the library, its tokens numbered as they are there."""
    tree: Tree = json.loads(tokenizer.content)
    model = {"type": "BPE"} | tree["model"] if "merges" in tree["model"] else tree["model"]
    return tree | {"model": model, "added_tokens": tree.get("added_tokens") or []}


def renumbered(tree: Tree, rows: Rows) -> Tree:
    """Return a tree with our numbers of its tokens.

    A symbol of ours that they lack, or that shares one of theirs with another, is a new token.
    The unknown token is no added one, so that decoding does not leave it out.
    """
    names = _names(texts_of(tree), rows)
    numbers = {name: number for number, name in enumerate(names)}
    special = {each["content"]: each for each in tree["added_tokens"]}
    kept = [special[name] | {"id": number} for name, number in numbers.items() if name in special]
    known = {each["id"] for each in kept}
    new = [
        added_token(number, names[number]) for number in range(rows.symbols) if number not in known
    ]
    added = sorted(
        (each for each in (*new, *kept) if each["id"] != UNKNOWN), key=lambda each: each["id"]
    )
    for each in added:
        if each["id"] < rows.symbols:
            each["special"] = True
    return tree | {"model": _model(tree["model"], numbers, names), "added_tokens": added}


def _names(texts: Mapping[int, str], rows: Rows) -> list[str]:
    """Return the text of each of our tokens; new ones have the usual names of our symbols."""
    found: dict[int, str] = {}
    given: set[int] = set()
    for number, their in enumerate(rows.theirs):
        if their is not None and their not in given:
            given.add(their)
            found[number] = texts.get(their, f"<unused {their}>")
    taken = set(texts.values())
    missing = [number for number in range(len(rows)) if number not in found]
    new = renamed((NAMES_WITH_MASK[each] for each in missing), taken.__contains__)
    found |= dict(zip(missing, new, strict=True))
    return [found[number] for number in range(len(rows))]


def _model(model: Tree, numbers: Mapping[str, int], names: list[str]) -> Tree:
    """Return a model with the tokens of `numbers`; a unigram model keeps their scores."""
    if model["type"] != "Unigram":
        return model | {"vocab": dict(numbers)}
    scores: dict[str, float] = dict(model["vocab"])
    vocabulary = [[name, scores.get(name, 0.0)] for name in names]
    return model | {"vocab": vocabulary, "unk_id": UNKNOWN}
