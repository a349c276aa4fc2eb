"""CTranslate2's search finds what ours finds, on random networks that end sooner or later."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec
from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.errors import DivergenceError, UserError
from runtime.inference.batch_decoder import (
    BatchDecoder,
    longest_continuation,
    longest_translation,
)
from runtime.inference.beam_search import Hypothesis
from runtime.inference.engines.ctranslate2_decoder import CTranslate2Decoder
from runtime.inference.engines.decoder import Rows
from runtime.weights.files import Tensors
from tests.support.ctranslate2 import Pair, pair_of

pytestmark = pytest.mark.quick

SIZES = (
    *("model.d_model=32", "model.vocabulary.size=30", "model.feed_forward.d_ff=64"),
    *("model.embedding.tied=none", "model.output.bias=true", "decoding.max_extra_length=30"),
)
SEARCH = ("decoding.beam=4",)
SETTINGS = {
    "gnmt": SEARCH,
    "length": (*SEARCH, "decoding.normalization=length", "decoding.length_penalty=1"),
    "sums": (*SEARCH, "decoding.length_penalty=0"),
    "greedy": ("decoding.beam=1",),
    "beam of 2": ("decoding.beam=2",),
    "short limits": (*SEARCH, "decoding.max_extra_length=2"),
    "one limit": (*SEARCH, "decoding.max_length=6"),
}
OF_TRANSLATIONS = {
    "repetition penalty": (*SEARCH, "decoding.repetition_penalty=1.5"),
    "greedy without repetition": ("decoding.beam=1", "decoding.no_repeat_ngram=2"),
}
ROWS = (3, 5, 8, 12, 4, 6, 9, 7) * 4
FEWEST = 5
"""The rows that are compared, at least."""


def lively(tensors: Tensors) -> None:
    """Weights so large that texts differ; END is likely enough, and no other symbol is."""
    for name, tensor in tensors.items():
        if tensor.dim() == 2:
            tensors[name] = tensor * 2.5
    for symbol, logit in ((END, 0.8), (PADDING, -30.0), (BEGIN, -30.0)):
        tensors["output_bias"][symbol] = logit


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return pair_of("demo", SIZES, tmp_path, tensors=lively)


@pytest.fixture
def language_model(tmp_path: Path) -> Pair:
    return pair_of("language-model", (*SIZES, *SEARCH), tmp_path, tensors=lively)


def spec_with(pair: Pair, settings: Sequence[str]) -> Spec:
    reference = "demo" if pair.spec.model.encoder else "language-model"
    decoding = compile_spec(reference, list(dict.fromkeys([*SIZES[:-1], *settings]))).spec.decoding
    return pair.spec.model_copy(update={"decoding": decoding})


def both(
    pair: Pair, spec: Spec, sources: Rows | None, prefixes: Rows | None
) -> list[tuple[Hypothesis, Hypothesis]]:
    """The best hypotheses of rows, ours and theirs, of searches that no limit has ended."""
    beam = spec.decoding.model_dump().get("beam", 1)
    engines = (BatchDecoder(pair.model, spec), CTranslate2Decoder(pair.network, spec))
    ours, theirs = (each.decode(sources, prefixes=prefixes, n_best=beam) for each in engines)
    given = prefixes or [()] * len(ours)
    lengths = [0] * len(ours) if sources is None else [len(each) for each in sources]
    limits = [
        longest_continuation(spec, len(before))
        if sources is None
        else longest_translation(spec, length, len(before))
        for length, before in zip(lengths, given, strict=True)
    ]
    return [
        (one[0], other[0])
        for one, other, limit in zip(ours, theirs, limits, strict=True)
        if all(len(each.tokens) < limit for each in one)
    ]


def check(found: list[tuple[Hypothesis, Hypothesis]]) -> None:
    assert len(found) >= FEWEST
    assert len({one.tokens for one, _ in found}) > 1
    for one, other in found:
        assert one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("case", [*SETTINGS, *OF_TRANSLATIONS])
def test_translations_are_the_same(case: str, pair: Pair) -> None:
    spec = spec_with(pair, (SETTINGS | OF_TRANSLATIONS)[case])
    check(both(pair, spec, pair.rows("source", ROWS), None))


@pytest.mark.parametrize("case", SETTINGS)
def test_translations_after_a_prefix_are_the_same(case: str, pair: Pair) -> None:
    spec = spec_with(pair, SETTINGS[case])
    prefixes = pair.rows("target", [0, 1, 3] * (len(ROWS) // 3) + [2] * (len(ROWS) % 3))
    check(both(pair, spec, pair.rows("source", ROWS), prefixes))


@pytest.mark.parametrize("case", [case for case in SETTINGS if "limit" not in case])
def test_continuations_are_the_same(case: str, language_model: Pair) -> None:
    spec = spec_with(language_model, SETTINGS[case])
    prompts = language_model.rows("target", [0, *ROWS])
    check(both(language_model, spec, None, prompts))


@pytest.mark.parametrize("case", ["short limits", "one limit"])
def test_continuations_keep_their_limits(case: str, language_model: Pair) -> None:
    spec = spec_with(language_model, SETTINGS[case])
    prompts = language_model.rows("target", [0, *ROWS])
    found = CTranslate2Decoder(language_model.network, spec).decode(None, prefixes=prompts)
    limits = [longest_continuation(spec, len(prompt)) for prompt in prompts]
    lengths = [len(several[0].tokens) for several in found]
    assert all(length <= limit for length, limit in zip(lengths, limits, strict=True))
    assert max(lengths) > 0


def test_a_least_length_holds_and_scores_are_log_probabilities(pair: Pair) -> None:
    spec = spec_with(pair, (*SEARCH, "decoding.min_length=7"))
    theirs = CTranslate2Decoder(pair.network, spec).decode(pair.rows("source", ROWS), n_best=4)
    assert min(len(each.tokens) for several in theirs for each in several) >= 7
    best = [several[0] for several in theirs]
    scores = pair.network.log_probabilities(
        pair.rows("source", ROWS), [list(each.tokens) for each in best]
    )
    for each, score in zip(best, scores, strict=True):
        penalty = ((6 + len(each.tokens)) / 6) ** 0.6
        assert each.score == pytest.approx(sum(score) / penalty, abs=1e-4)


def test_sentences_have_limits_of_their_own(pair: Pair) -> None:
    spec = spec_with(pair, (*SEARCH, "decoding.max_extra_length=0"))
    sources = pair.rows("source", ROWS)
    for several, source in zip(
        CTranslate2Decoder(pair.network, spec).decode(sources), sources, strict=True
    ):
        assert len(several[0].tokens) <= len(source)


def test_an_empty_source_has_the_empty_translation(pair: Pair) -> None:
    decoder = CTranslate2Decoder(pair.network, spec_with(pair, SEARCH))
    done: list[int] = []
    found = decoder.decode([[], [5, 6]], n_best=2, advance=done.append)
    assert found[0] == [Hypothesis(tokens=(), score=0.0)]
    assert len(found[1]) == 2
    assert sum(done) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("decoding.stop=certain",), "decoding.stop"),
        (("decoding.no_repeat_ngram=2",), "decoding.no_repeat_ngram"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    settings: tuple[str, ...], message: str, pair: Pair
) -> None:
    with pytest.raises(UserError, match=message):
        CTranslate2Decoder(pair.network, spec_with(pair, (*SEARCH, *settings)))


@pytest.mark.parametrize(
    "setting", ["decoding.no_repeat_ngram=2", "decoding.repetition_penalty=1.5"]
)
def test_prompts_have_no_bounds_on_repetition(setting: str, language_model: Pair) -> None:
    with pytest.raises(UserError, match="the tokens of a prompt"):
        CTranslate2Decoder(
            language_model.network, spec_with(language_model, ("decoding.beam=1", setting))
        )


def test_draws_are_refused(language_model: Pair) -> None:
    with pytest.raises(UserError, match="draws are not those"):
        CTranslate2Decoder(
            language_model.network, spec_with(language_model, ("decoding.temperature=0.8",))
        )


def test_numbers_that_overflow_are_told_with_their_line(tmp_path: Path) -> None:
    def spoil(tensors: Tensors) -> None:
        tensors["decoder.norm.weight"][:] = float("nan")

    broken = pair_of("demo", SIZES, tmp_path, tensors=spoil)
    decoder = CTranslate2Decoder(broken.network, spec_with(broken, SEARCH))
    with pytest.raises(DivergenceError, match="line 7: "):
        decoder.decode([[5, 6, 7]], first_line=7)
