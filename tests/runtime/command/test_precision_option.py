"""`--precision`: what trained networks compute in, and what is written down of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from runtime.inference.load import load_as
from runtime.inference.translator import Translator
from runtime.run import Run
from runtime.scoring.losses import losses_of
from runtime.training.precision import autocast_of, compute_in, inference_precision

Command = Callable[..., Any]


class Results(TorchDispatchMode):
    """Notes the dtypes of all results; modules of a loaded network call no hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.dtypes.add(result.dtype)
        return result


@pytest.mark.parametrize("precision", [None, "float32", "bfloat16"])
def test_a_network_translates_in_its_precision(trained_run: Path, precision: Any) -> None:
    """On a CPU float32 is the default."""
    translator = load_as(
        Translator, Run.open(trained_run), device="cpu", precision=precision, workers=1
    )
    with Results() as results:
        assert len(translator.translate(["The dog sees the cat.", "A cat sleeps."])) == 2
    assert torch.float32 in results.dtypes
    assert (torch.bfloat16 in results.dtypes) == (precision == "bfloat16")


def test_scores_say_their_precision(specformer: Command, trained_run: Path) -> None:
    for precision in ("float32", "bfloat16"):
        ended = specformer("evaluate", trained_run, "--precision", precision, "--device", "cpu")
        assert ended.code == 0, ended.err
        report = json.loads((trained_run / "evaluation-test.json").read_text())
        assert report["precision"] == precision
        assert ("bfloat16 products" in ended.out) == (precision == "bfloat16")


def test_8_bits_and_bfloat16_exclude_each_other(specformer: Command, trained_run: Path) -> None:
    ended = specformer(
        *("evaluate", trained_run, "--int8", "--precision", "bfloat16", "--device", "cpu")
    )
    assert ended.code == 2
    assert "--int8" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.quick
def test_a_gpu_that_has_bfloat16_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, cpu = torch.device("cuda", 0), torch.device("cpu")
    for has_it, expected in ((True, "bfloat16"), (False, "float32")):
        answer = (expected, "")
        monkeypatch.setattr("runtime.training.precision._of_gpu", lambda _, found=answer: found)
        assert inference_precision(None, "auto", gpu) == expected
        assert inference_precision("float32", "auto", gpu) == "float32"
        assert inference_precision(None, "auto", cpu) == "float32", has_it


@pytest.mark.quick
def test_a_network_whose_spec_writes_float32_is_not_rounded_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr("runtime.training.precision._of_gpu", lambda _: ("bfloat16", ""))
    assert inference_precision(None, "float32", gpu) == "float32"
    assert inference_precision("bfloat16", "float32", gpu) == "bfloat16"
    assert inference_precision(None, "bfloat16", gpu) == "bfloat16"


@pytest.mark.quick
def test_a_network_without_a_choice_computes_in_float32() -> None:
    network = nn.Linear(3, 2)
    with autocast_of(network):
        assert network(torch.ones(1, 3)).dtype == torch.float32
    with autocast_of(compute_in(network, "bfloat16")):
        assert network(torch.ones(1, 3)).dtype == torch.bfloat16


def test_losses_of_both_precisions_are_near_each_other(trained_run: Path) -> None:
    from runtime.data.tasks import task_of

    run = Run.open(trained_run)
    task = task_of(run.package.spec)
    folder = trained_run.parent / "text-of-the-test"
    task.write("test", trained_run / "tokenizers", folder)
    examples = task.load(folder)
    whole, rounded = (
        losses_of(run, "test", examples, None, "cpu", precision).nll
        for precision in (None, "bfloat16")
    )
    assert whole != rounded
    np.testing.assert_allclose(rounded, whole, rtol=0.02)
