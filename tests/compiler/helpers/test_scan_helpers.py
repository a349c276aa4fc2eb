"""Recurrences in chunks against plain loops over positions, in float32."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.helpers import rendered, renders, replaced

pytestmark = pytest.mark.quick

BATCH, HEADS, D_K, D_V = 2, 3, 4, 5
LENGTHS = (1, 2, 63, 64, 65, 130)
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
READERS = {"read_by_head": 1, "read_by_number": D_K}
"""Of each function that reads a chunk, the width of its decays."""
SCANS = ("read_in_chunks", "read_both_ways", "read_after", "MatrixState")


def helpers() -> Any:
    return rendered(*SCANS, *READERS)


def inputs(length: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, values and decays, some of which forget all that was."""
    generator = torch.Generator().manual_seed(length)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    rows = (BATCH, HEADS, length)
    decay = -5 * torch.rand(*rows, width, generator=generator) ** 4
    return random(*rows, D_K) / D_K**0.5, random(*rows, D_K), random(*rows, D_V), decay


def loop(query: Tensor, key: Tensor, value: Tensor, decay: Tensor) -> tuple[Tensor, Tensor]:
    """S_t = diag(a_t) S_(t-1) + k_t v_t^T, and S_t^T q_t, position by position in float64."""
    query, key, value, decay = (each.double() for each in (query, key, value, decay))
    state, rows = torch.zeros(BATCH, HEADS, D_K, D_V, dtype=torch.float64), []
    for t in range(query.size(2)):
        state = decay[:, :, t, :, None].exp() * state
        state = state + key[:, :, t, :, None] * value[:, :, t, None]
        rows.append((query[:, :, t, None] @ state).squeeze(2))
    return torch.stack(rows, dim=2).float(), state.float()


