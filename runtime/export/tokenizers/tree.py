"""The parts of a `tokenizer.json` that all kinds of tokenizers have.

A tree is the content of such a file. Its numbers are those of the vocabulary, which is a list in a
Unigram model and a mapping in all others; `added_tokens` are found in a text before it is cut.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Tree = dict[str, Any]

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""The mark of a space in the pieces of sentencepiece."""


def new_tree(model: Tree, **parts: Any) -> Tree:
    """Return a tree with a model; `parts` are its normalizer, decoder and so on, if it has them."""
    names = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
    empty: Tree = dict.fromkeys(("truncation", "padding"))
    added: Tree = {"added_tokens": parts.get("added_tokens", [])}
    return ({"version": "1.0"} | empty | added | {each: parts.get(each) for each in names}) | {
        "model": model
    }


def sequence(steps: Sequence[Tree], kind: str) -> Tree | None:
    """Return the steps as one, where `kind` is the key of the list of several of them."""
    if len(steps) < 2:
        return steps[0] if steps else None
    return {"type": "Sequence", kind: list(steps)}


def added_token(number: int, text: str, **properties: bool) -> Tree:
    """Return a symbol, which is found in a text wherever it stands."""
    usual = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": text} | usual | {"special": True} | properties


def replace(pattern: str, content: str) -> Tree:
    """Return the step that replaces what a regular expression finds."""
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def replace_text(text: str, content: str) -> Tree:
    """Return the step that replaces a text."""
    return {"type": "Replace", "pattern": {"String": text}, "content": content}


def merges_of_pairs(
    vocabulary: Mapping[str, int],
    merges: Iterable[Sequence[str]] = (),
    *,
    unknown: str | None,
    fuses_unknown: bool = False,
    has_bytes: bool = False,
) -> Tree:
    """Return a model that merges pairs of tokens, the first of the list first, of characters."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": fuses_unknown,
        "byte_fallback": has_bytes,
        "ignore_merges": False,
        "vocab": dict(vocabulary),
        "merges": [list(each) for each in merges],
    }


def texts_of(tree: Tree) -> dict[int, str]:
    """Return the tokens of a tree by their numbers, added ones included."""
    vocabulary = tree["model"]["vocab"]
    is_list = isinstance(vocabulary, list)
    own = {piece: i for i, (piece, _) in enumerate(vocabulary)} if is_list else vocabulary
    added = {each["content"]: each["id"] for each in added_of(tree)}
    return {number: text for text, number in {**own, **added}.items()}


def with_names(tree: Tree, names: Sequence[str]) -> Tree:
    """Return a tree whose tokens have these names, by their numbers; merges stay as they are."""
    own = texts_of(tree)
    new = {own[number]: name for number, name in enumerate(names) if number in own}
    model, vocabulary = tree["model"], tree["model"]["vocab"]
    if isinstance(vocabulary, list):
        vocabulary = [[new.get(piece, piece), score] for piece, score in vocabulary]
    else:
        vocabulary = {new.get(piece, piece): number for piece, number in vocabulary.items()}
    changed: Tree = {"vocab": vocabulary}
    if unknown := model.get("unk_token"):
        changed["unk_token"] = new.get(unknown, unknown)
    added = [
        each | {"content": new.get(each["content"], each["content"])} for each in added_of(tree)
    ]
    return tree | {"model": model | changed, "added_tokens": added}


def added_of(tree: Tree) -> list[Tree]:
    """Return the tokens that are found in a text before it is cut."""
    found: list[Tree] = tree["added_tokens"] or []
    return found


def surrounded(tree: Tree, before: Sequence[int], after: Sequence[int]) -> Tree:
    """Return a tree that puts these tokens before and after each text.

    Of two texts, the second follows the first, and both are followed by `after`.
    """
    texts = texts_of(tree)

    def text(name: str, type_id: int) -> Tree:
        return {"Sequence": {"id": name, "type_id": type_id}}

    def symbols(numbers: Sequence[int], type_id: int) -> list[Tree]:
        return [{"SpecialToken": {"id": texts[each], "type_id": type_id}} for each in numbers]

    single = [*symbols(before, 0), text("A", 0), *symbols(after, 0)]
    named = {
        texts[each]: {"id": texts[each], "ids": [each], "tokens": [texts[each]]}
        for each in (*before, *after)
    }
    template = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, text("B", 1), *symbols(after, 1)],
        "special_tokens": named,
    }
    return tree | {"post_processor": template if named else None}


def renamed(names: Iterable[str], is_taken: Callable[[str], bool]) -> list[str]:
    """Return names for new tokens, with a line more for each that is taken."""
    found: list[str] = []
    for name in names:
        while is_taken(name) or name in found:
            name += "_"
        found.append(name)
    return found
