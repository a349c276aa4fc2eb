"""From lines to lines: order, batches, and the lines that are odd."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from compiler.spec.decoding import BeamSearch
from compiler.spec.lock import read_lock
from compiler.spec.position import LearnedPosition
from compiler.spec.spec import Spec
from runtime.data.symbols import NAMES
from runtime.inference.batch_decoder import longest_read, longest_translation
from runtime.inference.beam_search import length_penalty
from runtime.inference.translator import Translator

pytestmark = pytest.mark.quick

LETTERS = "abcdefghi"
DEMO = Path(__file__).parents[3] / "generated" / "demo" / "spec.lock.yaml"


class Letters:
    """A tokenizer whose tokens are the letters a to i."""

    size = len(NAMES) + len(LETTERS)

    def encode(self, line: str) -> list[int]:
        return [LETTERS.index(letter) + len(NAMES) for letter in line if letter in LETTERS]

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        return [self.encode(line) for line in lines]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join((*NAMES, *LETTERS)[token] for token in tokens)

    def detokenize(self, line: str) -> str:
        return line

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def demo_spec(**decoding: Any) -> Spec:
    settings = BeamSearch(**({"beam": 2, "max_extra_length": 4} | decoding))
    return read_lock(DEMO).model_copy(update={"decoding": settings})


def with_learned_positions(spec: Spec, table: int) -> Spec:
    position = LearnedPosition(kind="learned", max_length=table)
    stacks = {
        name: stack.model_copy(update={"position": position}) for name, stack in spec.model.stacks()
    }
    model = spec.model.model_copy(update=stacks)
    return spec.model_copy(update={"model": model})


@pytest.fixture
def translator(tiny_model: Callable[..., Any]) -> Translator:
    return Translator(tiny_model(seed=3), Letters(), Letters(), demo_spec())


def test_results_have_the_order_of_the_lines(translator: Translator) -> None:
    lines = ["abc", "defghia", "", "b", "abcabcabcabc", "hi"] * 30
    together = translator.translate(lines)
    assert together == [translator.translate([line])[0] for line in lines[:6]] * 30
    assert len(set(together)) > 2


def test_an_empty_line_has_an_empty_translation(translator: Translator) -> None:
    assert translator.translate(["", " ", "???"]) == ["", "", ""]
    assert translator.translate([]) == []


def test_n_best_gives_scores_and_counts(translator: Translator) -> None:
    several = translator.translate_n_best(["abc", "", "hg"], 2)
    assert [len(each) for each in several] == [2, 1, 2]
    for best, *others in several:
        assert all(best.score >= other.score for other in others)
        assert best.tokens == len(Letters().encode(best.text))


def test_a_long_line_is_cut_and_reported(tiny_model: Callable[..., Any]) -> None:
    spec = with_learned_positions(demo_spec(), 6)
    translator = Translator(tiny_model(), Letters(), Letters(), spec)
    said: list[str] = []
    several = translator.translate_n_best(["abc", "abcdefgh"], 1, first_line=11, report=said.append)
    assert said == ["line 12: cut from 8 tokens to the first 5"]
    assert several[1][0].text == translator.translate(["abcde"])[0]


def test_progress_counts_every_line_that_is_decoded(translator: Translator) -> None:
    done: list[int] = []
    translator.translate_n_best(["abc", "", "de"] * 50, 1, advance=done.append)
    assert sum(done) == 100


def test_lengths_follow_the_spec() -> None:
    spec = demo_spec(max_extra_length=50)
    assert longest_read(spec) == spec.data.max_length - 1
    assert longest_translation(spec, 10) == 60
    assert longest_translation(demo_spec(max_extra_length=50, max_length=20), 10) == 20
    learned = with_learned_positions(spec, 32)
    assert longest_read(learned) == 31
    assert longest_translation(learned, 10) == 31


def test_the_penalties_are_those_of_the_papers() -> None:
    assert length_penalty(7, BeamSearch(length_penalty=0.6)) == pytest.approx(2**0.6)
    assert length_penalty(7, BeamSearch(length_penalty=1.0, normalization="length")) == 7.0
    assert length_penalty(7, BeamSearch(length_penalty=0.0)) == 1.0
