"""The page of a folder for CTranslate2, with a function that writes texts as the run does."""

import json
from collections.abc import Mapping, Sequence
from functools import partial

from compiler.spec.ctranslate2_search import not_honoured, words_of
from compiler.spec.decoding import BeamSearch, Sampling
from compiler.spec.spec import Spec
from runtime.data.symbols import END, NAMES
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.export.ctranslate2.vocabularies import Vocabulary
from runtime.export.source import Exportable
from runtime.export.template import fill
from runtime.inference.batch_decoder import longest_read
from runtime.inference.engines.ctranslate2_decoder import exponent_of

README = "README.md"
TYPICAL_LENGTH = 25
"""The tokens of a translation, about: the exponent of lengths that a page names is right there."""


def page(exportable: Exportable, sides: Mapping[str, Vocabulary], title: str) -> str:
    """Return the page of the folder; `sides` are the vocabularies of source and target."""
    spec, (source, target) = exportable.spec, sides.values()
    name = "tokenizer" if source is target else "target"
    tokenizers = {name: target} if source is target else {"source": source, "target": target}
    first = next(iter(tokenizers))
    values: dict[str, object] = {
        "name": spec.name,
        "title": title,
        "weights": exportable.weights,
        "run": exportable.run.folder.resolve().name,
        "libraries": sorted({"ctranslate2", source.library, target.library} - {""}),
        "tokenizers": tokenizers,
        "before": [_quoted(source.words[each]) for each in _before(exportable.tokenizers[0])],
        "translates": spec.model.encoder is not None,
        "cut": _cut(first, source),
        "joined": partial(_joined, name, target),
        "lost": words_of(not_honoured(spec)),
    }
    given = _given(exportable, target)
    return fill("ctranslate2", README + ".jinja", **values, **given, **_search(spec, given))


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _before(tokenizer: Tokenizer) -> Sequence[int]:
    """Return the tokens that every text begins with, such as that of its language."""
    found: Sequence[int] = getattr(tokenizer, "before", ())
    return found


def _given(exportable: Exportable, target: Vocabulary) -> dict[str, list[str]]:
    """Return the words that translations begin with, and those that end texts beside `</s>`."""
    ends = [target.words[each] for each in exportable.ends.others]
    return {
        "prefix": [_quoted(target.words[each]) for each in exportable.prefix],
        "ends": [_quoted(each) for each in (NAMES[END], *ends) if ends],
    }


def _search(spec: Spec, given: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return the arguments of the search."""
    decoding, prefix = spec.decoding, len(given["prefix"])
    search = decoding if isinstance(decoding, BeamSearch) else None
    beam = search.beam if search else 1
    # a beam would end with the prefix as soon as `</s>` is the likeliest token behind it
    least = max(decoding.min_length, int(prefix > 0 and beam > 1))
    return {
        "decoding": decoding,
        "beam": beam,
        "drawn": isinstance(decoding, Sampling),
        "exponent": exponent_of(search, TYPICAL_LENGTH) if search else 0,
        "is_ranked_again": beam > 1
        and search is not None
        and (search.normalization == "gnmt" or prefix > 0),
        "least": prefix + least if least else 0,
        "longest": longest_read(spec),
        "limit": _limit(spec, prefix),
        "may_be_full": spec.model.encoder is None and _rooms(spec) != [],
    }


def _limit(spec: Spec, prefix: int) -> str:
    """Return the expression of the most tokens that a search may write, END not counted."""
    decoding, most, positions = spec.decoding, spec.decoding.max_length, spec.model.positions
    if spec.model.encoder is not None:
        last = None if positions is None else positions - 1 - prefix
        limits = [f"len(read) + {decoding.max_extra_length}", most, last]
    else:
        room = min(_rooms(spec), default=None)
        limits = [decoding.max_extra_length, None if room is None else f"{room} - len(read)"]
    words = [str(each) for each in limits if each is not None]
    return words[0] if len(words) == 1 else f"min({', '.join(words)})"


def _rooms(spec: Spec) -> list[int]:
    """Return the bounds on the tokens of a prompt and its continuation together."""
    positions = spec.model.positions
    rooms = spec.decoding.max_length, None if positions is None else positions - 1
    return [each for each in rooms if each is not None]


def _cut(name: str, vocabulary: Vocabulary) -> str:
    """Return the expression that cuts `text` into words."""
    calls = {
        "sentencepiece": f"{name}.encode(text, out_type=str)",
        "tokenizers": f"{name}.encode(text, add_special_tokens=False).tokens",
    }
    return calls.get(vocabulary.library, "text.split()")


def _joined(name: str, vocabulary: Vocabulary, words: str) -> str:
    """Return the expression that makes a text of the words that another expression gives."""
    calls = {
        "sentencepiece": f"{name}.decode({words})",
        "tokenizers": f"{name}.decode([{name}.token_to_id(each) for each in {words}])",
    }
    mark = f"{vocabulary.joiner} "
    return calls.get(vocabulary.library, f'" ".join({words}).replace({mark!r}, "")')
