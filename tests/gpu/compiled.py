"""Count the kernels and bytes of compiled code: Inductor fuses the graph, and writes no program.

`counting` replaces `torch.compile` for a while. What the runtime compiles is traced on tensors
without data, with its backward pass, and both graphs go through Inductor's passes, lowering and
scheduler, as for a GPU. Each node of the schedule is a kernel, with the bytes that Inductor counts
for it; products and attention get their operations from their shapes, as outside of compiled code.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._functorch.aot_autograd import aot_function
from torch._functorch.partitioners import min_cut_rematerialization_partition
from torch._guards import detect_fake_mode
from torch._inductor import config, scheduler
from torch._inductor.compile_fx import _recursive_post_grad_passes
from torch._inductor.debug import DebugContext
from torch._inductor.decomposition import select_decomp_table
from torch._inductor.fx_passes import joint_graph
from torch._inductor.fx_passes.post_grad import view_to_reshape
from torch._inductor.graph import GraphLowering
from torch._inductor.ir import MultiOutput
from torch._inductor.scheduler import (
    ExternKernelSchedulerNode,
    FusedSchedulerNode,
    NopKernelSchedulerNode,
)
from torch._inductor.virtualized import V
from torch.fx import GraphModule
from torch.nn.utils import stateless
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch.utils.flop_counter import flop_registry

from tests.gpu.ledger import Cost, Counts, Ledger, attention, kernel

FUSED, PRODUCTS, ATTENTION = KINDS = ("fused kernels", "products", "fused attention")
"""The names of the kernels of compiled code in the counts."""


@dataclass(slots=True)
class Weights:
    """The model whose weights compiled functions use."""

    model: nn.Module | None = None


@contextmanager
def counting(ledger: Ledger) -> Iterator[Weights]:
    """Let `torch.compile` count into a ledger what it is given.

    The model must be named before what was compiled is called.
    """
    weights = Weights()

    def compile_(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        return _Counted(function, weights, ledger)

    with ExitStack() as stack:
        for place, name, substitute in (
            (torch, "compile", compile_),
            (scheduler, "has_triton", lambda *_: True),
            (joint_graph, "lazy_init", lambda *_, **__: None),
        ):
            stack.enter_context(mock.patch.object(place, name, substitute))
        stack.enter_context(config.patch(joint_graph_constant_folding=False))
        yield weights


class _Counted:
    """A function, traced for each shape of its arguments; each call is counted."""

    def __init__(self, function: Callable[..., Any], weights: Weights, ledger: Ledger) -> None:
        self._function, self._weights, self._ledger = function, weights, ledger

    def __call__(self, *args: Any) -> Any:
        assert self._weights.model is not None
        leaves, structure = tree_flatten(args)
        places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

        def pure(weights: dict[str, Tensor], tensors: list[Tensor]) -> Any:
            for place, tensor in zip(places, tensors, strict=True):
                leaves[place] = tensor
            assert self._weights.model is not None
            with stateless._reparametrize_module(self._weights.model, weights):
                return self._function(*tree_unflatten(leaves, structure))

        traced = aot_function(
            pure,
            fw_compiler=self._count,
            bw_compiler=self._count,
            partition_fn=_partition,
            decompositions=select_decomp_table(),
        )
        weights = dict(self._weights.model.named_parameters())
        before = self._ledger.restart()
        result = traced(weights, [leaves[place] for place in places])
        # What tracing has asked for is not done on the GPU: the forward pass alone is.
        ran = self._ledger.restart().by_op
        self._ledger.counts = before
        _note({kind: ran[kind] for kind in KINDS if kind in ran}, before)
        return result

    def _count(self, graph: GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        """Return a function that has the results of a graph, without values."""
        before = self._ledger.restart()
        costs = costs_of(graph, inputs)
        self._ledger.counts = before
        outputs = [getattr(each, "meta", {}).get("val") for each in _outputs(graph)]

        def run(_: list[Any]) -> list[Any]:
            _note(costs, self._ledger.counts)
            return [_like(each) for each in outputs]

        run._boxed_call = True  # type: ignore[attr-defined]
        return run


def _partition(graph: GraphModule, inputs: Any, **settings: Any) -> Any:
    with V.set_fake_mode(detect_fake_mode(inputs)):
        joint_graph.joint_graph_passes(graph)
    return min_cut_rematerialization_partition(graph, inputs, compiler="inductor", **settings)


def _outputs(graph: GraphModule) -> list[Any]:
    return list(next(iter(graph.graph.find_nodes(op="output"))).args[0])


def _like(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.size(), value.stride(), dtype=value.dtype, device=value.device)


def _note(costs: Mapping[str, Cost], counts: Counts) -> None:
    for kind, cost in costs.items():
        counts.note(kind, cost)


def costs_of(graph: GraphModule, inputs: list[Any]) -> dict[str, Cost]:
    """Return what Inductor would make of a graph on the GPU, by kind of kernel."""
    view_to_reshape(graph)
    costs: dict[str, Cost] = {}
    with V.set_fake_mode(detect_fake_mode(inputs)):
        _recursive_post_grad_passes(graph)
        lowering = GraphLowering(graph, example_inputs=inputs)
        with V.set_graph_handler(lowering), V.set_extern_kernel_nodes([]), DebugContext():
            lowering.run(*inputs)
            lowering.init_wrapper_code()
            lowering._update_scheduler()
            for node in lowering.scheduler.nodes:
                kind, cost = _cost_of_node(node)
                costs.setdefault(kind, Cost()).add(cost)
    return costs


def bytes_of_node(node: Any) -> int:
    """Return the bytes that Inductor counts for a node of the schedule.

    For a fused kernel it takes each tensor whole, if a part reads a few of its elements by number,
    too. For the parts by themselves it knows better: no more is moved than all of them move.
    """
    moved: dict[str, int] = node.get_read_write_buffer_accesses(True, True)
    if not isinstance(node, FusedSchedulerNode):
        return sum(moved.values())
    parts: Counter[str] = Counter()
    for part in node.get_nodes():
        parts.update(part.get_read_write_buffer_accesses(True, True))
    return sum(min(size, parts[name]) for name, size in moved.items())


def _origin(node: Any) -> Any:
    """Return the operation of the graph that a kernel of a library does; None if it has none.

    Inductor does not note it for an operation of several results, as attention is.
    """
    target = getattr(node, "op_overload", None)
    others = (each for each in node.get_origins() if each.target is target)
    return node.get_origin_node() or next(others, None)


def _cost_of_node(node: Any) -> tuple[str, Cost]:
    """Return kind and cost of a node of the schedule: a fused kernel, or one of a library."""
    if isinstance(node, NopKernelSchedulerNode) or isinstance(node.node, MultiOutput):
        return FUSED, Cost()
    moved = bytes_of_node(node)
    if not isinstance(node, ExternKernelSchedulerNode):
        return FUSED, kernel(moved, 0, is_low=True)
    origin = _origin(node.node)
    if origin is None:  # a view or a seed, which Inductor has added
        return FUSED, kernel(moved, 0, is_low=True) if moved else Cost()
    values = [getattr(each, "meta", {}).get("val", each) for each in origin.args]
    if (cost := attention(origin.target._schema.name.split("::")[1], values)) is not None:
        return ATTENTION, cost
    if origin.target._overloadpacket not in flop_registry:
        return FUSED, kernel(moved, 0, is_low=True)
    formula = flop_registry[origin.target._overloadpacket]
    operations = formula(*values, **origin.kwargs, out_val=origin.meta["val"])
    is_low = any(isinstance(each, Tensor) and each.dtype == torch.bfloat16 for each in values)
    return PRODUCTS, kernel(moved, operations, is_low)
