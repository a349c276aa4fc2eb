"""The estimates of `docs/gpu.md`: golden lines, of which the page is made."""

import os
import re
from pathlib import Path

import pytest

from compiler.page.markdown import table
from tests.gpu import golden
from tests.gpu.conftest import PretendedGpu

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"
PEAK = 990e12
"""Operations a second of dense bfloat16 products of an H100 or H200."""
SLOW = pytest.mark.slow
CASES = (
    pytest.param("transformer-base", "written"),
    pytest.param("transformer-base", "loss"),
    pytest.param("transformer-base", "padded", marks=SLOW),
    pytest.param("transformer-base", "packed", marks=SLOW),
    pytest.param("transformer-big", "written"),
    pytest.param("transformer-big", "loss"),
    pytest.param("transformer-big", "padded", marks=SLOW),
    pytest.param("transformer-big", "packed", marks=SLOW),
)
"""Features are compiled in half a minute, so these rows are left to `make test-all`."""
FORMS = {
    "written": "as written, padded",
    "loss": "output layer and loss compiled, padded",
    "padded": "network compiled too, padded",
    "packed": "network compiled too, packed",
}
BEFORE = {
    "transformer-base": (
        ("version 0.2, float32", "865", "141", "213", "4.4%"),
        ("version 0.2, bfloat16", "1165", "117", "42", "23%"),
    ),
    "transformer-big": (("version 0.2, bfloat16", "", "", "98", "33%"),),
}
"""Rows of the version before, by a prototype of this model, which are not counted anew."""
MOST_LOSS_BYTES = 8e9
HEADS = ("an update", "kernels", "GB", "ms", "of the peak")
TEXT = """\
# On a GPU: proved without one

No line of this page was measured on a GPU: we had none. What can be known without one is tested in
`tests/gpu`, with tensors that have no data, on a pretended device (without a C++ compiler the tests
are skipped). They show of every package of the library that update, evaluation and
decoding keep to the GPU, in float32 and bfloat16, and that an update never makes the host wait, but
for packages that a test names. `tests/gpu/golden.txt` holds kernels, bytes, kernels of attention.

## What an update costs, by a model
600 pairs of 41 tokens (24,600 on each side) on an H200. The runtime's own update is run; a kernel
takes the longest of its bytes at 4.3 TB/s, its operations at 65 % of 790 TFLOP/s (50 TFLOP/s in
float32), and 2.5 microseconds. Attention reaches half of the bandwidth and 30 % of the 790 TFLOP/s.
The share is of 990 TFLOP/s. What is compiled is counted by Inductor on the graph of the runtime's
own code, backward pass included: its passes, its fusions, its bytes. Recording an update as a CUDA
graph changes none of these figures: it spares the host. That a graph replays what it has recorded
can be seen on a GPU alone (`benchmarks/gpu.sh checks`). The rows of version 0.2 say what that
version took, by an earlier form of this model; they are not counted anew.

The goals, 35 % of the peak for base and 45 % for big, are not reached. 35 % would leave base
27.2 ms, of which matrix products alone take 18.1 and attention 2.5. About a third of the rest are
norms of the residual stream, which is float32 (forward 1.03 and backward 1.40 of about 7.2 ms of
fused kernels); in 16 bits it would take half, but round what every layer adds, which no spec asks
for. 45 % would leave big 71.5 ms, of which products take 61.5 and attention 5.
"""
CHOICES = """\
## Linear mixers
`kernel: fla` of `linear_attention`, `state_space` and `delta_net` hands whole texts, in training,
to the kernels of [flash-linear-attention](https://github.com/fla-org/flash-linear-attention) 0.4
(`chunk_gla`, `chunk_simple_gla`, `chunk_gated_delta_rule`) on a GPU where `pip install
flash-linear-attention` has been made; the package is no dependency. Elsewhere, in prefill and in
steps of decoding, plain PyTorch reads chunks. None of these kernels was run by us: the tests give
the generated code a package of that name whose functions are plain loops with the layouts and
arguments of 0.4, on tensors that say that they are on a GPU, and compare results
(`tests/compiler/helpers/test_scan_helpers.py`). The kernels leave the graph of `torch.compile`.

## What a run chooses
With `precision: auto`, the default, a GPU that has bfloat16 uses it: networks whose sentences can
be packed train on packed batches of one shape, recorded as a CUDA graph, others on padded batches
of at most 32 shapes. The line of a run that begins with its number of parameters says what was
chosen, whether the network is compiled and, on a GPU, which kernels compute attention.
`specformer explain` says what prevents packing, and what an update takes of each GPU's memory, in
parts. `training.recompute: layer` trades time for memory, and `torchrun ... --shard`
keeps weights in shares (FSDP2): [several GPUs](several_gpus.md). `torchrun` kills its processes 30
seconds after SIGTERM, in which a run saves its work; give slow disks `--shutdown-timeout 120`.
`benchmarks/gpu.sh` is what a GPU will be asked.
"""


@pytest.mark.parametrize(("name", "form"), CASES)
def test_estimate(gpu: PretendedGpu, name: str, form: str, request: pytest.FixtureRequest) -> None:
    counted = gpu.result("estimate", name, form)
    assert not counted["waits"]
    if (name, form) == ("transformer-base", "loss"):
        assert 0 < counted["loss"] <= MOST_LOSS_BYTES
    share = counted["operations"] / counted["seconds"] / PEAK
    said = f"{counted['kernels']} kernels, {counted['bytes'] / 1e9:.1f} GB, "
    said += f"{1e3 * counted['seconds']:.1f} ms, {share:.1%} of the peak"
    golden.check(f"roofline {name} {form}", said, request)


@pytest.mark.quick
def test_the_page_is_made_of_the_golden_lines(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "pytest tests/gpu --update-golden"


def page() -> str:
    """Return the page."""
    said, parts = golden.read(), [TEXT]
    for name, before in BEFORE.items():
        rows = list(before)
        for form, words in FORMS.items():
            if line := said.get(f"roofline {name} {form}"):
                rows.append((words, *re.findall(r"[\d.]+%?(?= )", line)))
        parts.append(f"**{name}**\n\n{table(HEADS, rows, right=range(1, len(HEADS)))}\n")
    return "\n".join((*parts, CHOICES))
