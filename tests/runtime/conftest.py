"""A tiny network and a tiny text (reverse the words), so that a run takes a second."""

import json
import multiprocessing
import random
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from compiler.pipeline import compile_spec
from runtime.checkpoints.listing import list_checkpoints
from runtime.training.train import Summary, train
from runtime.training.trainer import Trainer
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
WORDS = [f"w{number:02}" for number in range(16)]
CONSTANTS = {
    "VOCABULARY": len(WORDS) + 4,
    "D_MODEL": 16,
    "HEADS": 2,
    "D_K": 8,
    "D_V": 8,
    "D_FF": 32,
    "ENCODER_LAYERS": 1,
    "DECODER_LAYERS": 1,
}

TIMES = {"seconds", "tokens_per_second"}

MakePackage = Callable[..., Path]
Train = Callable[..., Summary]
Interrupt = Callable[..., AbstractContextManager[None]]
Outcome = tuple[list[str], dict[str, torch.Tensor], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The tests share few cores, and a child process has as many threads as its parent says."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> ForkServerContext:
    """For child processes that begin at once, as copies of one that has imported all there is."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    # Torch imports its compiler, which takes a second, when it makes an optimizer.
    context.set_forkserver_preload(["torch._dynamo", "runtime.training.train"])
    return context


@pytest.fixture
def start_pair(processes: ForkServerContext) -> Callable[..., list[BaseProcess]]:
    """start_pair(program, package, run, resume=True): two, with the environment of `torchrun`.

    They run the program with `package`, `run` and the names that follow, `environment` and `said`,
    a file for what each reports.
    """

    def start(program: str, package: Path, run: Path, **names: Any) -> list[BaseProcess]:
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
        both: list[BaseProcess] = []
        for rank in range(2):
            own = {
                "environment": shared | {"RANK": str(rank)},
                "said": run.with_name(f"{run.name}-{rank}.txt"),
            }
            known = {"package": package, "run": run, **names, **own}
            both.append(processes.Process(target=exec, args=(program, known)))
            both[-1].start()
        return both

    return start


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A folder with parallel text."""
    folder = tmp_path / "text"
    folder.mkdir()
    draw = random.Random(0)
    for name, lines in (("train", 60), ("valid", 10), ("test", 5)):
        pairs = [draw.choices(WORDS, k=draw.randint(2, 9)) for _ in range(lines)]
        if name == "train":
            pairs.append(WORDS)
        _write_lines(folder / f"{name}.source", pairs)
        _write_lines(folder / f"{name}.target", [pair[::-1] for pair in pairs])
    return folder


@pytest.fixture
def make_package(tmp_path: Path, text: Path) -> MakePackage:
    """make_package("name", dropout=0.1, average_last=1, steps=30, ...): the demo, made tiny.

    Further words are settings of `training:` or of `training.validation:`.
    """

    def make(
        name: str = "package", *, dropout: float = 0.1, average_last: int = 3, **settings: Any
    ) -> Path:
        folder = tmp_path / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "generated" / "demo", folder, ignore=ignored)
        replace_constants(folder / "model.py", CONSTANTS | {"DROPOUT": dropout})
        replace_constants(folder / "training.py", {"PEAK": 0.01, "WARMUP_STEPS": 10})
        path = folder / "spec.lock.yaml"
        lock = yaml.safe_load(path.read_text(encoding="utf-8"))
        _shrink(lock, text, dropout)
        lock["evaluation"]["average_last"] = average_last
        training = lock["training"]
        for key, value in settings.items():
            is_looks = key in ("every", "bleu", "metric", "patience")
            (training["validation"] if is_looks else training)[key] = value
        path.write_text(yaml.safe_dump(lock), encoding="utf-8")
        if "optimizer" in settings:
            recipe = compile_spec(str(path)).files["training.py"]
            (folder / "training.py").write_text(recipe, encoding="utf-8")
        return folder

    return make


@pytest.fixture
def said() -> list[str]:
    """What `run_training` reports."""
    return []


@pytest.fixture
def run_training(tmp_path: Path, said: list[str]) -> Train:
    """`train` with a cache and a report of its own."""

    def call(package: Path, run: Path, **settings: Any) -> Summary:
        return train(package, run, cache=tmp_path / "cache", report=said.append, **settings)

    return call


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """interrupt(step, signal): the signal comes in the middle of that update."""

    @contextmanager
    def at(step: int, number: signal.Signals = signal.SIGINT) -> Iterator[None]:
        update = Trainer._update

        def interrupted(trainer: Trainer) -> None:
            if trainer.progress.step + 1 == step:
                signal.raise_signal(number)
            update(trainer)

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "_update", interrupted)
            yield

    return at


@pytest.fixture
def outcome() -> Callable[[Path], Outcome]:
    """All that two equal runs have in common, to the bit: checkpoints, tensors, figures."""

    def read(run: Path) -> Outcome:
        checkpoints = list_checkpoints(run / "checkpoints")
        tensors = {
            f"{checkpoint.folder.name}/{file}/{name}": tensor
            for checkpoint in checkpoints
            for file in ("model", "trainer")
            for name, tensor in load_file(checkpoint.folder / f"{file}.safetensors").items()
        }
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        figures = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
        return [checkpoint.folder.name for checkpoint in checkpoints], tensors, figures

    return read


@pytest.fixture
def assert_same(outcome: Callable[[Path], Outcome]) -> Callable[[Path, Path], None]:
    """Fails unless two runs are the same to the bit."""

    def check(one: Path, other: Path) -> None:
        (names, tensors, figures), others = outcome(one), outcome(other)
        assert (names, figures) == (others[0], others[2])
        assert tensors.keys() == others[1].keys()
        different = [name for name in tensors if not torch.equal(tensors[name], others[1][name])]
        assert different == []

    return check


def replace_constants(path: Path, constants: dict[str, int | float]) -> None:
    """Gives the constants at the top of a generated file other values."""
    content = path.read_text(encoding="utf-8")
    for name, value in constants.items():
        content, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", content)
        assert count == 1, f"{path} has no constant {name}"
    path.write_text(content, encoding="utf-8")


def _shrink(lock: dict[str, Any], text: Path, dropout: float) -> None:
    """The lock of the tiny network."""
    model = lock["model"]
    model["d_model"], model["dropout"] = CONSTANTS["D_MODEL"], dropout
    model["vocabulary"] = {"shared": True, "size": CONSTANTS["VOCABULARY"]}
    for stack in (model["encoder"], model["decoder"]):
        (layers,) = stack["layers"]
        layers |= {"repeat": 1, "dropout": dropout}
        layers["feed_forward"]["d_ff"] = CONSTANTS["D_FF"]
        for attention in ("self_attention", "cross_attention"):
            if attention in layers:
                layers[attention] |= {"heads": 2, "kv_heads": 2, "d_k": 8, "d_v": 8}
    lock["data"] = {
        "folder": str(text),
        "tokenizer": {"kind": "segmented"},
        "max_length": 20,
    } | {
        part: {"source": f"{part}.source", "target": f"{part}.target"}
        for part in ("train", "valid", "test")
    }
    lock["training"] |= {"batch_tokens": 120, "steps": 30, "seed": 1}
    lock["training"]["schedule"] |= {"peak": 0.01, "warmup_steps": 10}
    lock["training"]["validation"]["every"] = 10


def _write_lines(path: Path, lines: list[list[str]]) -> None:
    path.write_text("".join(" ".join(line) + "\n" for line in lines), encoding="utf-8")
