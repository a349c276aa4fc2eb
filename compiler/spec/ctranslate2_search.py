"""The settings of `decoding:` that the searches of CTranslate2 (4.8) do not honour.

The table of the export, `--engine ctranslate2` and the comparison of an exported folder ask this
one list.
"""

from collections.abc import Iterator, Mapping

from compiler.spec.decoding import BeamSearch, Decoding
from compiler.spec.spec import Spec


def not_honoured(spec: Spec) -> dict[str, str]:
    """Return the keys of `decoding:` whose values CTranslate2 cannot honour, with the reasons."""
    found, decoding = dict(_not_searched(spec.decoding)), spec.decoding
    if decoding.ends is not None:
        found["ends"] = "its searches keep twice `beam` candidates, however many tokens end a text"
    for name in ("no_repeat_ngram", "repetition_penalty"):
        if spec.model.encoder is None and getattr(decoding, name) is not None:
            found[name] = "it does not count the tokens of a prompt"
    return found


def _not_searched(decoding: Decoding) -> Iterator[tuple[str, str]]:
    """Yield the settings of one method of decoding that it cannot honour, with the reasons."""
    if not isinstance(decoding, BeamSearch):
        yield "seed", "its draws are not those of `seed` and line"
        return
    if decoding.beam == 1:
        return
    if decoding.stop == "certain":
        yield "stop", "it stops once `beam` hypotheses are finished"
    if decoding.no_repeat_ngram is not None:
        yield "no_repeat_ngram", "what it forbids makes other tokens of a beam likelier"
    is_changed = decoding.repetition_penalty not in (None, 1.0)
    if decoding.prefix and is_changed and decoding.min_length == 0:
        yield "repetition_penalty", "beside a prefix it does not tell the score of an empty text"


def honoured(spec: Spec) -> Spec:
    """Return the spec without the settings of `decoding:` that CTranslate2 cannot honour."""
    defaults = type(spec.decoding).model_fields
    update = {name: defaults[name].default for name in not_honoured(spec)}
    return spec.model_copy(update={"decoding": spec.decoding.model_copy(update=update)})


def words_of(reasons: Mapping[str, str]) -> list[str]:
    """Return what `not_honoured` has found in words."""
    return [f"`decoding.{name}`: {reason}" for name, reason in reasons.items()]
