"""Steps as a GPU takes them: fixed shapes and places, one question in several steps."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from compiler.spec.decoding import BeamSearch, Sampling
from runtime.inference import beam_search, sampling, stepper
from runtime.inference.network import NotFinite, read_all_but_last
from runtime.inference.sampling import Sampler
from runtime.inference.stepper import FixedStep, Stepper, tensors_of
from tests.compiler.test_prefill import LAYERS, model_of, spec
from tests.runtime.inference.test_beam_search import DECODINGS, RARE_END, sources
from tests.support.search import beam_search as search

Build = Callable[..., Any]

BEAM, PROMPT, STEPS, AHEAD = 3, 5, 24, 8


@pytest.fixture
def asynchronous(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """asynchronous() -> from now on the CPU is taken for a device that the host must wait for."""

    def begin() -> None:
        for module in (stepper, beam_search, sampling):
            monkeypatch.setattr(module, "is_asynchronous", lambda _: True)

    return begin


@pytest.mark.quick
@pytest.mark.parametrize("kind", LAYERS)
@torch.no_grad()
def test_fixed_steps_compute_the_same(
    kind: str, tmp_path: Path, asynchronous: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For more steps than the first buffers have room for, and with texts that leave."""
    monkeypatch.setattr(stepper, "STEPS_AHEAD", AHEAD)
    model = model_of(spec(LAYERS[kind]), tmp_path)
    prompt = torch.randint(4, 50, (4, PROMPT))
    expected = list(steps_of(model, prompt))
    asynchronous()
    for got, wanted in zip(steps_of(model, prompt), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def steps_of(model: Any, prompt: Tensor) -> Iterator[Tensor]:
    """Yield the logits of random hypotheses of the prompts, two of which leave on the way."""
    draw = torch.Generator().manual_seed(1)
    state = model.start(prompt)
    read_all_but_last(model, state, prompt)
    steps, batch = Stepper(model, state, PROMPT - 1), len(prompt)
    yield steps(prompt[:, -1:], torch.zeros(batch, 1, dtype=torch.long)).clone()
    for number in range(STEPS):
        if number in (6, 19):
            batch -= 1
            steps.keep(torch.arange(batch))
        token = torch.randint(4, 50, (batch, BEAM), generator=draw)
        parent = torch.randint(0, BEAM if number else 1, (batch, BEAM), generator=draw)
        yield steps(token, parent).clone()


@pytest.mark.quick
@torch.no_grad()
def test_the_keys_of_a_source_are_gathered_once(tiny_model: Build) -> None:
    model, source = tiny_model(), sources(13, [3, 5])
    before, state = (model.start(source) for _ in range(2))
    assert not all(tensor.is_contiguous() for _, _, tensor in tensors_of(before))
    Stepper(model, state, 0)
    for (_, _, got), (_, _, expected) in zip(tensors_of(state), tensors_of(before), strict=True):
        assert got.is_contiguous()
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


@torch.no_grad()
def test_a_fixed_step_moves_no_tensor(tiny_model: Build, asynchronous: Callable[[], None]) -> None:
    """A replayed graph reads and writes the addresses of its capture."""
    asynchronous()
    model = tiny_model()
    state = model.start(sources(13, [3, 5]))
    steps = Stepper(model, state, 0)
    token = torch.tensor([[5, 6], [7, 8]])
    steps(token[:, :1], torch.zeros(2, 1, dtype=torch.long))
    steps(token, torch.zeros(2, 2, dtype=torch.long))
    steps(token, torch.zeros(2, 2, dtype=torch.long))
    assert isinstance(steps.fixed, FixedStep)
    places = [(tensor.data_ptr(), tensor.shape) for _, _, tensor in stepper.tensors_of(state)]
    values = [tensor.clone() for _, _, tensor in stepper.tensors_of(state)]
    steps(token, torch.tensor([[1, 0], [0, 0]]))
    after = list(stepper.tensors_of(state))
    assert [(tensor.data_ptr(), tensor.shape) for _, _, tensor in after] == places
    assert any(not new.equal(old) for (_, _, new), old in zip(after, values, strict=True))


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
def test_a_search_that_asks_seldom_finds_the_same(
    tiny_model: Build, decoding: BeamSearch, asynchronous: Callable[[], None]
) -> None:
    model = tiny_model(seed=1, bias=RARE_END)
    source, limits = sources(13, [3, 7, 0, 5, 1, 6]), [6, 9, 4, 8, 12, 3]
    n_best = min(decoding.beam, 3)
    expected = search(model, source, limits, decoding, n_best=n_best)
    asynchronous()
    found = search(model, source, limits, decoding, n_best=n_best)
    for row, other in zip(found, expected, strict=True):
        assert [each.tokens for each in row] == [each.tokens for each in other]


@torch.inference_mode()
def drawn(model: Any, settings: Sampling, limits: list[int]) -> list[tuple[int, ...]]:
    source = sources(13, [3, 7, 2, 5])
    text = torch.full((4, 1), 2)
    found = Sampler(settings).decode(model, model.start(source), text, limits, lines=[1, 2, 3, 4])
    return [each.tokens for (each,) in found]


@pytest.mark.parametrize("limits", [[9, 4, 0, 12], [0, 0, 0, 0], [1, 1, 1, 1], [30, 2, 2, 2]])
def test_texts_that_are_drawn_are_the_same(tiny_model: Build, limits: list[int]) -> None:
    model = tiny_model(seed=1, bias={3: 1.0})
    for settings in (Sampling(), Sampling(no_repeat_ngram=2, min_length=3)):
        expected = drawn(model, settings, limits)
        with pytest.MonkeyPatch.context() as patch:
            for module in (stepper, sampling):
                patch.setattr(module, "is_asynchronous", lambda _: True)
            assert drawn(model, settings, limits) == expected
        assert all(len(text) <= limit for text, limit in zip(expected, limits, strict=True))


def test_a_number_that_is_none_is_told_though_seldom_asked_for(
    tiny_model: Build, asynchronous: Callable[[], None]
) -> None:
    asynchronous()
    model = tiny_model(bias={5: float("nan")})
    with pytest.raises(NotFinite) as caught:
        search(model, sources(13, [3, 5]), [6, 9], BeamSearch(beam=2))
    assert caught.value.row == 0


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a GPU: numbers asked for, and numbers sent."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "bincount", "lift_fresh")

    def __init__(self) -> None:
        super().__init__()
        self.count, self.of_steps = 0, list[int]()

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        indices = args[1] if name in ("index", "index_put_", "index_put") else ()
        is_bool = any(each is not None and each.dtype == torch.bool for each in indices)
        self.count += name in self.ASKING or is_bool
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("between", [1, 4])
@pytest.mark.parametrize("kind", ["greedy", "beam", "sample"])
def test_the_host_waits_once_a_step_at_most(
    tiny_model: Build,
    kind: str,
    between: int,
    asynchronous: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asynchronous()
    waits, step, tolist = Waits(), Stepper.__call__, Tensor.tolist

    def counted(self: Stepper, *given: Tensor) -> Tensor:
        waits.of_steps.append(waits.count)
        return step(self, *given)

    def asked(self: Tensor) -> Any:
        waits.count += 1
        return tolist(self)

    monkeypatch.setattr(Stepper, "__call__", counted)
    monkeypatch.setattr(Tensor, "tolist", asked)
    monkeypatch.setattr(stepper, "STEPS_BETWEEN_LOOKS", between)
    model = tiny_model(seed=1, bias=RARE_END)
    with waits:
        if kind == "sample":
            drawn(model, Sampling(min_length=6), [20, 12, 9, 20])
        else:
            decoding = BeamSearch(beam=1 if kind == "greedy" else 4, min_length=6)
            search(model, sources(13, [3, 7, 2, 5]), [20, 12, 9, 20], decoding)
    of_each = [after - before for before, after in pairwise(waits.of_steps)]
    assert len(of_each) >= 6
    assert max(of_each) <= 1
    assert sum(of_each) <= len(of_each) / between + 1
    assert waits.count - waits.of_steps[0] >= 1, "the counter sees nothing"
