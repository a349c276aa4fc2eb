"""The output layer and its loss as one program: the same numbers, few passes over the logits."""

import copy
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.utils import detect_fake_mode

from compiler.pipeline import compile_spec
from runtime.package import TrainingModule, load_package
from runtime.training import output_layer
from runtime.training.output_layer import NO_LABEL, Loss, OutputLayer

# Dynamo makes an object of a function's class, at which torch itself warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")

WIDTH, OUTPUTS = 8, 50
SMOOTHED = "training.label_smoothing=0.1"
PLAIN = "training.label_smoothing=0"
COMPILE = torch.compile

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Inductor's own modules use what torch has deprecated
    from torch._inductor import compile_fx
    from torch._inductor.debug import DebugContext
    from torch._inductor.graph import GraphLowering
    from torch._inductor.virtualized import V


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget the programs of a test."""
    yield
    torch._dynamo.reset()


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], TrainingModule]:
    """recipe("smoothed") -> training.py; "fused" takes the loss that a GPU has."""

    def make(kind: str) -> TrainingModule:
        folder = tmp_path / kind
        compile_spec("demo", [PLAIN if kind == "plain" else SMOOTHED]).write(folder)
        module: Any = load_package(folder).training_module
        if kind == "fused":
            module.SmoothedCrossEntropy = module.FusedCrossEntropy
        return module

    return make


def weights(seed: int = 1) -> tuple[Tensor, Tensor]:
    """Return the weight and the bias of an output layer."""
    torch.manual_seed(seed)
    return torch.randn(OUTPUTS, WIDTH, requires_grad=True), torch.randn(OUTPUTS, requires_grad=True)


def projection(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda rows: F.linear(rows, weight, bias)


def all_of(layer: OutputLayer, parameters: tuple[Tensor, Tensor], count: int) -> list[Tensor]:
    """Return losses and all gradients for so many rows."""
    torch.manual_seed(count)
    rows, labels = torch.randn(count, WIDTH), torch.randint(OUTPUTS, (count,))
    found = layer.gradient(rows, labels, 1 / count, has_fillers=False)
    gradients = []
    for parameter in parameters:
        assert parameter.grad is not None
        gradients.append(parameter.grad)
        parameter.grad = None
    return [*found, *gradients]


@pytest.mark.parametrize(
    ("kind", "backend"),
    [
        *((kind, "aot_eager") for kind in ("smoothed", "fused", "plain")),
        *((kind, "inductor") for kind in ("fused", "plain")),
    ],
)
def test_the_program_gives_the_numbers_of_what_is_written(
    recipe: Callable[[str], TrainingModule],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    backend: str,
) -> None:
    programs: list[object] = []

    def compile_(function: Loss, **settings: Any) -> Any:
        programs.append(function)
        return COMPILE(function, backend=backend, **settings)

    monkeypatch.setattr(torch, "compile", compile_)
    parameters, loss = weights(), recipe(kind).loss
    written = OutputLayer(projection(*parameters), loss, is_compiled=False)
    program = OutputLayer(projection(*parameters), loss, is_compiled=True)
    assert len(programs) == 2
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*as they are written")
        for count in (5, 7, 64):
            expected, got = (all_of(each, parameters, count) for each in (written, program))
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["smoothed", "fused", "plain"])
def test_fillers_have_no_part_in_the_loss(
    recipe: Callable[[str], TrainingModule], kind: str
) -> None:
    parameters = weights()
    layer = OutputLayer(projection(*parameters), recipe(kind).loss, is_compiled=False)
    rows, labels = torch.randn(6, WIDTH), torch.randint(OUTPUTS, (6,))
    expected = layer.gradient(rows, labels, 0.5, has_fillers=False)
    gradients = [each.grad.clone() for each in parameters if each.grad is not None]
    for parameter in parameters:
        parameter.grad = None
    more = torch.cat((rows, torch.randn(3, WIDTH)))
    filled = F.pad(labels, (0, 3), value=NO_LABEL)
    losses, gradient = layer.gradient(more, filled, 0.5, has_fillers=True)
    torch.testing.assert_close(losses, expected[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient[:6], expected[1], rtol=1e-5, atol=1e-6)
    assert gradient[6:].eq(0).all()
    torch.testing.assert_close([each.grad for each in parameters], gradients)


@pytest.mark.quick
def test_what_cannot_be_compiled_runs_as_it_is_written(
    recipe: Callable[[str], TrainingModule],
) -> None:
    parameters, loss = weights(), recipe("plain").loss

    def broken(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        torch._dynamo.graph_break()
        return loss(logits, labels)

    layer = OutputLayer(projection(*parameters), broken, is_compiled=True)
    written = OutputLayer(projection(*parameters), loss, is_compiled=False)
    with pytest.warns(UserWarning, match="as they are written, not compiled"):
        got = all_of(layer, parameters, 5)
    torch.testing.assert_close(got, all_of(written, parameters, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        all_of(layer, parameters, 5)


@pytest.mark.quick
def test_memory_that_is_lacking_is_no_fault_of_the_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Tensor) -> tuple[Tensor, Tensor]:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    layer = OutputLayer(projection(*weights()), fail, is_compiled=True)
    monkeypatch.setattr(warnings, "warn", None)  # a message would say something else
    with pytest.raises(torch.OutOfMemoryError):
        all_of(layer, weights(), 5)


@pytest.mark.quick
def test_chunks_of_a_gpu_are_as_large_as_memory_for_logits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = OutputLayer(projection(*weights()), F.cross_entropy, is_compiled=False)  # type: ignore[arg-type]
    monkeypatch.setattr(output_layer, "LOGITS_BYTES", 4 * OUTPUTS * 10)
    rows, labels = torch.zeros(25, WIDTH), torch.zeros(25, dtype=torch.int64)
    assert [len(chunk) for chunk, _ in layer.chunks(rows, labels, is_bfloat16=False)] == [25]
    monkeypatch.setattr(layer, "_count_outputs", lambda _: OUTPUTS)
    chunks = layer.chunks(rows.to("meta"), labels.to("meta"), is_bfloat16=False)
    assert [len(chunk) for chunk, _ in chunks] == [9, 9, 7]


@pytest.mark.quick
@pytest.mark.parametrize("is_bfloat16", [False, True])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_a_program_has_room_for_twice_as_many_bfloat16_logits(
    monkeypatch: pytest.MonkeyPatch, is_compiled: bool, is_bfloat16: bool
) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    layer = OutputLayer(projection(*weights()), F.cross_entropy, is_compiled=is_compiled)  # type: ignore[arg-type]
    monkeypatch.setattr(output_layer, "LOGITS_BYTES", 4 * OUTPUTS * 10)
    monkeypatch.setattr(layer, "_count_outputs", lambda _: OUTPUTS)
    rows = torch.zeros(25, WIDTH, device="meta")
    labels = torch.zeros(25, dtype=torch.int64, device="meta")
    chunks = layer.gradient_chunks(rows, labels, is_bfloat16=is_bfloat16, has_fillers=False)
    expected = [13, 12] if is_compiled and is_bfloat16 else [9, 9, 7]
    assert [len(chunk) for chunk, _ in chunks] == expected


def passes_over_logits(loss: Loss, rows: Tensor, weight: Tensor, labels: Tensor) -> float:
    """Return how often Inductor's kernels, products aside, move all bfloat16 logits, both ways."""
    moved: list[int] = []

    def count(graph: Any, inputs: Any, **_: Any) -> Any:
        written, mode = copy.deepcopy(graph), detect_fake_mode(inputs)
        assert mode is not None
        compile_fx.view_to_reshape(graph)
        compile_fx.record_original_output_strides(graph)
        with V.set_fake_mode(mode):
            compile_fx._recursive_post_grad_passes(graph)
            lowering = GraphLowering(graph, shape_env=mode.shape_env)
            with V.set_graph_handler(lowering), DebugContext():
                lowering.run(*inputs)
                lowering._update_scheduler()
                _, nodes, _ = lowering.count_bytes()
        moved.extend(4 * size for node, size in nodes if not node.is_extern())
        return make_boxed_func(written.forward)

    def losses(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return loss(F.linear(rows, weight), labels)

    backend = partial(compile_fx.compile_fx, inner_compile=count)
    program = COMPILE(losses, dynamic=True, fullgraph=True, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        smoothed, _ = program(rows, labels)
    (smoothed * 0.1).backward()
    return sum(moved) / (2 * len(labels) * len(weight))


MOST_BYTES = 8e9
BASE_LABELS, BASE_VOCABULARY = 24_600, 37_000


@pytest.mark.parametrize("kind", ["fused", "plain"])
def test_the_loss_of_base_moves_at_most_8_gigabytes(
    recipe: Callable[[str], TrainingModule], kind: str
) -> None:
    """Counted by Inductor on a smaller graph of the same form, whose projection is narrow."""
    rows = torch.randn(256, WIDTH, requires_grad=True)
    weight = torch.randn(4096, WIDTH, requires_grad=True)
    passes = passes_over_logits(recipe(kind).loss, rows, weight, torch.randint(4096, (256,)))
    assert passes * 2 * BASE_LABELS * BASE_VOCABULARY <= MOST_BYTES


def test_chunks_are_found_for_features_in_bfloat16() -> None:
    """A network that ends without a norm gives them, while its weights are float32."""
    with torch.device("meta"):
        weight, rows = torch.empty(OUTPUTS, WIDTH), torch.empty(7, WIDTH, dtype=torch.bfloat16)
        labels = torch.empty(7, dtype=torch.int64)
    layer = OutputLayer(
        lambda features: F.linear(features, weight),
        lambda logits, _: (logits.sum(), logits.sum()),
        is_compiled=False,
    )
    assert [len(part) for part, _ in layer.chunks(rows, labels, is_bfloat16=False)] == [7]
