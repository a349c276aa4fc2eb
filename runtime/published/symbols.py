"""The tokens of another vocabulary that stand for padding, unknown, begin, end and mask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.vocabulary.foreign import BESIDE, SYMBOLS, text_of_token
from compiler.weights.family import Family
from runtime.errors import UserError
from runtime.published.folder import Folder

CONFIGURATIONS = ("config.json", "generation_config.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The tokens that the files of a folder name, and the vocabulary."""

    named: Mapping[str, Any]
    """Tokens by name, as `unk_token`."""
    numbers: Mapping[str, Any]
    """Numbers of tokens by name, as `bos_token_id`."""
    vocabulary: Mapping[str, int]

    @classmethod
    def of(cls, folder: Folder, vocabulary: Mapping[str, int]) -> "Names":
        named: dict[str, Any] = {}
        for file in reversed(BESIDE):
            named |= folder.json(file)
        config, generation = (folder.json(file) for file in CONFIGURATIONS)
        numbers: dict[str, Any] = {}
        for tree in (generation, config):
            numbers |= {key: value for key, value in tree.items() if value is not None}
        if ends := _ends(generation) or _ends(config):
            first = next((each for each in _ends(config) if each in ends), ends[0])
            numbers["eos_token_id"] = [first, *(each for each in ends if each != first)]
        return cls(named=named, numbers=numbers, vocabulary=vocabulary)

    def first(self, tokens: Iterable[str]) -> int | None:
        """Return the number of the first of some tokens that there is.

        Each is the name of a key without `_id`, or written as the vocabulary writes it.
        """
        for token in tokens:
            number = self.numbers.get(f"{token}_id")
            if isinstance(number, list):  # several end a text: the first is the usual one
                number = number[0] if number else None
            if number is not None and number >= 0:
                return int(number)
            text = text_of_token(self.named.get(token, token))
            if text is not None and text in self.vocabulary:
                return self.vocabulary[text]
        return None


def symbol_names(
    folder: Folder, family: Family, vocabulary: Mapping[str, int], count: int
) -> dict[str, str]:
    """Return the tokens that are the first `count` symbols, as their vocabulary writes them.

    Those that they do not have are left out. Raises a UserError where none begins or ends a text,
    or is the mask.
    """
    names = Names.of(folder, vocabulary)
    texts = {number: token for token, number in vocabulary.items()}
    found = {each: names.first(family.symbols.get(each, [])) for each in SYMBOLS[:count]}
    for name, number in found.items():
        if number is None and name in ("begin", "end", "mask"):
            raise UserError(
                f"{folder.path} does not say which token is {name}",
                help=f"looked for: {', '.join(family.symbols.get(name, []))}",
            )
    return {name: texts[each] for name, each in found.items() if each is not None and each in texts}


def _ends(tree: Mapping[str, Any]) -> list[int]:
    """Return the numbers of tokens that end a text by a configuration."""
    own = tree.get("eos_token_id")
    return list(own) if isinstance(own, list) else [] if own is None else [own]


def other_ends(folder: Folder, vocabulary: Mapping[str, int]) -> list[str]:
    """Return the tokens that end a text beside the first one, as their vocabulary writes them.

    A number that no token has ends nothing.
    """
    names = Names.of(folder, vocabulary)
    texts = {number: token for token, number in vocabulary.items()}
    return [texts[each] for each in _ends(names.numbers)[1:] if each in texts]


def tokens_before(
    folder: Folder,
    family: Family,
    vocabulary: Mapping[str, int],
    side: str,
    languages: Mapping[str, str | None],
) -> list[int]:
    """Return the tokens of theirs that each text of a side, `source` or `target`, begins with.

    `languages` are those of the sides. Raises a UserError for one that is not said, or that the
    vocabulary does not have.
    """
    names, found = Names.of(folder, vocabulary), []
    for word in family.before.get(side, []):
        code = languages[side]
        if word == "language" and code is None:
            raise UserError(
                f"{folder.path} translates between several languages",
                help=f"--source and --target say which, as the vocabulary has them{_some(names)}",
            )
        tokens = [f"__{code}__", f"{code}"] if word == "language" else [word]
        number = names.first(tokens)
        if number is None:
            raise UserError(
                f"the vocabulary of {folder.path} has no token {tokens[-1]}",
                help=f"languages are written as the vocabulary has them{_some(names)}",
            )
        found.append(number)
    return found


def _some(names: Names) -> str:
    """Return some tokens of languages, for a help line."""
    more = names.named.get("additional_special_tokens") or names.named.get("extra_special_tokens")
    texts = [text_of_token(each) for each in more or []]
    return f": {', '.join(map(str, texts[:5]))} ..." if texts else ""