@renders("read_in_chunks", "read_after", *READERS)
@pytest.mark.parametrize("chunk", [1, 5, 16])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", READERS)
def test_chunks_are_the_plain_loop(name: str, length: int, chunk: int) -> None:
    """Also of lengths that no chunk divides, and with chunks of one position."""
    known, given = helpers(), inputs(length, READERS[name])
    got = known.read_in_chunks(getattr(known, name), chunk, *given)
    for one, other in zip(got, loop(*given), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


@renders("MatrixState")
@pytest.mark.parametrize("first", [0, 1, 40])
@pytest.mark.parametrize("name", READERS)
def test_steps_are_the_plain_loop(name: str, first: int) -> None:
    """After a prefill of some positions, or none; of the state, one matrix is kept."""
    known, given = helpers(), inputs(65, READERS[name])
    expected, last = loop(*given)
    state = known.MatrixState(getattr(known, name), 16)
    if first:
        got = state.fill(*(each[:, :, :first] for each in given))
        torch.testing.assert_close(got, expected[:, :, :first], **CLOSE)
    parent = torch.zeros(BATCH, 1, dtype=torch.long)
    for t in range(first, 65):
        got = state.advance(*(each[:, :, t : t + 1] for each in given), parent)
        torch.testing.assert_close(got, expected[:, :, t : t + 1], **CLOSE)
    torch.testing.assert_close(state.matrix, last.unsqueeze(1), **CLOSE)


@renders("MatrixState")
def test_hypotheses_go_on_from_their_parents() -> None:
    known, given = helpers(), inputs(2, 1)
    state = known.MatrixState(known.read_by_head, 16)
    wide = [each.transpose(1, 2).expand(-1, 2, -1, -1).transpose(1, 2) for each in inputs(1, 1)]
    state.advance(*wide, torch.zeros(BATCH, 2, dtype=torch.long))
    before = state.matrix.clone()
    parent = torch.tensor([[1, 1], [0, 1]])
    state.advance(*given, parent)
    decay, key, value = (given[n].transpose(1, 2)[..., None] for n in (3, 1, 2))
    chosen = before[torch.arange(BATCH)[:, None], parent]
    torch.testing.assert_close(state.matrix, chosen * decay.exp() + key * value.mT)
    state.keep(torch.tensor([1]))
    assert state.matrix.shape == (1, 2, HEADS, D_K, D_V)


@renders("read_both_ways")
@pytest.mark.parametrize("name", READERS)
def test_both_ways_are_two_loops_over_each_text_alone(name: str) -> None:
    known, given, lengths = helpers(), inputs(40, READERS[name]), (40, 23)
    real = (torch.arange(40) < torch.tensor(lengths)[:, None])[:, None, None]
    got = known.read_both_ways(known.read_in_chunks, getattr(known, name), 16, *given, real)
    for row, length in enumerate(lengths):
        text = tuple(each[:, :, :length] for each in given)
        forth, _ = loop(*text)
        back, _ = loop(*(each.flip(2) for each in text))
        torch.testing.assert_close(got[row, :, :length], (forth + back.flip(2))[row], **CLOSE)


@renders("read_after")
def test_a_state_is_read_in_float32_at_least() -> None:
    known = helpers()
    given = tuple(each.bfloat16() for each in inputs(7, 1))
    with torch.autocast("cpu", torch.bfloat16):
        mixed, state = known.read_in_chunks(known.read_by_head, 16, *given)
    assert (mixed.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    expected, _ = loop(*given)
    torch.testing.assert_close(mixed.float(), expected, rtol=0.01, atol=0.01)


KERNELS = {
    "read_by_simple_gla": ("read_by_head", "simple_gla.chunk_simple_gla", 1),
    "read_by_gla": ("read_by_number", "gla.chunk_gla", D_K),
    "read_by_gated_delta_rule": (
        "read_by_delta_rule",
        "gated_delta_rule.chunk_gated_delta_rule",
        1,
    ),
}
"""Of each function that may read by a kernel, the one that reads a chunk, the kernel and the width
of its decays.
"""


def install_kernels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Install a package `fla` whose kernels are plain loops with the signatures of version 0.4,
    and return the names of those that were called.
    """
    called: list[str] = []

    def turned(*tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(each.transpose(1, 2) for each in tensors)

    def gla(q: Any, k: Any, v: Any, g: Any, *, scale: float, output_final_state: bool) -> Any:
        called.append("gla.chunk_gla")
        assert (q.dtype, k.dtype, v.dtype, g.dtype) == (*(q.dtype,) * 3, torch.float32)
        mixed, state = loop(*turned(q * scale, k, v, g))
        return mixed.transpose(1, 2), state if output_final_state else None

    def simple_gla(q: Any, k: Any, v: Any, g: Any, **others: Any) -> Any:
        called.append("simple_gla.chunk_simple_gla")
        return gla(q, k, v, g[..., None], **others)

    def delta_rule(q: Any, k: Any, v: Any, g: Any, beta: Any, *, scale: float, **_: Any) -> Any:
        called.append("gated_delta_rule.chunk_gated_delta_rule")
        assert q.dtype != torch.float32
        rows = turned(q * scale, k, v, g[..., None], beta[..., None])
        return delta_loop(*rows).transpose(1, 2), None

    functions = {"chunk_gla": gla, "chunk_simple_gla": simple_gla}
    functions["chunk_gated_delta_rule"] = delta_rule
    for name in ("", ".ops", ".ops.gla", ".ops.simple_gla", ".ops.gated_delta_rule"):
        module = ModuleType(f"fla{name}")
        module.__spec__ = ModuleSpec(module.__name__, None)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return called


@renders("fla_kernel", "run_kernel", *KERNELS)
@pytest.mark.parametrize("name", KERNELS)
def test_a_gpu_reads_by_a_kernel_where_there_is_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With layouts and arguments of the kernel; no kernel itself is tried."""
    reader, kernel, width = KERNELS[name]
    known = rendered(*SCANS, reader, name)
    query, key, value, decay = inputs(37, width)
    given = (query, F.normalize(key, dim=-1), value, decay)
    if reader == "read_by_delta_rule":
        given = (*given, torch.rand(BATCH, HEADS, 37, 1))
    run, read = getattr(known, name), getattr(known, reader)
    expected, _ = known.read_in_chunks(read, 16, *given)
    called = install_kernels(monkeypatch)
    torch.testing.assert_close(run(read, 16, *given)[0], expected, rtol=0.0, atol=0.0)
    assert not called  # on a CPU
    monkeypatch.setattr(Tensor, "is_cuda", True)
    if reader == "read_by_delta_rule":
        torch.testing.assert_close(run(read, 16, *given)[0], expected, rtol=0.0, atol=0.0)
        assert not called  # the kernel refuses float32
        half = (*(each.bfloat16() for each in given[:3]), *given[3:])
        torch.testing.assert_close(run(read, 16, *half)[0].float(), expected, rtol=0.1, atol=0.1)
    else:
        torch.testing.assert_close(run(read, 16, *given)[0], expected, **CLOSE)
    assert called[0] == kernel
    known.fla_kernel.cache_clear()
    monkeypatch.delitem(sys.modules, "fla")
    replaced(known, find_spec=lambda _: None)
    torch.testing.assert_close(run(read, 16, *given)[0], expected, rtol=0.0, atol=0.0)


@renders("fixed_decay", "gated_decay")
def test_decays() -> None:
    known = rendered("fixed_decay", "gated_decay")
    got = known.fixed_decay(torch.zeros(2, 3, 7, 4)).exp()
    expected = torch.tensor([1 - 2**-5, 1 - 2**-6, 1 - 2**-7]).view(3, 1, 1).expand(2, 3, 7, 1)
    torch.testing.assert_close(got, expected)
    x = torch.tensor([-1000.0, -3.0, 0.0, 1000.0])
    expected = torch.tensor([-5.0, 0.0, 0.0, 0.0])
    expected[1:] = torch.sigmoid(x[1:]).pow(1 / 16).log()
    torch.testing.assert_close(known.gated_decay(x), expected)


def delta_loop(*given: Tensor) -> Tensor:
    """S_t = a_t (I - b_t k_t k_t^T) S_(t-1) + b_t k_t v_t^T, position by position in float64."""
    query, key, value, decay, rate = (each.double() for each in given)
    state, rows = torch.zeros(BATCH, HEADS, D_K, D_V, dtype=torch.float64), []
    for t in range(query.size(2)):
        k, v, b = key[:, :, t, :, None], value[:, :, t, None], rate[:, :, t, None]
        state = decay[:, :, t, :, None].exp() * state
        state = state + b * k * (v - k.mT @ state)
        rows.append((query[:, :, t, None] @ state).squeeze(2))
    return torch.stack(rows, dim=2).float()


@renders("read_by_delta_rule", "unit_length")
@pytest.mark.parametrize("chunk", [1, 5, 64])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_delta_rule_is_the_plain_loop(length: int, chunk: int) -> None:
    """At once, and step by step."""
    known = rendered(*SCANS, "read_by_delta_rule", "unit_length")
    query, key, value, decay = inputs(length, 1)
    key = known.unit_length(key)
    ones = torch.ones(BATCH, HEADS, length)
    torch.testing.assert_close(key.norm(dim=-1), ones, rtol=0.0, atol=1e-4)
    given = (query, key, value, decay, torch.rand(BATCH, HEADS, length, 1))
    expected = delta_loop(*given)
    got, _ = known.read_in_chunks(known.read_by_delta_rule, chunk, *given)
    torch.testing.assert_close(got, expected, **CLOSE)
    state, parent = known.MatrixState(known.read_by_delta_rule, chunk), torch.zeros(BATCH, 1).long()
    steps = zip(*(each.split(1, dim=2) for each in given), strict=True)
    stepped = torch.cat([state.advance(*each, parent) for each in steps], dim=2)
    torch.testing.assert_close(stepped, expected, **CLOSE)


@renders("step_biases", "log_counts", "step_size", "step_decay", "add_skip")
def test_steps_of_a_state_space() -> None:
    known = rendered("step_biases", "log_counts", "step_size", "step_decay", "add_skip")
    biases = known.step_biases(1000)
    steps = F.softplus(biases)
    assert 0.9e-3 < steps.min() < 1.5e-3
    assert 0.07 < steps.max() < 0.11
    torch.testing.assert_close(known.log_counts(3).exp(), torch.tensor([1.0, 2.0, 3.0]))
    x = torch.randn(2, 7, 3)
    step = known.step_size(x, biases[:3])
    torch.testing.assert_close(step, F.softplus(x + biases[:3]))
    heads = step.transpose(1, 2)[..., None]
    decay = known.step_decay(heads, known.log_counts(3))
    torch.testing.assert_close(decay, -heads * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1))
    mixed, value, weight = torch.randn(2, 3, 7, 4), torch.randn(2, 3, 7, 4), torch.randn(3)
    got = known.add_skip(mixed, value, weight)
    torch.testing.assert_close(got, mixed + value * weight.view(3, 1, 1))


@renders("GroupRMSNorm")
def test_a_norm_of_groups_is_one_of_each() -> None:
    norm, x = rendered("GroupRMSNorm").GroupRMSNorm(6, 2, 1e-5), torch.randn(2, 7, 6)
    with torch.no_grad():
        norm.weight.normal_()
    parts = [F.rms_norm(each, (3,), eps=1e-5) for each in x.chunk(2, dim=-1)]
    torch.testing.assert_close(norm(x), torch.cat(parts, dim=-1) * norm.weight)
