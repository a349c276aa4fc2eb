"""Trainings with packed batches, on a CPU through the plain form of their attention."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compiler.pipeline import compile_spec
from runtime.data.batches import Batch
from runtime.data.packing import Packing
from runtime.package import Package, load_package
from runtime.system.checksummed import read_sealed_file
from runtime.training import computation
from runtime.training.batching import choose_batching
from runtime.training.computation import FORMER, RECORD, Computation
from runtime.training.interruption import Interruption
from runtime.training.objective import training_objective
from runtime.training.train import NOT_COMPILED, Summary
from tests.support.examples import random_examples

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
Train = Callable[..., Summary]
Interrupt = Callable[..., AbstractContextManager[None]]
AssertSame = Callable[[Path, Path], None]
SMALL = ("model.d_model=16", "model.vocabulary.size=40", "model.dropout=0")
CPU, GPU = torch.device("cpu"), torch.device("cuda")


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_sealed_file(run / "run.json")[RECORD]
    return found


def test_a_run_with_packed_batches_resumes_to_the_bit(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
    said: list[str],
) -> None:
    package = make_package(dropout=0.1, batching="packed", steps=14)
    run_training(package, tmp_path / "whole")
    words = r"packed batches of [\d,]+ source and [\d,]+ target tokens \(as the spec says; slow"
    assert any(re.search(words, line) for line in said)
    assert record(tmp_path / "whole")["batching"] == "packed"
    with interrupt(7), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_an_edited_network_is_not_trained_packed(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    """Its packed.py would compute what it was before the edit."""
    package = make_package(batching="packed", steps=10)
    model = package / "model.py"
    text = model.read_text()
    edited = text.replace("* math.sqrt(D_MODEL)", "* 0.5")
    assert edited != text
    model.write_text(edited)
    run_training(package, tmp_path / "run")
    assert [line for line in said if "packed.py does not compute what model.py computes" in line]
    assert record(tmp_path / "run")["batching"] == "padded"
    (line,) = [line for line in said if "padded batches (" in line]
    assert "as if one of them had been edited" in line


def test_an_edit_in_a_pause_ends_packed_batches(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    run_training(make_package(batching="packed", steps=10), tmp_path / "run")
    own = tmp_path / "run" / "package"
    model = own / "model.py"
    model.write_text(model.read_text().replace("* math.sqrt(D_MODEL)", "* 0.5"))
    lock = own / "spec.lock.yaml"
    lock.write_text(lock.read_text().replace("steps: 10\n", "steps: 12\n"))
    run_training(own, tmp_path / "run", resume=True)
    assert [line for line in said if "packed.py does not compute what model.py computes" in line]
    assert record(tmp_path / "run")["batching"] == "padded"


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_package_without_a_sound_packed_file_is_trained_padded(
    damage: str, tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    package = make_package(batching="packed", steps=10)
    if damage == "missing":
        (package / "packed.py").unlink()
    else:
        (package / "packed.py").write_text("from .model import Nothing\n")
    run_training(package, tmp_path / "run")
    reason = "has no packed.py" if damage == "missing" else "packed.py: ImportError"
    assert [line for line in said if "padded batches (" in line and reason in line]


def test_another_form_is_taken_when_the_spec_says_so(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    run_training(make_package(batching="packed", steps=10), tmp_path / "run")
    run_training(make_package("other", batching="padded", steps=12), tmp_path / "run", resume=True)
    assert record(tmp_path / "run")["batching"] == "padded"
    assert any("padded batches (as the spec says)" in line for line in said)
    assert "from here on the run computes otherwise: padded batches in place of packed" in said
    assert any(re.fullmatch(r"with other batches .* epoch \d begins anew", line) for line in said)
    (former,) = read_sealed_file(tmp_path / "run" / "run.json")[FORMER]
    assert (former["batching"], former["until_update"]) == ("packed", 10)


@pytest.mark.quick
def test_a_program_that_packed_batches_do_not_have_on_a_cpu(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    run_training(make_package(batching="packed", compile=True, steps=10), tmp_path / "run")
    assert NOT_COMPILED in said
    assert any("packed batches" in line and "network not compiled" in line for line in said)


def test_the_form_follows_from_the_device_and_the_precision() -> None:
    forms = {
        (written, device.type, precision): choose_batching(written, device, precision)[0]
        for written in ("auto", "padded", "packed")
        for device in (CPU, GPU)
        for precision in ("float32", "bfloat16")
    }
    assert forms["auto", "cpu", "bfloat16"] == forms["padded", "cpu", "float32"] == "padded"
    assert forms["packed", "cpu", "float32"] == "packed"
    assert forms["auto", "cuda", "bfloat16"] == forms["packed", "cuda", "bfloat16"] == "packed"
    gpu_padded = [("auto", "float32"), ("packed", "float32"), ("padded", "bfloat16")]
    assert {forms[written, "cuda", precision] for written, precision in gpu_padded} == {"buckets"}


def test_a_run_that_was_begun_in_float32_is_not_packed_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its record, of a former version, does not tell the form of its batches."""
    monkeypatch.setattr(computation, "choose_precision", lambda *_: ("bfloat16", "it is there"))
    training = compile_spec("demo", ["training.precision=auto"]).spec.training
    begun = {RECORD: {"precision": "float32", "precision_reason": "", "tf32": True}}
    assert Computation.resolve(training, GPU).batching == "packed"
    assert Computation.of_record(begun, training, GPU).batching == "buckets"


