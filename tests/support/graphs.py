"""Graphs of a network, run at sizes that they were not recorded with."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from runtime.export.programs.graphs import Graph, Programs
from tests.support.functional import LENGTHS, random_inputs

SHAPES = ((1, 1), (2, 4), (5, 2))
"""Sizes of batches and of beams."""
BEAMS_OF_STEPS = 4
Run = Callable[[Sequence[Tensor]], Sequence[Tensor]]


def largest(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Return the largest difference of tensors of equal shapes."""
    assert [each.shape for each in ours] == [each.shape for each in theirs]
    pairs = zip(ours, theirs, strict=True)
    found = [one.double() - other.double() for one, other in pairs if one.numel()]
    return max((float(each.abs().max()) for each in found), default=0.0)


def differences(programs: Programs, graphs: dict[str, Run], vocabulary: int) -> Iterator[float]:
    """Yield how far what graphs return is from what the functions of tensors do.

    The first step of each text has no slots and one hypothesis; others change their parents.
    """
    functional, model = programs.functional, programs.model
    for batch, beam in SHAPES:
        first = "start" if programs.decodes else "forward"
        read = tuple(random_inputs(functional, first, vocabulary, batch).values())
        read = tuple(each[:, : LENGTHS["source"] - batch] for each in read)
        expected = getattr(functional, first)(model, *read)
        expected = expected if programs.decodes else (expected,)
        yield largest(expected, graphs[first](read))
        if not programs.decodes:
            continue
        state = dict(zip(programs.state, expected, strict=True))
        if "prefill" in graphs:
            (text,) = random_inputs(functional, "prefill", vocabulary, batch).values()
            given = (text[:, : 1 + batch], *state.values())
            yield largest(functional.prefill(model, *given), graphs["prefill"](given))
        former = 1
        for number in range(BEAMS_OF_STEPS):
            now = beam if number else 1
            token = torch.randint(4, vocabulary, (batch, now))
            parent = torch.randint(0, former, (batch, now))
            given = (token, parent, torch.tensor(number), *state.values())
            expected, former = functional.step(model, *given), now
            yield largest(expected, graphs["step"](given))
            state |= dict(zip(programs.changed, expected[1:], strict=True))


def by_torch(graphs: Sequence[Graph]) -> dict[str, Run]:
    """Return the graphs as programs of torch.export."""

    def runner(graph: Graph) -> Run:
        module = graph.recorded.module()

        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            found = module(*inputs)
            return (found,) if isinstance(found, Tensor) else found

        return run

    return {each.name: runner(each) for each in graphs}


def by_onnxruntime(graphs: Sequence[Graph]) -> dict[str, Run]:
    """Return the graphs as sessions of onnxruntime; prompts are read by steps."""
    import onnxruntime

    from runtime.export.programs.onnx_graphs import onnx_model

    def runner(graph: Graph) -> Run:
        content = onnx_model(graph).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            given = dict(zip(graph.inputs, (each.numpy() for each in inputs), strict=True))
            return [torch.from_numpy(np.asarray(each)) for each in session.run(None, given)]

        return run

    return {each.name: runner(each) for each in graphs if each.name != "prefill"}
