"""Specs as classes of transformers: which family says them, and what keeps others from it."""

import pytest

from compiler.export.huggingface.configuration import configuration, read_again
from compiler.export.huggingface.native import nearest
from compiler.export.huggingface.settings import differences
from compiler.export.huggingface.table import HUGGINGFACE_NATIVE
from compiler.export.huggingface.writings import WRITINGS
from compiler.export.target import refusals
from compiler.spec.load import load
from compiler.weights.family import families
from compiler.weights.readings import READINGS

pytestmark = pytest.mark.quick

SAID = {
    "demo": ("pegasus", ["sines_first", "biases"]),
    "transformer-base": ("marian", ["sines_first", "biases"]),
    "language-model": ("gpt2", ["tables_of_positions", "scaled_stream", "biases"]),
    "shakespeare-char": ("gpt2", ["biases"]),
    "llama-like": ("llama", []),
    "stochastic-depth": ("pegasus", ["sines_first", "biases"]),
}
REFUSED = {
    "experts": {"model.encoder.layers.0.feed_forward.experts.count"},
    "local-global": {"model.decoder.layers.0.self_attention.mask"},
    "learned-positions": {"model.embedding.norm"},
    "untied": {"model.embedding.tied"},
    "deep-norm": {"model.encoder.norm.place", "model.decoder.norm.place"},
    "swiglu": {"model.encoder.layers.0.feed_forward.gated"},
}


def test_every_reading_has_a_writing() -> None:
    assert WRITINGS.keys() == READINGS.keys()


@pytest.mark.parametrize("name", SAID)
def test_a_spec_is_said_by_the_family_of_the_fewest_changes(name: str) -> None:
    found = nearest(load(name).spec)
    assert found is not None
    assert found.is_sayable
    assert (found.family, [each.change.name for each in found.steps]) == SAID[name]


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_family_says_is_refused(name: str) -> None:
    loaded = load(name)
    verdicts = HUGGINGFACE_NATIVE.verdicts(loaded)
    refused = {path for path, each in verdicts.items() if each.is_refused}
    assert refused >= REFUSED[name]
    assert len(refused) < 14
    assert all("has no class with" in verdicts[path].words for path in refused)


def test_a_refusal_names_the_value_and_the_nearest_family() -> None:
    (found,) = refusals(HUGGINGFACE_NATIVE, load("untied"))
    assert "`tied: none`: the nearest, pegasus, has all" in found.message


def test_changed_settings_are_said_otherwise() -> None:
    verdicts = HUGGINGFACE_NATIVE.verdicts(load("language-model"))
    assert verdicts["model.embedding.scale"].status == "converted"
    assert verdicts["model.decoder.layers.0.self_attention.bias"].status == "converted"
    assert verdicts["model.d_model"].status == "supported"


@pytest.mark.parametrize("name", sorted(families()))
def test_a_spec_of_a_family_comes_back_from_its_configuration(name: str) -> None:
    """Each family's own spec, read of a configuration, is written as that configuration."""
    family = families()[name]
    for task in family.tasks:
        start = load(STARTS[task]).spec
        first, wrong = read_again(start, task, configuration(start, family))
        assert first is not None, [each.message for each in wrong]
        again, _ = read_again(first, task, configuration(first, family))
        assert again is not None
        assert differences(first, again) == []


STARTS = {
    "translation": "transformer-base",
    "language_model": "llama-like",
    "masked_language_model": "masked-language-model",
    "classification": "classifier",
    "embedding": "embedding",
}