def test_experts_are_balanced_over_packed_sentences(tmp_path: Path) -> None:
    """The loss of both forms is the same: padding is no token of any expert."""
    settings = [*SMALL, "training.batching=packed", "training.precision=float32"]
    compile_spec("experts", settings).write(tmp_path / "package")
    package = load_package(tmp_path / "package")
    joined = random_examples(package.spec).joined(np.arange(4))
    packing = replace(Packing.exact(joined), sentences=6)
    packing = replace(packing, places=tuple(each + 9 for each in packing.places))
    sums = []
    for batch in (joined.padded(), packing.lay_out(joined)):
        torch.manual_seed(1)
        model, training = package.model_class(), package.spec.training
        objective = training_objective(model, package.training_module, training, CPU)
        sums.append(objective.add_gradients(batch, 1 / len(batch.labels)))
    torch.testing.assert_close(sums[1], sums[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "spec",
    ["demo", "language-model", "masked-language-model", "classifier", "llama-like", "depthwise"],
)
def test_the_form_of_a_batch_changes_neither_loss_nor_gradient(spec: str, tmp_path: Path) -> None:
    """Sentences of padding in packed batches and rows of padding in padded ones included."""
    settings = [*SMALL, "training.batching=packed", "training.precision=auto"]
    compile_spec(spec, settings).write(tmp_path / "package")
    package = load_package(tmp_path / "package")
    joined = random_examples(package.spec).joined(np.array([3, 0, 4, 7]))
    larger = (6, *(2 + int(each.max()) for each in joined.lengths))
    packing = replace(Packing.exact(joined), sentences=7)
    packing = replace(packing, places=tuple(each + 17 for each in packing.places))
    plain = outcome(package, joined.padded())
    for batch in (joined.padded(larger), packing.lay_out(joined)):
        losses, gradients = outcome(package, batch)
        torch.testing.assert_close(losses, plain[0], rtol=1e-5, atol=1e-5)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, plain[1][name], rtol=1e-5, atol=1e-6, msg=name)


def outcome(package: Package, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the losses of a batch, of training and of evaluation, and its gradients."""
    torch.manual_seed(1)
    model, training = package.model_class(), package.spec.training
    chosen = replace(Computation.resolve(training, CPU), precision="float32")
    objective = training_objective(model, package.training_module, training, CPU, chosen)
    losses = objective.add_gradients(batch, 1 / len(batch.labels))
    gradients = {
        name: each.grad for name, each in model.named_parameters() if each.grad is not None
    }
    return torch.cat((losses, objective.evaluate(batch))), gradients
