"""`docs/parity.md`: what came of the comparisons with other people's models."""

import math
import os
import re
from pathlib import Path

import pytest

from compiler.page.markdown import table
from compiler.spec.spec import Spec
from tests.parity.comparison import MODELS, Comparison, compare
from tests.parity.importing import HERE, map_file

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "parity.md"
HEAD = """# Parity

Our networks against other people's, small and with weights at random (`transformers` 5.24,
`torch.nn`). There is no code for any of them: a spec compiles, and a map of names brings the
weights. Made by the tests in `tests/parity/`, which demand that logits differ by less than 1e-5 in
float32, with padding, and that both write the same tokens greedily, ours step by step.

*Largest difference*: of a logit, a power of ten that no machine which made this page has exceeded.
*Greedy tokens*: how many were compared; none is chosen twice, since models with weights at random
repeat themselves.
"""
HEADS = (
    *("model", "task", "what it tries", "parameters", "largest difference", "greedy tokens"),
    *("spec", "map"),
)
TAIL = """
## What cannot be said

| model | because it has |
| --- | --- |
| ALBERT, ELECTRA | positions, segments and a norm in the narrow width of the tables |
| BigBird, Longformer, LED, LongT5 beyond windows | global tokens of their own, random blocks |
| BitNet | norms within sub-layers, before their last map |
| ConvBERT, SqueezeBERT | convolutions beside attention's heads, or in groups in place of maps |
| FNet, Funnel, Nystromformer, Reformer | other means than attention by which positions meet |
| Gemma 3n | embeddings for each layer |
| LayoutLM with boxes, RoCBert with shapes | further inputs for each token |
| MobileBERT, X-MOD | narrow layers within layers, networks for each language |
| PhiMoE | experts chosen by a threshold of scores |
| ProphetNet, XLNet | several streams through the same layers |
| UltraBERT | two layers before the output of a masked language model |
| DeBERTa | scores of contents against positions |
| Mamba | a decay of its own for each number of a state |
| Kolibri | a correction that is added to scores of experts, before their sigmoid |
| OLMo Hybrid | rates of the delta rule up to 2, and norms before some layers and after others |
| dynamic NTK | angles that depend on how long a text becomes |
"""


def test_is_up_to_date(request: pytest.FixtureRequest) -> None:
    text = "\n".join((HEAD, table(HEADS, [row(compare(name)) for name in MODELS]), TAIL))
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        PAGE.write_text(text, encoding="utf-8")
    assert without_differences(PAGE.read_text("utf-8")) == without_differences(text)


def row(comparison: Comparison) -> tuple[str, ...]:
    model, _, tries = comparison.spec.summary.partition(", ")
    measured = f"1e{math.ceil(math.log10(max(comparison.difference, 1e-9))):03d}"
    difference = max(measured, bounds().get(model, measured), key=float)
    tokens = str(sum(map(len, comparison.ours)) or "")
    files = (linked(HERE / comparison.name / "spec.yaml"), linked(map_file(comparison.name)))
    cells = (model, task(comparison.spec), tries, f"{comparison.parameters:,}", difference, tokens)
    return *cells, *files


def bounds() -> dict[str, str]:
    """The differences that the page has: they hold until a machine exceeds them."""
    return dict(re.findall(r"^\| ([^|]+) \|.* \| (1e-\d\d) \|", PAGE.read_text("utf-8"), re.M))


def task(spec: Spec) -> str:
    return spec.task.replace("_", " ")


def linked(file: Path) -> str:
    """A link to a file, with its length."""
    lines = len(file.read_text("utf-8").splitlines())
    return f"[{lines} lines](../{file.resolve().relative_to(ROOT).as_posix()})"


def without_differences(text: str) -> str:
    """They depend on the machine."""
    return re.sub(r"\| 1e-\d\d \|", "| |", text)
