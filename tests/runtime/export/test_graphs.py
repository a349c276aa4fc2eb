"""Graphs of networks, for sizes other than those that they were recorded with."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from onnx import serialization

from compiler.analysis.refusals import is_traceable
from compiler.pipeline import compile_spec
from compiler.spec.library import library
from runtime.export.programs.graphs import Graph, Programs
from runtime.export.programs.onnx_graphs import onnx_model, rounded
from tests.support.functional import functional_of
from tests.support.graphs import Run, by_onnxruntime, by_torch, differences, largest

SMALL = ["model.vocabulary={size: 60}", "model.d_model=16"]
ATTENTION = ["model.attention={heads: 4}", "model.feed_forward.d_ff=24"]
ONE_LAYER = ["model.encoder.layers=1", "model.decoder.layers=1"]
Runner = Callable[[Sequence[Graph]], dict[str, Run]]
RECURRENT = ["model.decoder.recurrence={kind: lstm}", "model.decoder.block=[recurrence]"]
NO_POSITIONS = "model.embedding={position: none}"


def programs_of(name: str, settings: list[str], folder: Path) -> Programs:
    """Return the functions of tensors of a small network."""
    functional, model = functional_of(compile_spec(name, settings), folder)
    return Programs(model=model, functional=functional)


@torch.inference_mode()
def check(programs: Programs, graphs: dict[str, Run], bound: float) -> None:
    """Compare each graph at each size."""
    found = list(differences(programs, graphs, 60))
    assert len(found) >= 3
    assert max(found) <= bound


def test_graphs_have_the_numbers_of_the_network_at_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs of torch.export have the same numbers, those of ONNX nearly; ONNX has no paths."""
    programs = programs_of("demo", [*SMALL, *ATTENTION, *ONE_LAYER], tmp_path)
    graphs = list(programs.graphs())
    check(programs, by_torch(graphs), 0)
    check(programs, by_onnxruntime(graphs), 1e-5)
    model = onnx_model(graphs[1])
    assert str(tmp_path) not in str(model)
    (mask,) = (each for each in model.graph.input if each.name == "ancestry.mask")
    sizes = [each.dim_param for each in mask.type.tensor_type.shape.dim]
    assert sizes == ["batch", "parents", "slots"]
    whole = model.ByteSize()
    protobuf = type(serialization.registry.get("protobuf"))
    save = protobuf.serialize_proto

    def save_small(self: object, proto: Any) -> Any:
        assert proto.ByteSize() < 0.8 * whole  # as protobuf has a bound of 2 GB
        return save(self, proto)

    monkeypatch.setattr(protobuf, "serialize_proto", save_small)
    small = rounded(model, tmp_path)
    assert "MatMulInteger" in {each.op_type for each in small.graph.node}
    assert small.ByteSize() < whole


def test_a_learned_bias_on_scores_has_a_graph_of_onnx(tmp_path: Path) -> None:
    """A graph that is traced again meets the kernels of attention that it was recorded with."""
    programs = programs_of("relative", [*SMALL, *ATTENTION, *ONE_LAYER], tmp_path)
    start = next(programs.graphs())
    source = torch.randint(4, 60, (2, 5))
    with torch.inference_mode():
        expected = programs.functional.start(programs.model, source)
    found = by_onnxruntime([start])["start"]([source])
    assert largest(expected, found) <= 1e-5


@pytest.mark.slow
def test_few_positions_are_enough(tmp_path: Path) -> None:
    """The table ends before the usual sizes, and one length is the size of the batch."""
    few = ["data.max_length=3", "model.embedding.position={kind: learned, max_length: 3}"]
    package = compile_spec("learned-positions", [*SMALL, *ATTENTION, *ONE_LAYER, *few])
    functional, model = functional_of(package, tmp_path)
    programs = Programs(model=model, functional=functional, positions=3)
    graphs = {each.name: each.recorded.module() for each in programs.graphs()}
    with torch.inference_mode():
        for batch, length in ((1, 2), (4, 3), (2, 1)):
            source = torch.full((batch, length), 5)
            state = functional.start(model, source)
            assert largest(state, graphs["start"](source)) == 0
            given = (torch.full((batch, 2), 5), *state)
            assert largest(functional.prefill(model, *given), graphs["prefill"](*given)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("runner", [by_torch, by_onnxruntime])
@pytest.mark.parametrize("name", library())
def test_every_network_of_the_library_has_graphs(name: str, runner: Runner, tmp_path: Path) -> None:
    """Wide networks are made narrower; depth, kinds and masks stay."""
    package = compile_spec(name)
    if not is_traceable(package.model):
        assert name in ("gru", "lstm")
        return
    large = package.spec.model.d_model > 300
    settings = ["model.d_model=64", "model.feed_forward.d_ff=96"] if large else []
    bound = 1e-5 if runner is by_torch else 3e-5
    programs = programs_of(name, settings, tmp_path)
    check(programs, runner(list(programs.graphs())), bound)


@pytest.mark.slow
@pytest.mark.parametrize("runner", [by_torch, by_onnxruntime])
def test_steps_of_a_recurrence_have_graphs(runner: Runner, tmp_path: Path) -> None:
    programs = programs_of("language-model", [*SMALL, *RECURRENT, NO_POSITIONS], tmp_path)
    check(programs, runner(list(programs.graphs())), 1e-5)
