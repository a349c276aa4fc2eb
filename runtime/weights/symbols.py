"""The tokens of another vocabulary that stand for padding, unknown, begin, end and mask."""

from collections.abc import Mapping
from typing import Any

from compiler.weights.family import Family
from runtime.errors import UserError
from runtime.weights.folder import Folder

SYMBOLS = ("padding", "unknown", "begin", "end", "mask")
TOKENIZER_FILES = ("tokenizer_config.json", "special_tokens_map.json")
CONFIGURATIONS = ("config.json", "generation_config.json")


def symbol_rows(
    folder: Folder, family: Family, vocabulary: Mapping[str, int], count: int
) -> list[int | None]:
    """Return the number that each of the first `count` symbols has in their vocabulary.

    None stands for a symbol that they do not have. Raises a UserError where none ends a text.
    """
    named: dict[str, Any] = {}
    for file in reversed(TOKENIZER_FILES):
        named |= folder.json(file)
    numbers: dict[str, Any] = {}
    for file in reversed(CONFIGURATIONS):
        numbers |= {key: value for key, value in folder.json(file).items() if value is not None}
    rows = [
        _first(family.symbols.get(each, []), named, numbers, vocabulary) for each in SYMBOLS[:count]
    ]
    for place, name in enumerate(SYMBOLS[:count]):
        if rows[place] is None and name in ("begin", "end", "mask"):
            raise UserError(
                f"{folder.path} does not say which token is {name}",
                help=f"looked for: {', '.join(family.symbols.get(name, []))}",
            )
    return rows


def _first(
    tokens: list[str],
    named: Mapping[str, Any],
    numbers: Mapping[str, Any],
    vocabulary: Mapping[str, int],
) -> int | None:
    """Return the number of the first of some tokens that the files have."""
    for token in tokens:
        number = numbers.get(f"{token}_id")
        if isinstance(number, list):  # several end a text: the first is the usual one
            number = number[0] if number else None
        if number is not None and number >= 0:
            return int(number)
        text = named.get(token, token)
        text = text.get("content") if isinstance(text, dict) else text
        if isinstance(text, str) and text in vocabulary:
            return vocabulary[text]
    return None
