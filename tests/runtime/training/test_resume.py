"""A run that pauses ends as one that does not, to the bit."""

import errno
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from runtime.errors import UserError
from runtime.inference import batch_decoder
from runtime.inference.batch_decoder import BatchDecoder
from runtime.package import load_package
from runtime.run import Run
from runtime.scoring.translations import greedy_bleu
from runtime.system.checksummed import read_sealed_file, sealed
from runtime.system.file_lock import held
from runtime.training.interruption import SIGNALS, Interruption, watched_signals
from runtime.training.objective import LabelObjective
from runtime.training.train import Summary, train
from runtime.training.trainer import Trainer

Make = Callable[..., Path]
Train = Callable[..., Summary]
Interrupt = Callable[..., AbstractContextManager[None]]
AssertSame = Callable[[Path, Path], None]


@pytest.fixture(autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """A session that `nohup` has started ignores SIGHUP, which these tests send."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("step", [1, 7, 10, 13, 30])
def test_a_run_interrupted_anywhere_ends_the_same(
    step: int,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
) -> None:
    """Within an epoch, just before a look, after one, and at the very end."""
    package = make_package(dropout=0.1, accumulate=2)
    run_training(package, tmp_path / "whole")
    with interrupt(step), pytest.raises(Interruption, match=f"SIGINT after update {step}"):
        run_training(package, tmp_path / "paused")
    saved = [path.name for path in (tmp_path / "paused" / "checkpoints").glob("interim-*")]
    assert saved == [f"interim-{step:08}"]
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


@pytest.mark.parametrize(
    "optimizer",
    [
        {"kind": "adamw", "weight_decay": 0.1},
        {"kind": "sgd", "momentum": 0.0},
        {"kind": "sgd", "momentum": 0.9, "nesterov": True},
        {"kind": "adafactor"},
        {"kind": "adafactor", "weight_decay": 0.1},
        {"kind": "muon"},
        {"kind": "lion", "weight_decay": 0.1},
        {"kind": "muon", "adamw_rate": 0.1, "scale": "original"},
    ],
    ids=str,
)
def test_every_optimizer_goes_on_to_the_bit(
    optimizer: dict[str, object],
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
) -> None:
    package = make_package(optimizer=optimizer)
    run_training(package, tmp_path / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_an_average_goes_on_to_the_bit(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
) -> None:
    package = make_package(ema={"decay": 0.9})
    run_training(package, tmp_path / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


@pytest.mark.parametrize(("then", "now"), [({"decay": 0.9}, None), (None, {"decay": 0.9})])
def test_an_average_may_begin_or_end_with_a_longer_run(
    then: object, now: object, tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    """What is trained is the same with it and without."""
    plain = make_package("plain", steps=40)
    run_training(plain, tmp_path / "whole")
    run_training(make_package("then", steps=20, ema=then), tmp_path / "run")
    run_training(make_package("now", steps=40, ema=now), tmp_path / "run", resume=True)
    assert same_weights(trained(tmp_path / "whole"), trained(tmp_path / "run"))


def trained(run: Path) -> dict[str, torch.Tensor]:
    """The weights that the last update left."""
    checkpoint = max((run / "checkpoints").glob("step-*"))
    prefix = "weights/"
    beside = load_file(checkpoint / "trainer.safetensors")
    found = {name[len(prefix) :]: beside[name] for name in beside if name.startswith(prefix)}
    return found or load_file(checkpoint / "model.safetensors")


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_may_be_interrupted_again_and_again(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: AssertSame,
) -> None:
    package = make_package()
    run_training(package, tmp_path / "whole")
    for pause, step in enumerate((3, 4, 15, 16)):
        with interrupt(step), pytest.raises(Interruption):
            run_training(package, tmp_path / "paused", resume=pause > 0)
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interruption_tells_how_to_go_on(
    number: signal.Signals,
    code: int,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    interrupt: Interrupt,
) -> None:
    with interrupt(2, number), pytest.raises(Interruption) as caught:
        run_training(make_package(), tmp_path / "run")
    assert caught.value.exit_code == code
    assert f"--out {tmp_path}/run --resume" in caught.value.help


def test_a_longer_run_goes_on_as_if_it_had_been_longer_from_the_start(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    said: list[str],
    assert_same: AssertSame,
) -> None:
    short, long = make_package("short", steps=20), make_package("long", steps=40)
    run_training(long, tmp_path / "whole")
    run_training(short, tmp_path / "grown")
    run_training(long, tmp_path / "grown", resume=True)
    assert "the run goes on with other settings: `training`" in said
    assert_same(tmp_path / "whole", tmp_path / "grown")


def test_the_run_goes_on_from_its_own_package(
    tmp_path: Path, make_package: Make, run_training: Train, interrupt: Interrupt
) -> None:
    """As the message of an interruption says."""
    with interrupt(2), pytest.raises(Interruption):
        run_training(make_package(), tmp_path / "run")
    summary = run_training(tmp_path / "run" / "package", tmp_path / "run", resume=True)
    assert summary.step == 30


def test_a_run_that_is_over_stays_as_it_is(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    package = make_package()
    first = run_training(package, tmp_path / "run")
    metrics = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    assert run_training(package, tmp_path / "run", resume=True) == first
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == metrics


def test_a_truncated_checkpoint_is_passed_over(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    said: list[str],
    assert_same: AssertSame,
) -> None:
    package = make_package()
    run_training(package, tmp_path / "whole")
    run_training(package, tmp_path / "hurt")
    newest = tmp_path / "hurt" / "checkpoints" / "step-00000030"
    os.truncate(newest / "model.safetensors", 1000)
    run_training(package, tmp_path / "hurt", resume=True)
    assert any("model.safetensors is truncated: 1000 bytes" in line for line in said)
    assert any("continuing after update 20" in line for line in said)
    assert_same(tmp_path / "whole", tmp_path / "hurt")


def test_a_checkpoint_of_another_network_is_passed_over(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    run_training(make_package("foreign", dropout=0.2, steps=40), tmp_path / "other")
    package = make_package()
    run_training(package, tmp_path / "run")
    shutil.copytree(
        tmp_path / "other" / "checkpoints" / "step-00000040",
        tmp_path / "run" / "checkpoints" / "step-00000040",
    )
    assert run_training(package, tmp_path / "run", resume=True).step == 30
    assert any("step-00000040/model.safetensors belongs to a spec" in line for line in said)


def test_a_package_of_another_network_is_refused(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(), tmp_path / "run")
    with pytest.raises(UserError, match="begun with another `model:`"):
        run_training(make_package("other", dropout=0.2), tmp_path / "run", resume=True)


def test_another_optimizer_is_refused(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(), tmp_path / "run")
    other = make_package("other", steps=40, optimizer={"kind": "sgd"})
    with pytest.raises(UserError, match="with optimizer adam, and the spec has sgd now"):
        run_training(other, tmp_path / "run", resume=True)


def test_changed_text_is_refused(
    tmp_path: Path, make_package: Make, run_training: Train, text: Path
) -> None:
    package = make_package()
    run_training(package, tmp_path / "run")
    lines = (text / "train.source").read_text().splitlines(keepends=True)
    (text / "train.source").write_text("".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(UserError, match="text has changed"):
        run_training(package, tmp_path / "run", resume=True)


def test_other_batches_begin_the_epoch_anew(
    tmp_path: Path, make_package: Make, run_training: Train, interrupt: Interrupt
) -> None:
    """Where the old batch number means nothing, it must not be used."""
    with interrupt(3), pytest.raises(Interruption):
        run_training(make_package(), tmp_path / "run")
    larger = make_package("larger", batch_tokens=2000)
    assert run_training(larger, tmp_path / "run", resume=True).step == 30


def test_a_run_without_a_checkpoint_begins_at_the_beginning(
    tmp_path: Path, make_package: Make, run_training: Train, assert_same: AssertSame
) -> None:
    package = make_package()
    run_training(package, tmp_path / "whole")
    run_training(package, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        shutil.rmtree(checkpoint)
    run_training(package, tmp_path / "run", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "run")


def test_a_second_signal_acts_at_once() -> None:
    with watched_signals(once=True) as watch:
        signal.raise_signal(signal.SIGINT)
        assert watch.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_further_signals_are_ignored_among_several_processes() -> None:
    with watched_signals(once=False) as watch:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert watch.received == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.quick
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with watched_signals(once=True) as watch:
            signal.raise_signal(number)
            assert watch.received is None
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_thread_trains_without_watching_signals() -> None:
    handlers: list[object] = []

    def watch() -> None:
        with watched_signals(once=True):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_a_signal_in_the_last_look_is_not_forgotten(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for a stop would otherwise wait for all that comes after the training."""
    look = Trainer._validate

    def interrupted(self: Trainer) -> None:
        look(self)
        if self.progress.step == 30:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_validate", interrupted)
    package = make_package()
    with pytest.raises(Interruption, match="SIGTERM after update 30"):
        run_training(package, tmp_path / "run")
    assert run_training(package, tmp_path / "run", resume=True).step == 30


@pytest.mark.parametrize("place", ["losses", "translations"])
def test_a_signal_ends_a_validation_and_the_run_repeats_it(
    place: str,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: AssertSame,
) -> None:
    """Whoever sends SIGTERM may send SIGKILL half a minute later."""
    package = make_package(dropout=0.1, bleu=True, batch_tokens=40)
    score = greedy_bleu(load_package(package).spec)
    run_training(package, tmp_path / "whole", score=score)
    calls = CountedSignal(5)
    with monkeypatch.context() as patch:
        if place == "losses":
            patch.setattr(LabelObjective, "figures", calls.around(LabelObjective.figures))
        else:
            patch.setattr(BatchDecoder, "_search", calls.around(BatchDecoder._search))
            patch.setattr(batch_decoder, "BATCH_TOKENS", 10)
        with pytest.raises(Interruption, match=r"SIGTERM after update [12]0"):
            run_training(package, tmp_path / "paused", score=score)
    assert calls.seen == calls.number, "nothing is computed after the signal"
    run_training(package, tmp_path / "paused", resume=True, score=score)
    assert_same(tmp_path / "whole", tmp_path / "paused")


class CountedSignal:
    """Sends SIGTERM to this process in the call of this number, of a function in a class."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.seen += 1
            if self.seen == self.number:
                os.kill(os.getpid(), signal.SIGTERM)
            return function(*arguments, **options)

        return call


def test_one_process_at_a_time_trains_a_run(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    package = make_package()
    run_training(package, tmp_path / "run")
    unfinished = tmp_path / "run" / "checkpoints" / ".step-00000040.unfinished"
    unfinished.mkdir()
    with held(tmp_path / "run"), pytest.raises(UserError, match="another process trains"):
        run_training(package, tmp_path / "run", resume=True)
    assert unfinished.exists()
    run_training(package, tmp_path / "run", resume=True)


def test_another_recipe_is_neither_ignored_nor_taken(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    package = make_package()
    run_training(package, tmp_path / "run")
    own = tmp_path / "run" / "package"
    code = (own / "training.py").read_text()
    (package / "training.py").write_text(code.replace("PEAK = 0.01", "PEAK = 0.02"))
    assert (package / "training.py").read_text() != code
    with pytest.raises(UserError, match=r"training.py that was given, and their spec") as caught:
        run_training(package, tmp_path / "run", resume=True)
    assert f"train {own} --out" in caught.value.help
    assert (own / "training.py").read_text() == code
    assert run_training(own, tmp_path / "run", resume=True).step == 30


@pytest.mark.parametrize("steps", [30, 40])
def test_a_run_keeps_the_code_of_its_network_and_says_so(
    steps: int, tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    package = make_package()
    run_training(package, tmp_path / "run")
    own = tmp_path / "run" / "package" / "model.py"
    code = own.read_text()
    package = package if steps == 30 else make_package("later", steps=steps)
    (package / "model.py").write_text(code + "\nEDITED = True\n")
    assert run_training(package, tmp_path / "run", resume=True).step == steps
    assert "the run goes on with the code of its own network: another model.py was given" in said
    assert own.read_text() == code


@pytest.mark.parametrize("steps", [30, 40])
def test_other_comments_are_no_other_code(
    steps: int, tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    """Other versions write other comments: nothing is refused, and nothing said of the network."""
    package = make_package()
    run_training(package, tmp_path / "run")
    own = tmp_path / "run" / "package" / "model.py"
    code = own.read_text()
    package = package if steps == 30 else make_package("later", steps=steps)
    for name in ("model.py", "training.py"):
        (package / name).write_text((package / name).read_text() + "\n# of another version\n")
    assert run_training(package, tmp_path / "run", resume=True).step == steps
    assert not [line for line in said if "model.py" in line]
    assert own.read_text() == code


@pytest.mark.quick
def test_a_lost_connection_does_not_end_what_nohup_started() -> None:
    """`nohup` has SIGHUP ignored, and it stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watched_signals(once=True) as watch:
            signal.raise_signal(signal.SIGHUP)
            assert watch.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_ends_no_training(
    tmp_path: Path, make_package: Make, interrupt: Interrupt
) -> None:
    """What is written to it fails; the work is saved all the same."""

    def gone(_: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with interrupt(12, signal.SIGHUP), pytest.raises(Interruption):
        train(make_package(), tmp_path / "run", cache=tmp_path / "cache", report=gone)
    assert (tmp_path / "run" / "checkpoints" / "interim-00000012").is_dir()


def test_a_run_that_is_renamed_goes_on_where_it_is(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    monkeypatch: pytest.MonkeyPatch,
    assert_same: AssertSame,
) -> None:
    """Nothing is written into a stub at the old place, and nothing is lost."""
    run_training(make_package(), tmp_path / "whole")
    after_update(monkeypatch, 12, lambda: (tmp_path / "run").rename(tmp_path / "renamed"))
    summary = run_training(tmp_path / "package", tmp_path / "run")
    assert summary.folder == tmp_path / "renamed"
    assert not (tmp_path / "run").exists()
    assert_same(tmp_path / "whole", tmp_path / "renamed")


@pytest.mark.parametrize("successor", [None, "another"])
def test_a_run_that_is_removed_ends_with_an_error(
    successor: str | None,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If another folder has taken its place, that one stays as it is."""

    def remove() -> None:
        while (tmp_path / "run").exists():  # a checkpoint may be written meanwhile
            shutil.rmtree(tmp_path / "run", ignore_errors=True)
        if successor:
            (tmp_path / "run" / "checkpoints").mkdir(parents=True)

    package = make_package()
    after_update(monkeypatch, 12, remove)
    with pytest.raises(UserError, match="was removed or renamed meanwhile"):
        run_training(package, tmp_path / "run")
    assert list((tmp_path / "run").rglob("*-0*")) == []


def after_update(patch: pytest.MonkeyPatch, step: int, act: Callable[[], object]) -> None:
    """Calls a function while a run is between two updates."""
    update = Trainer._update

    def acting(trainer: Trainer) -> None:
        update(trainer)
        if trainer.progress.step == step:
            act()

    patch.setattr(Trainer, "_update", acting)


def test_what_is_refused_is_not_announced_before(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    """A run says that it goes on only when it does."""
    run_training(make_package(steps=12), tmp_path / "run")
    other = make_package("other", steps=12, optimizer={"kind": "sgd", "momentum": 0.5})
    with (other / "model.py").open("a") as file:
        file.write("OTHER = True\n")
    said.clear()
    with pytest.raises(UserError, match="was begun with optimizer"):
        run_training(other, tmp_path / "run", resume=True)
    assert not [line for line in said if "goes on" in line]


def test_weights_of_another_shape_are_refused(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    """Even with right hashes, commands that use the run and those that resume it refuse them."""
    run_training(make_package(steps=12), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    for checkpoint in (run.checkpoints).iterdir():
        reshape(checkpoint)
    with pytest.raises(UserError, match=r"does not fit the network of its run: .* is \[1\]"):
        run.load_model()
    with pytest.raises(UserError, match="does not fit the network of its run"):
        run_training(tmp_path / "package", tmp_path / "run", resume=True)


def reshape(checkpoint: Path) -> None:
    """Gives a tensor another shape, and the record the hash that belongs to it."""
    file, record = checkpoint / "model.safetensors", checkpoint / "trainer.json"
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    weights = load_file(file)
    save_file(weights | {next(iter(weights)): torch.zeros(1)}, file, metadata)
    content = read_sealed_file(record)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    content["files"][file.name] = {"bytes": file.stat().st_size, "sha256": digest}
    record.write_bytes(sealed(content))
