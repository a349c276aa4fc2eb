"""What `generate` of transformers is told of `decoding:`."""

import json
from pathlib import Path
from typing import Any

import pytest

from compiler.export.generation import SAYINGS, Generation, Symbols, generation_config
from compiler.export.huggingface_remote import HUGGINGFACE_REMOTE
from compiler.export.report import page_of, report_on
from compiler.export.target import refusals
from compiler.export.targets import TARGETS
from compiler.page.text import lines
from compiler.spec.decoding import DECODINGS
from compiler.spec.load import load

pytestmark = pytest.mark.quick


def said(*settings: str, name: str = "demo", **more: Any) -> Generation:
    return generation_config(load(name, settings).spec, **more)


def test_each_setting_has_words() -> None:
    keys = {key for each in DECODINGS.values() for key in each.model_fields}
    assert keys == set(SAYINGS)


def test_a_beam_search() -> None:
    found = said("decoding.normalization=length", "decoding.length_penalty=0.8")
    assert found.config == {
        "bos_token_id": 2,
        "decoder_start_token_id": 2,
        "do_sample": False,
        "early_stopping": True,
        "eos_token_id": 3,
        "length_penalty": 0.8,
        "max_new_tokens": 177,
        "num_beams": 4,
        "pad_token_id": 0,
        "suppress_tokens": [0, 2],
    }
    assert found.missing == (
        "decoding.max_extra_length 50 -> max_new_tokens 177, the same for every sentence",
    )


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        (("decoding.stop=certain",), {"early_stopping": "never", "length_penalty": 1.0}),
        (("decoding.length_penalty=0",), {"length_penalty": 0}),
        (("decoding.beam=1",), {"num_beams": 1}),
        (("decoding.min_length=5",), {"min_new_tokens": 5}),
        (("decoding.max_length=20",), {"max_new_tokens": 20}),
        (("decoding.no_repeat_ngram=3",), {"no_repeat_ngram_size": 3}),
        (("decoding.repetition_penalty=1.5",), {"repetition_penalty": 1.5}),
    ],
)
def test_single_settings(settings: tuple[str, ...], config: dict[str, Any]) -> None:
    found = said(*settings).config
    assert config.items() <= found.items()
    assert json.loads(json.dumps(found)) == found


def test_a_greedy_search_says_nothing_of_hypotheses() -> None:
    found = said("decoding.beam=1", "decoding.repetition_penalty=1.5")
    assert found.config.keys().isdisjoint({"length_penalty", "early_stopping"})
    assert [each.split()[0] for each in found.missing] == ["decoding.max_extra_length"]


def test_what_transformers_does_not_know_is_named() -> None:
    settings = ("decoding.repetition_penalty=1.5", "decoding.prefix=Der alte")
    missing = said(*settings).missing
    assert [each.split()[0] for each in missing] == [
        "decoding.max_extra_length",
        "decoding.repetition_penalty",
        "decoding.prefix",
        "decoding.normalization",
    ]
    one = said("decoding.prefix=Der", prefix=[17])
    assert one.config["forced_bos_token_id"] == 17
    assert one.missing[-1] == (
        "decoding.prefix Der -> forced_bos_token_id, which counts in the length that divides a "
        "score"
    )


def test_a_token_that_is_forced_counts_as_a_new_one() -> None:
    settings = ("decoding.prefix=Der", "decoding.beam=1", "decoding.min_length=5")
    plain, forced = said(*settings), said(*settings, prefix=[17])
    for key in ("min_new_tokens", "max_new_tokens"):
        assert forced.config[key] == plain.config[key] + 1
    assert not any("prefix" in each for each in forced.missing)


def test_a_setting_that_no_file_holds_is_not_said_otherwise() -> None:
    """A table that calls it the same network by other numbers would be wrong."""
    translation = load("demo", ("decoding.prefix=Der", "decoding.repetition_penalty=1.5"))
    continuation = load("language-model", ("decoding.max_length=30",))
    for name in ("huggingface-remote", "huggingface-native"):
        found = TARGETS[name].verdicts(translation)
        assert found["decoding.prefix"].status == "left out"
        assert found["decoding.repetition_penalty"].status == "converted"
        others = TARGETS[name].verdicts(continuation)
        for key in ("seed", "max_length"):
            assert others[f"decoding.{key}"].status == "left out"
    page = lines(page_of(report_on(translation, [HUGGINGFACE_REMOTE])), 80)
    shown = ["".join(piece for _, _, piece in line).split()[:2] for line in page]
    assert ["call", "decoding.prefix"] in shown


def test_draws() -> None:
    settings = ("decoding.temperature=0.8", "decoding.top_p=0.9", "decoding.top_k=5")
    found = said(*settings, name="language-model")
    expected = {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 5}
    assert expected.items() <= found.config.items()
    assert [each.split()[0] for each in found.missing] == ["decoding.top_p", "decoding.seed"]
    assert "decoder_start_token_id" not in found.config


def test_a_table_of_positions_ends_a_text() -> None:
    settings = ("model.embedding.position={kind: learned, max_length: 64}", "data.max_length=64")
    found = said(*settings, name="language-model")
    assert found.missing[0].startswith("decoding.max_extra_length 40 -> max_new_tokens 40; a text")
    assert found.missing[0].endswith("more than 64 is refused")


def test_a_model_that_draws_among_all_tokens_says_so() -> None:
    """By default transformers draws among the fifty likeliest."""
    assert said("decoding.kind=sample", name="language-model").config["top_k"] == 0


def test_other_numbers_of_symbols() -> None:
    found = said(symbols=Symbols(padding=None, begin=7, end=7, ends=(9,))).config
    assert found["suppress_tokens"] == []
    assert (found["pad_token_id"], found["eos_token_id"]) == (7, [7, 9])


def test_a_tokenizer_that_no_file_can_describe_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = "extends: demo\nname: mine\ndata:\n  tokenizer: {kind: sentencepiece, model: word}\n"
    path.write_text(text)
    (found,) = refusals(HUGGINGFACE_REMOTE, load(str(path)))
    assert (found.code, found.span.line) == ("not-exportable", 4)
    assert found.message == (
        "transformers has no tokenizer for which a run of unknown words is one token"
    )
    settings = ("data.tokenizer={kind: sentencepiece, user_symbols: ['ﬁ']}",)
    (other,) = refusals(HUGGINGFACE_REMOTE, load("demo", settings))
    assert other.message.endswith("finds the user symbol 'ﬁ'")
