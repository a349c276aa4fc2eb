"""Texts of exported networks are compared as the run's own commands write them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.export.targets import TARGETS
from compiler.spec.decoding import BeamSearch, Decoding
from runtime.data.symbols import UNKNOWN
from runtime.export.comparison import CLOSE, Comparison, draw_sentences, rounded_up
from runtime.export.exporter import Options
from runtime.export.exporters import EXPORTERS
from runtime.export.folder import Done, export_run
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.export.ties import difference_of_scores
from runtime.inference.engines.decoders import decoder_of
from runtime.inference.generator import Generator
from runtime.inference.translator import Translator
from tests.support.exports import drawn_run

pytestmark = pytest.mark.quick

SMALL = ("model.vocabulary.size=300", "decoding.max_extra_length=6", "decoding.max_length=20")
GREEDY = BeamSearch(beam=1, max_extra_length=6, max_length=20)


def with_decoding(exportable: Exportable, **changes: Any) -> Exportable:
    """Return a run whose spec decodes otherwise."""
    spec = exportable.spec
    decoding: Decoding = type(spec.decoding).model_validate(dict(spec.decoding) | changes)
    spec = spec.model_copy(update={"decoding": decoding})
    run = exportable.run
    return replace(exportable, run=replace(run, package=replace(run.package, spec=spec)))


@pytest.fixture(scope="module")
def translation(tmp_path_factory: pytest.TempPathFactory) -> Exportable:
    return drawn_run(tmp_path_factory.mktemp("translation"), "demo", SMALL)


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Exportable:
    return drawn_run(tmp_path_factory.mktemp("language"), "llama-like", SMALL)


def lines_of(exportable: Exportable) -> list[str]:
    text = Path(exportable.spec.data.folder) / "valid.en"
    return text.read_text("utf-8").splitlines()[:20]


def name_of(exportable: Exportable, token: int) -> str:
    return exportable.tokenizers[1].name(token)


def frequent(exportable: Exportable) -> list[int]:
    """Return the tokens that greedy search writes inside of texts, the most frequent first."""
    written = OwnNetwork.of(exportable).texts(lines_of(exportable), GREEDY)
    counts = Counter(token for each in written for token in each.tokens[1:] if token != UNKNOWN)
    return [token for token, _ in counts.most_common()]


def with_prefix_and_ends(exportable: Exportable, **changes: Any) -> Exportable:
    ended, given, *_ = frequent(exportable)
    ends = [name_of(exportable, ended)]
    prefix = [name_of(exportable, given)] if exportable.spec.model.encoder else None
    return with_decoding(exportable, ends=ends, prefix=prefix, **changes)


def test_texts_are_those_of_translate(translation: Exportable) -> None:
    run = with_prefix_and_ends(translation, beam=1, repetition_penalty=1.3)
    own, lines = OwnNetwork.of(run), lines_of(run)
    translate = Translator(own.model, *run.tokenizers, run.spec)
    assert isinstance(run.spec.decoding, BeamSearch)
    found = [each.text for each in own.texts(lines, run.spec.decoding)]
    assert found == translate.translate(lines)
    assert found != [each.text for each in own.texts(lines, GREEDY)]


def test_texts_are_those_of_generate_for_long_prompts(language_model: Exportable) -> None:
    run = with_prefix_and_ends(language_model)
    spec = run.spec
    short = spec.data.model_copy(update={"max_length": 8})
    spec = spec.model_copy(update={"data": short})
    own = replace(OwnNetwork.of(run), spec=spec)
    lines = lines_of(run)
    decoding = GREEDY.model_copy(update={"ends": spec.decoding.ends})
    assert any(len(each) > 8 for each in run.tokenizers[0].encode_lines(lines))
    generate = Generator(own.model, run.tokenizers[0], own.with_decoding(decoding))
    found = own.texts(lines, decoding)
    several = generate.generate_n_best(lines, 1)
    assert [len(each.tokens) for each in found] == [each.tokens for (each,) in several]
    for line, one, (other,) in zip(lines, found, several, strict=True):
        assert other.text.startswith(line)
        new = run.tokenizers[1].decode(one.tokens)
        assert other.text.endswith(new)


@pytest.mark.parametrize("kind", ["translation", "language_model"])
@pytest.mark.parametrize("penalty", [None, 1.3])
def test_scores_of_ties_are_those_of_the_search(
    kind: str, penalty: float | None, request: pytest.FixtureRequest
) -> None:
    run = with_prefix_and_ends(request.getfixturevalue(kind))
    ends, prefix = run.spec.decoding.ends, run.spec.decoding.prefix
    own, lines = OwnNetwork.of(run), lines_of(run)[:6]
    decoding = BeamSearch(max_extra_length=6, ends=ends, prefix=prefix, repetition_penalty=penalty)
    sources, given = own.given_tokens(lines, decoding)
    decoder = decoder_of(own.model, own.with_decoding(decoding), 1, own.tokenizers[1])
    compared = 0
    for line, found in zip(lines, decoder.decode(sources, prefixes=given, n_best=4), strict=True):
        best_ended = {each.tokens: each for each in reversed(found)}
        best = found[0]
        for other in (each for each in best_ended.values() if each.tokens != best.tokens):
            expected = best.score - other.score
            both = best.tokens, other.tokens
            assert difference_of_scores(own, decoding, line, *both) == pytest.approx(
                expected, abs=CLOSE
            )
            compared += 1
    assert compared > 6


def test_greedy_ties_are_told_by_the_first_tokens_that_differ(translation: Exportable) -> None:
    run = with_prefix_and_ends(translation)
    own, (line, *_) = OwnNetwork.of(run), lines_of(run)
    decoding = GREEDY.model_copy(update={"prefix": run.spec.decoding.prefix})
    sources, ((given,),) = own.given_tokens([line], decoding)
    assert sources is not None
    scores = own.scores(sources[0], [given, 7])[-1]
    difference = difference_of_scores(own, decoding, line, (7, 8), (7, 9, 9))
    assert difference == pytest.approx(float((scores[8] - scores[9]).abs()), abs=1e-5)
    assert difference > CLOSE


def exported(run: Exportable, name: str, folder: Path) -> Done:
    for library in EXPORTERS[name].libraries:
        pytest.importorskip(library, reason="the extra `export` is not installed")
    return export_run(run, TARGETS[name], EXPORTERS[name], folder / name, Options(), sentences=50)


@pytest.mark.parametrize("name", ["ctranslate2", "huggingface-remote", "onnx"])
@pytest.mark.parametrize("kind", ["translation", "language_model"])
def test_a_run_with_a_prefix_and_ends_is_exported(
    kind: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Greedy texts must be equal, or there would be no folder."""
    run = with_prefix_and_ends(request.getfixturevalue(kind))
    done = exported(run, name, tmp_path)
    greedy = done.comparison.texts[0]
    assert greedy.equal + len(greedy.ties) + len(greedy.unknown) == greedy.count
    if name == "ctranslate2":
        unknown = {"`decoding.ends`"} | ({"`decoding.seed`"} if kind == "language_model" else set())
        assert {each.partition(":")[0] for each in done.written.unsupported} == unknown


