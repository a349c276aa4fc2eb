"""config.json of a Hugging Face folder: each key is used, without effect, or refused."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, quoted
from compiler.source.node import Mapping, Node, deepest, is_nothing, to_python
from compiler.source.read import read, read_text
from compiler.source.span import Source, Span
from compiler.spec.expectation import given
from compiler.weights.value_kinds import misfits

REFUSED = "not-importable"
"""The code of what cannot be said by a spec."""
AUTO = {
    "translation": "AutoModelForSeq2SeqLM",
    "language_model": "AutoModelForCausalLM",
    "masked_language_model": "AutoModelForMaskedLM",
    "classification": "AutoModelForSequenceClassification",
    "embedding": "AutoModel",
}
"""The classes of transformers that find the network of a task."""
HEADLESS = "AutoModel"
"""The class of transformers that finds a network without a head."""


@dataclass(kw_only=True)
class Config:
    """The keys of a config.json, and what has been found of them so far."""

    root: Mapping
    tensors: Collection[str] = ()
    """The names of the tensors beside it."""
    folder: Path | None = None
    """The folder that holds config.json; None where it was read from elsewhere."""
    used: set[str] = field(default_factory=set)
    wrong: list[Diagnostic] = field(default_factory=list)

    def __contains__(self, key: str) -> bool:
        return key in self.root.entries

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which is spoken of from now on; `null` is no value.

        Neither is one of another kind than the key has: that is noted in `wrong`.
        """
        self.used.add(key)
        node = self.root.get(key)
        value = None if node is None else to_python(node)
        if found := list(misfits(key, value)):
            for path, kind in found:
                self.misplace(path, kind.words)
            return default
        return default if value is None else value

    def is_null(self, key: str) -> bool:
        """Return whether the file has `null` for a key, which is spoken of from now on."""
        self.used.add(key)
        return key in self and is_nothing(self.root.entries[key])

    def need(self, key: str) -> Any:
        """Return the value of a key; where it is missing, that is wrong, and the result is None."""
        value, node = self.get(key), self.root.get(key)
        if node is None or is_nothing(node):
            message = f"a {self.model_type} needs {quoted(key)}, and there is none"
            self.wrong.append(mistake(self.root.span, "missing-key", message))
        return value

    def misplace(self, path: tuple[str, ...], wanted: str) -> None:
        """Note once that the value at some keys is not what it has to be, in words."""
        own = f"expected {wanted} for {quoted(path[-1])}, got {given(deepest(self.root, path))}"
        found = mistake(self.place(path), "bad-value", own)
        if found not in self.wrong:
            self.wrong.append(found)

    def refuse(self, keys: str | tuple[str, ...], message: str, help: str = "") -> None:
        """Note that a value cannot be said by a spec, at the place of the key."""
        path = (keys,) if isinstance(keys, str) else keys
        self.wrong.append(mistake(self.place(path), REFUSED, message, help))

    def place(self, keys: tuple[str, ...]) -> Span:
        """Return the place of a key, or of what is nearest to it."""
        holder = deepest(self.root, keys[:-1])
        if isinstance(holder, Mapping) and keys[-1] in holder.keys:
            return holder.keys[keys[-1]]
        return holder.span

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Note each key that nobody has spoken of: it may change what the network computes.

        In keys that are known, `*` stands for any text.
        """
        known = list(known)
        words = [each for each in known if "*" not in each]
        for key in self.root.keys:
            if key not in self.used and not any(fnmatchcase(key, each) for each in known):
                message = f"nothing is known about {quoted(key)} of a {self.model_type}"
                help = did_you_mean(key, words)
                help = help or "a key that changes nothing may be removed from a copy of the file"
                self.wrong.append(mistake(self.root.keys[key], "unknown-key", message, help))

    @property
    def model_type(self) -> str:
        return str(self.get("model_type", "model without `model_type`"))


def read_config(path: Path, tensors: Collection[str] = ()) -> Config:
    """Return the keys of a config.json; raises `Rejected` if it is none."""
    text = read_text(path)
    source = Source(name=str(path), text=text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = Span.at(source, getattr(error, "pos", 0))
        message = f"the file is no JSON: {getattr(error, 'msg', error)}"
        raise Rejected([mistake(place, "bad-value", message)]) from None
    root = _nodes(source, content)
    if not isinstance(root, Mapping):
        raise Rejected([mistake(root.span, "bad-value", "the configuration of a model has keys")])
    return Config(root=root, tensors=tensors, folder=path.parent)


def _nodes(source: Source, content: object) -> Node:
    """Return the tree of a JSON text, which is YAML in all but a few odd spellings."""
    try:
        root = read(source)
        if to_python(root) == content:
            return root
    except Rejected:
        pass
    plain = json.dumps(content, indent=2, ensure_ascii=False)
    return read(Source(name=source.name, text=plain))


def refusal(path: Path, message: str, help: str = "") -> Diagnostic:
    """Return a refusal that is about a file or a folder as a whole."""
    place = Span(source=Source(name=str(path), text=""), line=1, column=1)
    return mistake(place, REFUSED, message, help)
