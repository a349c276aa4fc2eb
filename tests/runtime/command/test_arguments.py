"""What every command refuses of its arguments, and streams that are closed."""

import inspect
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.models import OptionInfo

from runtime.command.app import GROUPS, app
from runtime.command.command_line import ASSIGNMENT, refuse_bytes
from runtime.errors import UserError

pytestmark = pytest.mark.quick

Command = Callable[..., Any]
ROOT = Path(__file__).parents[3]
FUNCTIONS = [each for group in GROUPS.values() for each in group]
COMMANDS: Any = typer.main.get_command(app)
OPTIONS = [
    (name, option)
    for name, command in COMMANDS.commands.items()
    for option in command.params
    if option.param_type_name == "option"
]
DRAWS = {"temperature", "top_k", "top_p", "seed"}
"""Options of `generate` whose bounds are those of `kind: sample` of `decoding`."""


@pytest.mark.parametrize(
    ("command", "option"), OPTIONS, ids=[f"{name} {option.opts[0]}" for name, option in OPTIONS]
)
def test_an_option_that_is_no_list_is_given_once(command: str, option: Any) -> None:
    """The refusal comes before anything is read: the arguments need not exist."""
    words = list(option.opts[:1])
    if not option.is_flag:
        words.append("1")
    for each in COMMANDS.commands[command].params:
        if each is not option and each.required:
            words += [each.opts[0], "x"] if each.param_type_name == "option" else ["x"]
    context = COMMANDS.commands[command].make_context
    values = {"--launcher": "slurm", "--split": "test", "--tokenize": "char"}
    values |= {
        "--classes": "2",
        "--precision": "float32",
        "--engine": "own",
        "--kind": "cross",
        "--curve": "loss",
        "--log": "loss",
        "--as": "native",
        "--quantize": "int8",
    }
    values["--format"] = {"draw": "svg", "embed": "jsonl"}.get(command, "json")
    words = [values.get(option.opts[0], word) if word == "1" else word for word in words]
    twice = [*words[: 1 if option.is_flag else 2], *words]
    if option.multiple and option.metavar != ASSIGNMENT:
        assert context(command, twice).params[option.name] is not None
        return
    said = "sets 1 2 times" if option.multiple else "is given 2 times"
    with pytest.raises(UserError, match=f"{max(option.opts, key=len)} {said}"):
        context(command, twice)


def test_two_values_for_one_key(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("name: q\n")
    ended = specformer("check", "q.yaml", "--set", "model.d_model=8", "--set", "model.d_model=9")
    assert ended.code == 2
    assert "--set sets model.d_model 2 times: model.d_model=8 and model.d_model=9" in ended.err
    ended = specformer(*("ablate", "x", "--slurm", "partition=a", "--slurm", "partition=b"))
    assert "--slurm sets partition 2 times" in ended.err


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
def test_numbers_have_bounds(function: Callable[..., None]) -> None:
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        if typing.get_origin(hint) is not Annotated or name in DRAWS - {"seed"}:
            continue
        kind, info = typing.get_args(hint)[:2]
        if {int, float} & {kind, *typing.get_args(kind)} and isinstance(info, OptionInfo):
            is_of_spec = name == "seed" and function.__name__ == "generate"
            assert is_of_spec or None not in (info.min, info.max), name


def test_too_many_of_anything_are_refused(specformer: Command) -> None:
    for arguments in (
        *(("translate", "x", "--beam", 99999999), ("translate", "x", "--workers", 99999999)),
        *(("classify", "x", "--n-best", 10**12), ("corpus", "x", "--train", 10**12)),
    ):
        ended = specformer(*arguments)
        assert ended.code == 2
        assert f"Invalid value for '{arguments[2]}'" in ended.err


def test_bytes_that_are_no_text() -> None:
    refuse_bytes(["größe", "--set", "x=\U0001f600"])
    with pytest.raises(UserError, match=r"argument 2 of the command is not UTF-8: 'caf\\udce9'"):
        refuse_bytes(["fill", "caf\udce9"])


@pytest.mark.parametrize(
    ("ending", "code", "message"),
    [
        (">&-", 2, "error: standard output is closed"),
        ("2>&-", 0, ""),
        (">&- 2>&-", 2, ""),
        ("<&-", 0, ""),
    ],
)
def test_closed_streams(ending: str, code: int, message: str) -> None:
    command = f"{sys.executable} -m runtime list {ending}"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == code
    assert ended.stderr.startswith(message)
    assert "Traceback" not in ended.stderr


def test_a_closed_standard_input_is_named() -> None:
    code = (
        "from runtime.command.command_line import prepare_streams; prepare_streams();"
        "from runtime.command.lines import read_input; list(read_input(None))"
    )
    command = f"{sys.executable} -c '{code}' <&-"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert "UserError: standard input cannot be read" in ended.stderr


def test_messages_to_a_closed_standard_error_are_not_results() -> None:
    command = f"{sys.executable} -m runtime check no-such-spec 2>&-"
    ended = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")


def test_output_is_utf_8_in_any_locale() -> None:
    code = (
        "from runtime.command.command_line import prepare_streams\n"
        "prepare_streams(); print('\\u00df')"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert ended.stdout == "ß\n".encode()


def test_this_file_knows_the_commands() -> None:
    """Each function is a command, so that none escapes the tests above."""
    assert len(FUNCTIONS) == len(COMMANDS.commands)
    assert all(inspect.isfunction(each) for each in FUNCTIONS)
