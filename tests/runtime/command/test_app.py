"""The command line as a whole: help, light starts, and ends without tracebacks."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from torch.distributed import TCPStore

from runtime.command.command_line import exit_code
from runtime.command.train import CACHE, kept_options, repeating
from runtime.errors import FailedElsewhere, UserError
from runtime.training.interruption import Interruption

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


def python(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, **options
    )


def test_help_names_every_command(specformer: Callable[..., Any]) -> None:
    ended = specformer("--help")
    assert ended.code == 0
    for name in (
        *("list", "new", "check", "show", "compile", "explain", "schema"),
        *("train", "translate", "evaluate", "corpus", "score"),
    ):
        assert name in ended.out
    assert specformer().out == ended.out


@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "corpus", "score"])
def test_every_command_explains_itself(specformer: Callable[..., Any], command: str) -> None:
    ended = specformer(command, "--help")
    assert ended.code == 0
    assert f"Usage: specformer {command}" in ended.out


def test_light_commands_never_load_torch(tmp_path: Path) -> None:
    code = (
        "import sys, runtime; from runtime.command.app import app\n"
        f"corpus = ['corpus', {str(tmp_path / 'new')!r}, '--train', '5']\n"
        "for words in (['--help'], ['list'], ['explain', 'demo'], corpus):\n"
        "    assert not app(words, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules and 'sacrebleu' not in sys.modules\n"
    )
    assert python("-c", code).stderr == ""


def test_the_module_is_the_command() -> None:
    assert "translate" in python("-m", "runtime", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transalte"], "error: No such command 'transalte'. Did you mean 'translate'"),
        (["train"], "error: Missing argument 'SPEC|PACKAGE'"),
        (["train", "demo", "--nonsense"], "error: No such option: --nonsense"),
        (["translate", "run", "--beam", "0"], "error: Invalid value for '--beam'"),
    ],
)
def test_misuse_is_explained(
    specformer: Callable[..., Any], arguments: list[str], message: str
) -> None:
    ended = specformer(*arguments)
    assert ended.code == 2
    assert ended.err.startswith(message)
    assert "help: `specformer" in ended.err


def test_ctrl_c_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(KeyboardInterrupt()) == exit_code(typer.Abort()) == 130
    assert capsys.readouterr().err == "stopped by Ctrl-C\n" * 2


def test_ctrl_c_in_a_command(
    specformer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(folder: Path, **_: int) -> None:
        (folder / "half").write_text("a file")
        raise KeyboardInterrupt

    monkeypatch.setattr("runtime.corpus.write_corpus", press)
    ended = specformer("corpus", tmp_path / "new")
    assert (ended.code, ended.err.strip()) == (130, "stopped by Ctrl-C")
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_was_stopped_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    error = Interruption(signal.SIGTERM, step=7, folder=Path("runs/demo"))
    assert exit_code(error) == 128 + signal.SIGTERM
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("stopped: SIGTERM after update 7")
    assert "--resume" in said[1]


def test_a_training_of_torchrun_goes_on_by_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followed literally, another command would train the whole network in one process."""
    stop = Interruption(signal.SIGTERM, step=7, folder=Path("runs/de mo"))
    words = "train 'runs/de mo/package' --out 'runs/de mo' --resume"
    assert stop.help == f"continue with `specformer {words}`"
    for name, value in (("RUN_ID", "7"), ("USE_AGENT_STORE", "False")):
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    options = kept_options(True, ["wandb"], "cpu", Path("texts"))
    with pytest.raises(Interruption) as caught, repeating(options):
        raise stop
    command = f"torchrun --nproc-per-node 2 -m runtime {words}"
    given = "--shard --track wandb --device cpu --cache texts"
    assert caught.value.help == f"continue with `{command} {given}`"
    monkeypatch.setenv("GROUP_WORLD_SIZE", "3")
    stop.repeat(kept_options(False, [], None, CACHE))
    command = f"torchrun --nnodes 3 --nproc-per-node 2 ... -m runtime {words}"
    assert stop.help == f"continue with `{command}`"


def test_processes_of_torchrun_say_an_error_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of them runs this command and makes the same mistake; what one alone says is said."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2"}
    for name, value in ({"TORCHELASTIC_USE_AGENT_STORE": "True"} | place).items():
        monkeypatch.setenv(name, value)
    stop = Interruption(signal.SIGTERM, step=7, folder=Path("runs/demo"))
    for rank, alone in (("0", "GPU 0"), ("1", "GPU 1")):
        monkeypatch.setenv("RANK", rank)
        assert exit_code(UserError("a mistake", help="a way out")) == 2
        assert exit_code(UserError(alone)) == 2
        assert exit_code(stop) == 128 + signal.SIGTERM
        assert exit_code(FailedElsewhere()) == 2
    said = capsys.readouterr().err
    assert said == (
        f"error: a mistake\nhelp: a way out\nerror: GPU 0\nstopped: {stop}\nhelp: {stop.help}\n"
        "error: GPU 1\n"
    )


def test_a_bug_keeps_its_traceback() -> None:
    assert exit_code(ZeroDivisionError()) is None


def test_a_file_that_may_not_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "some/file")
    assert exit_code(error) == 2
    assert capsys.readouterr().err.startswith("error: some/file: Permission denied\n")


def test_a_reader_who_leaves_is_no_error() -> None:
    """As with `specformer list | head -0`."""
    command = f"{sys.executable} -m runtime list | (exec 0<&-; sleep 1); echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "1\n"
    assert ended.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_on_a_full_disk_is_one_message() -> None:
    command = f"{sys.executable} -m runtime list > /dev/full"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: the disk is full\nhelp: ")
    assert len(ended.stderr.splitlines()) == 2
