"""`precision: auto`: what a machine chooses, once for a run."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.spec.training import Training
from runtime.ablation.agreement import agreed
from runtime.ablation.record import COMPUTATION
from runtime.data.batches import Padded
from runtime.run import Run
from runtime.training.computation import FORMER, RECORD, Computation
from runtime.training.precision import choose_precision, float32_products

pytestmark = pytest.mark.quick

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
BATCHES = Padded(tokens=100)
Give = Callable[..., None]


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    """give(avx512=True): the CPU has, or lacks, the instructions from here on."""

    def make(*, avx512: bool = False, amx: bool = False) -> None:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)

    return make


def training(precision: str) -> Training:
    return Training.model_validate({"batch_tokens": 100, "steps": 1, "precision": precision})


@pytest.mark.parametrize(
    ("instructions", "chosen"),
    [
        ({}, ("float32", "this CPU has no instructions for bfloat16")),
        ({"avx512": True}, ("bfloat16", "this CPU has AVX512_BF16")),
        ({"avx512": True, "amx": True}, ("bfloat16", "this CPU has AMX")),
    ],
)
def test_a_cpu_computes_in_what_it_has_instructions_for(
    give: Give, instructions: dict[str, bool], chosen: tuple[str, str]
) -> None:
    give(**instructions)
    assert choose_precision("auto", CPU) == chosen
    assert choose_precision("float32", CPU)[0] == "float32"
    assert choose_precision("bfloat16", CPU)[0] == "bfloat16"


@pytest.mark.parametrize("has_it", [True, False])
def test_a_gpu_is_asked_without_emulation(monkeypatch: pytest.MonkeyPatch, has_it: bool) -> None:
    def is_supported(including_emulation: bool = True) -> bool:
        return including_emulation or has_it

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    assert choose_precision("auto", GPU)[0] == ("bfloat16" if has_it else "float32")
    computation = Computation.resolve(training("auto"), GPU)
    assert computation.tf32
    assert "TF32" in computation.in_words(BATCHES)


def test_float32_that_is_written_is_whole_float32_on_a_gpu() -> None:
    computation = Computation.resolve(training("float32"), GPU)
    assert not computation.tf32
    assert computation.in_words(BATCHES).startswith("float32 products (as the spec says)")
    with computation.products(GPU):
        assert torch.get_float32_matmul_precision() == "highest"
        assert not torch.backends.cudnn.allow_tf32


def test_tf32_ends_with_its_context() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with float32_products(tf32=True):
        assert torch.get_float32_matmul_precision() == "high"
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_a_run_keeps_the_precision_that_it_began_with(give: Give) -> None:
    give(avx512=True)
    begun = json.loads(json.dumps(Computation.resolve(training("auto"), CPU).record()))
    give()
    assert Computation.resolve(training("auto"), CPU).precision == "float32"
    continued = Computation.of_record(begun, training("auto"), CPU)
    assert continued.in_words(BATCHES).startswith("bfloat16 products (chosen when it began)")
    assert continued.is_recorded(begun)


def test_a_precision_that_is_written_later_counts_more_than_the_record(give: Give) -> None:
    give(avx512=True)
    begun = Computation.resolve(training("auto"), CPU).record()
    continued = Computation.of_record(begun, training("float32"), CPU)
    assert continued.precision == "float32"
    assert not continued.is_recorded(begun)
    assert continued.changes(begun) == ["float32 products in place of bfloat16"]
    entries = continued.record_after(begun, 250)
    assert entries[FORMER] == [{"until_update": 250, **begun[RECORD]}]
    back = Computation.of_record(entries, training("bfloat16"), CPU).record_after(entries, 300)
    assert [each["until_update"] for each in back[FORMER]] == [250, 300]
    assert continued.record_after(continued.record(), 300) == continued.record(), "it is as before"


@pytest.mark.parametrize("written", ["auto", "packed"])
def test_batches_of_another_device_are_not_said_to_be_the_best_of_this_one(
    monkeypatch: pytest.MonkeyPatch, give: Give, written: str
) -> None:
    give()
    monkeypatch.setattr("runtime.training.precision._of_gpu", lambda _: ("bfloat16", "it has it"))
    monkeypatch.setattr("runtime.training.computation.refuse_missing_bfloat16", lambda _: None)
    own = training("auto").model_copy(update={"batching": written})
    begun = Computation.resolve(own, GPU)
    expected = {"auto": "chosen when it began", "packed": "as the spec says"}[written]
    continued = Computation.of_record(begun.record(), own, CPU)
    assert (continued.batching, continued.batching_reason) == ("packed", expected)
    assert Computation.of_record(begun.record(), own, GPU) == begun


def test_the_record_of_a_newer_version_may_say_more(give: Give) -> None:
    give()
    begun = {RECORD: {"precision": "bfloat16", "unheard_of": 1}}
    assert Computation.of_record(begun, training("auto"), CPU).precision == "bfloat16"


def test_auto_is_resolved_once_and_obeyed_by_resume(
    make_package: Any, run_training: Any, said: list[str], tmp_path: Path, give: Give
) -> None:
    run = tmp_path / "run"
    give(avx512=True)
    run_training(make_package(steps=10, every=10, precision="auto"), run)
    assert any("bfloat16 products (this CPU has AVX512_BF16)" in line for line in said)
    give()
    said.clear()
    run_training(make_package("longer", steps=20, every=10, precision="auto"), run, resume=True)
    assert any("bfloat16 products (chosen when it began)" in line for line in said)


def test_a_run_without_a_record_gets_one_when_it_is_continued(
    make_package: Any, run_training: Any, tmp_path: Path, give: Give
) -> None:
    run = tmp_path / "run"
    give()
    run_training(make_package(steps=10, every=10, precision="auto"), run)
    Run.open(run).amend({RECORD: {}})  # as a former version began it
    give(avx512=True)
    run_training(make_package("longer", steps=20, every=10, precision="auto"), run, resume=True)
    assert Run.open(run).begun[RECORD]["precision"] == "bfloat16"


def test_a_run_of_a_former_version_goes_on_in_the_precision_of_its_spec(
    make_package: Any, run_training: Any, tmp_path: Path, give: Give
) -> None:
    """Its user has not written `float32`, which was the default then and is not any more."""
    run = tmp_path / "run"
    run_training(make_package(steps=10, every=10), run)
    Run.open(run).amend({RECORD: {}})
    give(avx512=True)
    run_training(make_package("longer", steps=20, every=10, precision="auto"), run, resume=True)
    assert Run.open(run).begun[RECORD]["precision"] == "float32"


def test_all_rows_of_an_ablation_have_what_its_first_one_chose(tmp_path: Path, give: Give) -> None:
    give(avx512=True)
    first = agreed(tmp_path, CPU)
    give()
    assert agreed(tmp_path, CPU) == first
    assert [path.name for path in tmp_path.iterdir()] == [COMPUTATION]
    assert Computation.of_record(first, training("auto"), CPU).precision == "bfloat16"
    assert Computation.of_record(first, training("float32"), CPU).precision == "float32"
