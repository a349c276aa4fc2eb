"""A device is found by its name before a tensor is made on it."""

import signal
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from compiler.spec.load import load
from runtime.checkpoints.checkpoint import Machine
from runtime.errors import FailedElsewhere, UserError
from runtime.inference.network import located
from runtime.system.devices import (
    check_device,
    explained_memory_errors,
    own_device,
    refuse_missing_bfloat16,
)
from runtime.training import workers
from runtime.training.computation import Computation
from runtime.training.interruption import Interruption
from runtime.training.workers import joined_workers

pytestmark = pytest.mark.quick

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
OLD_DRIVER = "The NVIDIA driver on your system is too old (found version 11040)."


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """A machine of two GPUs on which no tensor can be made: the devices that become current."""
    current: list[torch.device] = []
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    return current


def test_names_are_checked_without_a_tensor(two_gpus: list[torch.device]) -> None:
    """A tensor would raise an error here, and open a context on another process's GPU there."""
    assert check_device("cuda:1") == torch.device("cuda", 1)
    assert check_device("cuda") == check_device(None) == torch.device("cuda", 0)
    assert check_device("cpu") == CPU
    assert two_gpus == []


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 0), ("cuda", 0), ("cuda:1", 1), (torch.device("cuda", 1), 1)]
)
def test_the_gpu_that_is_used_is_the_current_one(
    two_gpus: list[torch.device], wanted: Any, index: int
) -> None:
    assert own_device(wanted) == torch.device("cuda", index)
    assert two_gpus == [torch.device("cuda", index)]


@pytest.mark.parametrize("wanted", [None, "cuda"])
def test_among_several_processes_a_gpu_belongs_to_the_local_rank(
    two_gpus: list[torch.device], monkeypatch: pytest.MonkeyPatch, wanted: Any
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device(wanted) == torch.device("cuda", 1)
    assert two_gpus == [torch.device("cuda", 1)]


@pytest.mark.parametrize("wanted", [None, "cuda"])
def test_a_process_beyond_the_gpus(
    two_gpus: list[torch.device], monkeypatch: pytest.MonkeyPatch, wanted: Any
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(
        UserError, match=r"process 2 of this machine.*has no GPU: there are 2"
    ) as it:
        own_device(wanted)
    assert "--nproc-per-node 2" in it.value.help
    assert two_gpus == []


@pytest.mark.usefixtures("two_gpus")
def test_several_processes_cannot_share_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 processes of this machine would share one GPU"):
        own_device("cuda:1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device("cuda:1") == torch.device("cuda", 1), "it is that of this process"


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"--device cuda:2: this machine has 2 GPUs, cuda:0 to"):
        check_device("cuda:2")


def test_a_build_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    with pytest.raises(UserError, match=r"--device cuda: PyTorch .* is built without CUDA"):
        check_device("cuda")


def test_an_old_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> bool:
        warnings.warn(OLD_DRIVER, stacklevel=1)
        return False

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    with pytest.raises(UserError, match="--device cuda:1: The NVIDIA driver on your system is too"):
        check_device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "cuda:-1", "cuda:x", ""])
def test_what_is_no_device(name: str) -> None:
    with pytest.raises(UserError, match=f"--device {name}: expected cpu, cuda or a name like"):
        check_device(name)


@pytest.mark.parametrize("name", ["meta", "vulkan", "mps", "xpu:0"])
def test_a_device_that_computes_nothing_here(name: str) -> None:
    """PyTorch says so in a thousand characters about its own dispatcher, or not at all."""
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match="computes nothing there") as caught:
        check_device(name)
    assert (
        str(caught.value) == f"--device {name}: PyTorch {torch.__version__} computes nothing there"
    )
    assert caught.value.help == "`--device cpu` is always there"


def test_a_gpu_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla V100")
    refuse_missing_bfloat16(CPU)
    training = load("demo", ["training.precision=bfloat16"]).spec.training
    with pytest.raises(UserError, match="has no bfloat16"):
        Computation.of_record({}, training, GPU)
    with pytest.raises(UserError, match=r"Tesla V100 has no bfloat16: .* 7\.0, and 8\.0 is needed"):
        refuse_missing_bfloat16(GPU)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    refuse_missing_bfloat16(GPU)


def test_a_gpu_without_room() -> None:
    def fails(context: AbstractContextManager[None]) -> UserError:
        with pytest.raises(UserError, match="the GPU is out of memory") as caught, context:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return caught.value

    assert fails(explained_memory_errors("less")).help == "less"
    assert "--beam" in fails(located([1, 2])).help, "decoding has its own advice"


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (CPU, (("gloo",), {})),
        (GPU, (("cpu:gloo,cuda:nccl",), {"device_id": GPU})),
    ],
)
def test_processes_are_joined_on_their_device(
    device: torch.device, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise NCCL guesses the GPU from the rank, and connects at the first sum alone."""
    seen: list[object] = []

    def joined(*arguments: object, **options: object) -> None:
        assert (options.pop("rank"), options.pop("world_size")) == (1, 2)
        assert options.pop("store") == "store"
        seen.append((arguments, options))
        raise InterruptedError

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(workers, "rendezvous", lambda _: iter([("store", 1, 2)]))
    monkeypatch.setattr(dist, "init_process_group", joined)
    with pytest.raises(InterruptedError), joined_workers(device):
        pass
    assert seen == [expected]


def test_processes_that_fail_with_another_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process refuses a folder, say; the others fail since it has left."""
    store, rank = dist.HashStore(), [0]
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(workers, "rendezvous", lambda _: iter([(store, rank[0], 2)]))
    for name in ("init_process_group", "new_group", "barrier", "destroy_process_group"):
        monkeypatch.setattr(dist, name, lambda *_, **__: None)
    stop = Interruption(signal.SIGTERM, step=7, folder=Path("run"))

    def ends_with(own: int, error: Exception) -> BaseException:
        rank[0] = own
        with pytest.raises(Exception) as caught, joined_workers(CPU):  # noqa: PT011
            raise error
        return caught.value

    assert ends_with(0, stop) is ends_with(1, stop) is stop, "all of them agree on a stop"
    refusal = UserError("the folder exists already")
    assert ends_with(0, refusal) is refusal
    silent = ends_with(1, RuntimeError("Connection closed by peer"))
    assert isinstance(silent, FailedElsewhere)


def test_a_machine_knows_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91500)
    here = Machine.here(GPU, processes=1)
    assert (here.gpu, here.cuda, here.cudnn) == ("NVIDIA H200", "13.0", "91500")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100")
    assert Machine.here(GPU, processes=1).differences(here) == ["gpu"]
    assert Machine.here(CPU, processes=1).differences(here) == ["device"]


def test_a_run_on_a_gpu_goes_on_otherwise(
    tmp_path: Path,
    make_package: Callable[..., Path],
    run_training: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its weights are not the same to the bit even on the same GPU, and that is said."""
    from runtime.run import Run
    from runtime.training.start_or_resume import find_start

    run_training(make_package(steps=10), tmp_path / "run")
    machine = Machine(torch_version=str(torch.__version__), device="cuda", threads=1, processes=1)
    said: list[str] = []
    monkeypatch.setattr(Machine, "differences", lambda *_: [])
    run = Run.open(tmp_path / "run")
    computation = Computation.resolve(run.package.spec.training, CPU)
    find_start(run, computation, machine, said.append)
    assert "not the same to the bit as without the pause: a GPU adds up" in said[-1]
