"""What Python calls take and give: one text or several, and settings for a single call."""

from collections.abc import Callable
from typing import Any

import pytest

from compiler.spec.decoding import BeamSearch, Sampling
from runtime.errors import UserError
from runtime.inference.calls import chosen_spec, texts_of
from runtime.inference.translator import Translation, Translator
from tests.runtime.inference.test_translator import Letters, demo_spec

pytestmark = pytest.mark.quick


class LettersWithNumbers(Letters):
    """A list of tokens is a list of letters."""

    def number(self, token: str) -> int:
        return self.encode(token)[0] if token in "abcdefghi" else 1


@pytest.fixture
def translator(tiny_model: Callable[..., Any]) -> Translator:
    tokenizer = LettersWithNumbers()
    return Translator(tiny_model(seed=3), tokenizer, tokenizer, demo_spec())


def test_a_text_gives_a_text_and_a_list_a_list(translator: Translator) -> None:
    (one,) = translator.translate(["abc"])
    assert translator.translate("abc") == one
    assert translator.translate(iter(["abc", "d"])) == [one, translator.translate("d")]
    assert translator.translate("") == ""


def test_settings_of_one_call(translator: Translator) -> None:
    short = translator.translate("abcdef", max_length=1)
    assert len(short) <= 1
    several = translator.translate("abcdef", n_best=3, beam=5)
    assert [type(each) for each in several] == [Translation] * 3
    assert several[0].text == translator.translate("abcdef", beam=5)
    assert [len(each) for each in translator.translate(["ab", "c"], n_best=2)] == [2, 2]
    assert translator.translate("abc", prefix="hi").startswith("hi")
    assert translator.translate("abc", prefix=["h", "i"]) == translator.translate(
        "abc", prefix="hi"
    )
    once = translator.translate("abcdef", no_repeat_ngram=1, min_length=6)
    assert len(set(once)) == len(once) >= 6
    assert translator.spec == demo_spec(), "another call is not changed"


@pytest.mark.parametrize(
    ("keywords", "kind", "message"),
    [
        ({"beem": 2}, TypeError, "unexpected keyword 'beem': did you mean 'beam'"),
        ({"temperature": 1.0}, TypeError, "unexpected keyword 'temperature'"),
        ({"sampling": {}}, TypeError, "unexpected keyword 'sampling'"),
        ({"beam": "two"}, ValueError, "beam: expected a whole number, got 'two'"),
        ({"beam": 0}, ValueError, "beam: expected at least 1, got 0"),
        ({"length_penalty": -1}, ValueError, "length_penalty: expected at least 0, got -1"),
        ({"prefix": 3}, ValueError, "prefix: expected text"),
        ({"n_best": 9}, ValueError, "from 1 to the beam of 2, got 9"),
        ({"n_best": 0}, ValueError, "from 1 to the beam of 2, got 0"),
        ({"prefix": ["z"]}, UserError, "has a token that the target's vocabulary does not have"),
    ],
)
def test_mistakes_of_a_call(
    translator: Translator,
    keywords: dict[str, Any],
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        translator.translate("abc", **keywords)


@pytest.mark.parametrize("wrong", [3, None, b"abc", ["a", None], [b"a"], [["a"]]])
def test_what_is_no_text(wrong: object) -> None:
    with pytest.raises(TypeError, match="expected a text"):
        texts_of(wrong)


def test_draws_are_for_language_models() -> None:
    spec = demo_spec().model_copy(update={"task": "language_model"})
    drawn = chosen_spec(spec, {"temperature": 0.5, "top_k": 3}).decoding
    assert isinstance(drawn, Sampling)
    assert (drawn.temperature, drawn.top_k, drawn.seed) == (0.5, 3, 1)
    with pytest.raises(ValueError, match="top_k is for kind='sample', not 'beam'"):
        chosen_spec(spec, {"beam": 2, "top_k": 3})
    with pytest.raises(ValueError, match="temperature: expected more than 0, got 0"):
        chosen_spec(spec, {"temperature": 0})
    with pytest.raises(TypeError, match="unexpected keyword 'prefix'"):
        chosen_spec(spec, {"prefix": "a"})
    again = chosen_spec(chosen_spec(spec, {"top_k": 3, "min_length": 2}), {"beam": 5}).decoding
    assert again == BeamSearch(beam=5, min_length=2, max_extra_length=4)
    with pytest.raises(ValueError, match="kind: expected 'beam' or 'sample', got 'draw'"):
        chosen_spec(spec, {"kind": "draw"})


def test_a_call_names_its_method() -> None:
    spec = demo_spec()
    assert (
        chosen_spec(spec, {"kind": "beam", "beam": 3}).decoding
        == chosen_spec(spec, {"beam": 3}).decoding
    )
    with pytest.raises(ValueError, match="kind: expected 'beam', got 'sample'"):
        chosen_spec(spec, {"kind": "sample"})
    talks = spec.model_copy(update={"task": "language_model"})
    assert chosen_spec(talks, {"kind": "sample"}).decoding.draws


def test_a_translator_says_what_it_is(translator: Translator) -> None:
    assert repr(translator).startswith("<Translator of demo: ")
    assert "parameters on cpu" in repr(translator)


def test_help_is_part_of_a_traceback() -> None:
    assert UserError("no", help="yes").__notes__ == ["help: yes"]
    assert not hasattr(UserError("no"), "__notes__")