def test_settings_that_ctranslate2_does_not_know_are_counted(
    language_model: Exportable, tmp_path: Path
) -> None:
    run = with_decoding(language_model)
    decoding = GREEDY.model_copy(
        update={"no_repeat_ngram": 2, "ends": [name_of(run, frequent(run)[0])]}
    )
    spec = run.spec.model_copy(update={"decoding": decoding})
    run = replace(run, run=replace(run.run, package=replace(run.run.package, spec=spec)))
    texts = exported(run, "ctranslate2", tmp_path).comparison.texts
    assert [each.method for each in texts] == [
        "greedy",
        "beam 4 (length)",
        "greedy with all settings",
    ]
    assert texts[2].equal < texts[0].equal


def test_differences_are_never_rounded_down() -> None:
    assert [rounded_up(each) for each in (1.4e-6, 1e-6, 0.0)] == [2e-6, 1e-6, 0.0]
    found = Comparison(sentences=1, words="lines", numbers="numbers", difference=9.2e-5, bound=1e-4)
    assert found.lines == ["1 lines: numbers within 1e-04"]


def test_drawn_sentences_have_places_in_a_small_table(translation: Exportable) -> None:
    spec = translation.spec
    own = OwnNetwork.of(translation)
    for longest in (3, 5):
        data = spec.data.model_copy(update={"max_length": longest})
        drawn = draw_sentences(spec.model_copy(update={"data": data}), own, 20)
        assert all(len(each) <= longest - 2 for each in (*drawn.texts, *(drawn.sources or ())))
    data = spec.data.model_copy(update={"max_length": 2})
    assert draw_sentences(spec.model_copy(update={"data": data}), own, 20).texts == []
