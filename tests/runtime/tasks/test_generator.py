"""From prompts to texts: through the state as without one, in a batch as alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from compiler.spec.decoding import BeamSearch, Decoding, Sampling
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.errors import DivergenceError, UserError
from runtime.inference import sampling, stepper
from runtime.inference.generator import Generator
from runtime.inference.sampling import draw, uniform_draws
from runtime.package import Package, load_package
from tests.runtime.tasks.conftest import WORDS, MakeTask
from tests.support.plain_search import forbid_repeated, penalize_repeated

pytestmark = pytest.mark.quick

PROMPTS = ["w03 w05", "", "w01", "w07 w02 w09", "w11", "w04 w04"]
GREEDY = BeamSearch(beam=1, max_extra_length=7)
POSITIONS = 9

MakeGenerator = Callable[..., Generator]


@pytest.fixture
def package(make_task: MakeTask) -> Package:
    return load_package(make_task("language_model", "model.embedding.tied=none"))


@pytest.fixture
def make_generator(package: Package) -> MakeGenerator:
    """make_generator(BeamSearch()): a random network whose texts are long and differ."""
    return generators_of(package)


def generators_of(package: Package) -> MakeGenerator:
    def make(decoding: Decoding) -> Generator:
        torch.manual_seed(4)
        model = package.model_class()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        spec = package.spec.model_copy(update={"decoding": decoding})
        return Generator(model.eval(), SegmentedTokenizer(WORDS, joiner="@@"), spec)

    return make


@torch.no_grad()
def greedy_without_a_state(generator: Generator, prompt: str, most: int) -> str:
    """Word by word, each from all that stands before it."""
    model: Any = generator.model
    tokens = [BEGIN, *generator.tokenizer.encode(prompt)]
    for _ in range(most):
        logits = model(torch.tensor([tokens]))[0, -1]
        logits[[PADDING, BEGIN]] = -torch.inf
        if (best := int(logits.argmax())) == END:
            break
        tokens.append(best)
    return generator.tokenizer.decode(tokens)


def test_the_state_changes_nothing(make_generator: MakeGenerator) -> None:
    generator = make_generator(GREEDY)
    texts = generator.generate(PROMPTS)
    assert texts == [
        greedy_without_a_state(generator, prompt, 7).strip() or prompt for prompt in PROMPTS
    ]
    assert len({len(text) for text in texts}) > 1


@pytest.mark.parametrize(
    "decoding",
    [GREEDY, BeamSearch(beam=3), Sampling(temperature=1.5, seed=2)],
    ids=["greedy", "beam", "sampling"],
)
def test_texts_beside_it_change_nothing(make_generator: MakeGenerator, decoding: Decoding) -> None:
    generator = make_generator(decoding)
    together = generator.generate_n_best(PROMPTS, 1)
    alone = [
        generator.generate_n_best([prompt], 1, first_line=line)[0]
        for line, prompt in enumerate(PROMPTS, start=1)
    ]
    assert [[each.text for each in several] for several in together] == [
        [each.text for each in several] for several in alone
    ]


@pytest.mark.parametrize(
    "decoding",
    [GREEDY, Sampling(temperature=1.5, seed=2, max_extra_length=12)],
    ids=["greedy", "sampling"],
)
def test_a_text_ends_before_the_first_of_several_ends(
    make_generator: MakeGenerator, decoding: Decoding
) -> None:
    """Until there it is as without them: no draw changes what comes before."""
    whole = make_generator(decoding).generate(PROMPTS)
    ends = decoding.model_copy(update={"ends": ["w02", "w06", "w10"]})
    found = make_generator(ends).generate(PROMPTS)
    shorter = 0
    for prompt, text, cut in zip(PROMPTS, whole, found, strict=True):
        written = text.removeprefix(prompt).split()
        place = next((n for n, word in enumerate(written) if word in ends.ends), len(written))
        assert cut.removeprefix(prompt).split() == written[:place]
        shorter += place < len(written)
    assert shorter > 0


@pytest.mark.parametrize("kind", [BeamSearch, Sampling])
def test_no_end_comes_before_the_least_length(
    make_generator: MakeGenerator, kind: type[Decoding]
) -> None:
    lengths = {"min_length": 4, "max_extra_length": 6}
    generator = make_generator(kind(ends=WORDS[4:10], **lengths))
    for several in generator.generate_n_best(PROMPTS, 1):
        assert all(each.tokens >= 4 for each in several)


def test_an_end_that_is_no_token_is_refused(make_generator: MakeGenerator) -> None:
    generator = make_generator(BeamSearch(ends=["w01", "nowhere"]))
    with pytest.raises(UserError, match=r"`decoding\.ends` has a token .* not have: 'nowhere'"):
        generator.generate("w03")


def test_a_text_begins_with_its_prompt(make_generator: MakeGenerator) -> None:
    generator = make_generator(GREEDY)
    prompts = ["w03 strange  w05", "w01"]
    for prompt, text in zip(prompts, generator.generate(prompts), strict=True):
        assert text.startswith(prompt), "unknown words and spaces included"


def test_lengths_are_kept(make_generator: MakeGenerator) -> None:
    lengths = {"min_length": 3, "max_extra_length": 5, "max_length": 7}
    for decoding in (BeamSearch(beam=2, **lengths), Sampling(temperature=3.0, **lengths)):
        generator = make_generator(decoding)
        prompts = ["w01", "w01 w02 w03", "w01 w02 w03 w04 w05 w06 w07", "w01 " * 9]
        found = [best.tokens for best, *_ in generator.generate_n_best(prompts, 1)]
        assert 3 <= found[0] <= 5
        assert 3 <= found[1] <= 4
        assert found[2:] == [0, 0]


def test_a_long_prompt_is_cut_and_reported(make_generator: MakeGenerator) -> None:
    generator, said = make_generator(GREEDY), list[str]()
    long = " ".join(WORDS * 2)
    texts = generator.generate([long], report=said.append)
    assert said == ["line 1: cut from 32 tokens to the last 19"]
    assert texts[0].startswith(long)


@pytest.fixture
def make_with_table(make_task: MakeTask) -> MakeGenerator:
    """make_with_table(Sampling()): a random network that has POSITIONS learned positions."""
    position = f"model.decoder.position={{kind: learned, max_length: {POSITIONS}}}"
    settings = (position, f"data.max_length={POSITIONS}", "model.embedding.tied=none")
    return generators_of(load_package(make_task("language_model", *settings)))


@torch.no_grad()
def likeliest_in_a_window(generator: Generator, prompt: str, most: int) -> str:
    """Append the likeliest token `most` times, each computed from the newest tokens alone.

    These are all tokens until the table is full, then the newest half of it and what follows that.
    """
    model: Any = generator.model
    tokens = [BEGIN, *generator.tokenizer.encode(prompt)]
    first = 0
    for _ in range(most):
        if len(tokens) - first > POSITIONS:
            first = len(tokens) - POSITIONS // 2
        logits = model(torch.tensor([tokens[first:]]))[0, -1]
        logits[[PADDING, BEGIN, END]] = -torch.inf
        tokens.append(int(logits.argmax()))
    return generator.tokenizer.decode(tokens)


@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_drawn_texts_go_on_beyond_the_table_of_positions(
    make_with_table: MakeGenerator, monkeypatch: pytest.MonkeyPatch, is_asynchronous: bool
) -> None:
    """Step by step, and by the fixed steps of a GPU, whose buffers get larger on the way."""
    monkeypatch.setattr(stepper, "STEPS_AHEAD", 2)
    for module in (stepper, sampling):
        monkeypatch.setattr(module, "is_asynchronous", lambda _: is_asynchronous)
    most = 4 * POSITIONS
    generator = make_with_table(Sampling(top_k=1, min_length=most, max_extra_length=most))
    prompts = [*PROMPTS, " ".join(WORDS[: POSITIONS - 1])]
    expected = [likeliest_in_a_window(generator, prompt, most) for prompt in prompts]
    assert generator.generate(prompts) == expected
    assert len({tuple(text.split()[-POSITIONS:]) for text in expected}) > 1


def test_texts_that_end_leave_the_others_as_they_are(make_with_table: MakeGenerator) -> None:
    generator = make_with_table(Sampling(temperature=2.0, max_extra_length=4 * POSITIONS))
    together = generator.generate_n_best(["w01"] * 12, 1)
    alone = [generator.generate_n_best(["w01"], 1, first_line=line) for line in range(1, 13)]
    assert together == [each for (each,) in alone]
    lengths = {best.tokens for best, *_ in together}
    assert min(lengths) < POSITIONS < max(lengths)


def test_a_search_ends_with_the_table_of_positions(make_with_table: MakeGenerator) -> None:
    lengths = {"min_length": 4 * POSITIONS, "max_extra_length": 4 * POSITIONS}
    generator = make_with_table(BeamSearch(beam=2, **lengths))
    found = [best.tokens for best, *_ in generator.generate_n_best(["", "w01 w02"], 1)]
    assert found == [POSITIONS - 1, POSITIONS - 3]


def test_several_texts_of_a_search(make_generator: MakeGenerator) -> None:
    several = make_generator(BeamSearch(beam=4)).generate_n_best(PROMPTS, 3)
    for texts in several:
        assert len({text.text for text in texts}) == len(texts) == 3
        assert [text.score for text in texts] == sorted((t.score for t in texts), reverse=True)


def test_draws_are_not_a_search(make_generator: MakeGenerator) -> None:
    generator = make_generator(Sampling())
    with pytest.raises(UserError, match="--n-best 2 is for a search"):
        generator.generate_n_best(PROMPTS, 2)


def test_draws_depend_on_seed_and_line(make_generator: MakeGenerator) -> None:
    def texts(seed: int) -> list[str]:
        sampling = Sampling(temperature=2.0, seed=seed)
        return make_generator(sampling).generate(["w01", "w01", "w01"])

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len(set(texts(1))) > 1


@pytest.mark.parametrize("sampling", [Sampling(top_k=1), Sampling(top_p=1e-6)])
def test_draws_among_one_token_are_greedy(
    make_generator: MakeGenerator, sampling: Sampling
) -> None:
    drawn = make_generator(sampling.model_copy(update={"max_extra_length": 7})).generate(PROMPTS)
    assert drawn == make_generator(GREEDY).generate(PROMPTS)


def shares(sampling: Sampling) -> list[float]:
    logits = torch.tensor([0.1, 0.4, 0.2, 0.3]).log().expand(20_000, -1)
    uniform = uniform_draws([5], 20_000, 3)[0]
    counts = draw(logits, uniform, sampling).bincount(minlength=4)
    return [round(share, 1) for share in (counts / 20_000).tolist()]


def test_draws_follow_the_probabilities() -> None:
    assert shares(Sampling()) == [0.1, 0.4, 0.2, 0.3]
    assert shares(Sampling(temperature=1e-3)) == [0.0, 1.0, 0.0, 0.0]
    assert shares(Sampling(top_k=2)) == [0.0, 0.6, 0.0, 0.4]
    assert shares(Sampling(top_p=0.5)) == [0.0, 0.6, 0.0, 0.4], "what reaches the share is in"
    assert shares(Sampling(top_p=0.3)) == [0.0, 1.0, 0.0, 0.0]


def test_draws_stay_below_one() -> None:
    draws = uniform_draws(range(50), 100, 0)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert len(draws.unique()) == 5000


@torch.no_grad()
def plain_text(generator: Generator, prompt: str, line: int) -> str:
    """Token by token, each from all that stands before it, with plain lists of what was said."""
    decoding = generator.spec.decoding
    model: Any = generator.model
    text = generator.tokenizer.encode(prompt)
    for number in range(decoding.max_extra_length):
        logits = model(torch.tensor([[BEGIN, *text]]))[:, -1]
        end = logits[0, END].item()
        logits[:, [PADDING, BEGIN]] = -torch.inf
        if number < decoding.min_length:
            logits[:, END] = -torch.inf
        penalize_repeated(logits, [text], decoding.repetition_penalty or 1.0)
        if decoding.no_repeat_ngram is not None:
            forbid_repeated(logits, [text], decoding.no_repeat_ngram, [end])
        sampling = decoding if isinstance(decoding, Sampling) else Sampling(top_k=1)
        token = int(draw(logits, uniform_draws([line], 99, sampling.seed)[:, number], sampling))
        if token == END:
            break
        text.append(token)
    return generator.tokenizer.decode(text)


@pytest.mark.parametrize("decoding", [BeamSearch(beam=1), Sampling(temperature=1.5, seed=3)])
@pytest.mark.parametrize(
    "bounds",
    [
        {"no_repeat_ngram": 1, "min_length": 9},
        {"no_repeat_ngram": 2},
        {"repetition_penalty": 1.8},
        {"repetition_penalty": 0.6, "no_repeat_ngram": 3},
    ],
)
def test_repetition_is_bounded_in_prompt_and_text(
    make_generator: MakeGenerator, bounds: dict[str, Any], decoding: Decoding
) -> None:
    unbounded = decoding.model_copy(update={"max_extra_length": 12})
    generator = make_generator(unbounded.model_copy(update=bounds))
    prompts = [*PROMPTS, "w04 w03 w04 w03"]
    found = generator.generate(prompts)
    expected = [plain_text(generator, each, line) for line, each in enumerate(prompts, start=1)]
    assert [each.strip() for each in found] == [each.strip() for each in expected]
    assert found != make_generator(unbounded).generate(prompts)


@pytest.mark.parametrize("decoding", [GREEDY, BeamSearch(beam=3), Sampling()])
def test_an_overflow_names_the_line(make_generator: MakeGenerator, decoding: Decoding) -> None:
    generator = make_generator(decoding)
    with torch.no_grad():
        for parameter in generator.model.parameters():  # type: ignore[attr-defined]
            parameter.mul_(1e30)
    with pytest.raises(DivergenceError, match=r"line 4\d: the network's output is not finite"):
        generator.generate_n_best(PROMPTS, 1, first_line=40)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-38, 1e-45, 1e-320])
def test_the_coldest_draws_are_greedy(make_generator: MakeGenerator, temperature: float) -> None:
    sampling = Sampling(temperature=temperature)
    drawn = make_generator(sampling.model_copy(update={"max_extra_length": 7})).generate(PROMPTS)
    assert drawn == make_generator(GREEDY).generate(PROMPTS)
