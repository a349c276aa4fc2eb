"""Writing a package: whatever ends it, the old package is there or the new one, and is known."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from compiler.atomic_files import one_at_a_time
from compiler.output import SUMS, Output
from compiler.pipeline import CompiledPackage, compile_spec

pytestmark = pytest.mark.quick
ROOT = Path(__file__).parents[2]
CALLS = ("os.fsync", "os.mkdir", "pathlib.Path.replace", "pathlib.Path.rename", "shutil.rmtree")
"""Between two of them, what is on the disk stays the same kind of thing."""

OLD, NEW = (), ("model.attention.heads=8",)


@pytest.fixture(scope="module")
def packages() -> tuple[CompiledPackage, CompiledPackage]:
    return compile_spec("demo", OLD), compile_spec("demo", NEW)


def state(output: Output, packages: tuple[CompiledPackage, CompiledPackage]) -> str:
    """Which package is there; fails unless it is whole, known, and may be written over."""
    place = output.folder / "demo"
    (name,) = (
        name
        for name, package in zip(("old", "new"), packages, strict=True)
        if not package.stale(place)
    )
    assert output.edited("demo") == []
    assert all(output.is_free(package) for package in packages)
    return name


def counted(monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None], after: int) -> list[int]:
    """Has `stop` called instead of the call of that number -> how many are left until then."""
    left = [after]

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                stop()
            return function(*arguments, **options)

        return call

    for name in CALLS:
        module, _, attribute = name.rpartition(".")
        owner: Any = {"os": os, "shutil": sys.modules["shutil"], "pathlib.Path": Path}[module]
        monkeypatch.setattr(owner, attribute, watched(getattr(owner, attribute)))
    return left


def test_killed_at_any_point(
    tmp_path: Path,
    packages: tuple[CompiledPackage, CompiledPackage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, number, ended = [], 0, False
    while not ended:
        number += 1
        output = Output(folder=tmp_path / str(number))
        output.write(packages[0])
        child = os.fork()
        if child == 0:
            counted(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL), number)
            output.write(packages[1])
            os._exit(0)
        ended = os.waitpid(child, 0)[1] == 0
        found.append(state(output, packages))
        output.write(packages[1])
        assert state(output, packages) == "new"
        subprocess.run(["sha256sum", "--check", SUMS], cwd=output.folder, check=True, stdout=-3)
    assert number > 15
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == ("old", "new")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_at_any_point(
    number: int, tmp_path: Path, packages: tuple[CompiledPackage, CompiledPackage]
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "disk")

    after, left = 0, [0]
    while left[0] <= 0:
        after += 1
        output = Output(folder=tmp_path / str(after))
        output.write(packages[0])
        with pytest.MonkeyPatch.context() as patch:
            left = counted(patch, fail, after)
            with suppress(OSError):
                output.write(packages[1])
        state(output, packages)
    assert after > 15


def test_a_full_disk(tmp_path: Path, packages: tuple[CompiledPackage, CompiledPackage]) -> None:
    """A limit on the size of files stands for a full disk; it raises a signal or an error."""
    output = Output(folder=tmp_path)
    output.write(packages[0])
    for limit in (0, 100, 1_000, 10_000, 16_000):
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                output.write(packages[1])
            except OSError:
                os._exit(3)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code == 3
        assert state(output, packages) == "old"
        assert sorted(each.name for each in tmp_path.iterdir()) == [SUMS, "demo"]


def test_processes_that_write_at_once_keep_each_others_lines(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from compiler.output import Output; from compiler.pipeline import compile_spec\n"
        "package = compile_spec('demo', [f'name={sys.argv[2]}'])\n"
        "for _ in range(5): Output(folder=Path(sys.argv[1])).write(package)\n"
    )
    names = [f"demo-{letter}" for letter in "abcd"]
    commands = [[sys.executable, "-c", script, str(tmp_path), name] for name in names]
    running = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [each.wait() for each in running] == [0] * len(names)
    output = Output(folder=tmp_path)
    folders = [name.replace("-", "_") for name in names]
    assert all(output.is_listed(each) and not output.edited(each) for each in folders)
    assert sorted(each.name for each in tmp_path.iterdir()) == [SUMS, *folders]


def test_a_folder_that_another_process_holds_is_not_waited_for_for_ever(
    tmp_path: Path,
    packages: tuple[CompiledPackage, CompiledPackage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("compiler.atomic_files.PATIENCE", 0.1)
    with one_at_a_time(tmp_path), pytest.raises(OSError, match="another process writes"):
        Output(folder=tmp_path).write(packages[0])


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_without_locks_is_written_into(
    number: int,
    tmp_path: Path,
    packages: tuple[CompiledPackage, CompiledPackage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    output, start = Output(folder=tmp_path), time.monotonic()
    output.write(packages[0])
    assert state(output, packages) == "old"
    assert time.monotonic() - start < 20


def test_a_package_by_a_link_is_written_where_it_leads(
    tmp_path: Path, packages: tuple[CompiledPackage, CompiledPackage]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    output = Output(folder=tmp_path / "generated")
    output.folder.mkdir()
    (output.folder / "demo").symlink_to(tmp_path / "elsewhere")
    for package, name in zip(packages, ("old", "new"), strict=True):
        output.write(package)
        assert state(output, packages) == name
    assert (output.folder / "demo").is_symlink()
    assert (tmp_path / "elsewhere" / "model.py").is_file()


def test_a_file_in_the_place_of_a_package_stays(
    tmp_path: Path, packages: tuple[CompiledPackage, CompiledPackage]
) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(NotADirectoryError, match="where a package goes"):
        Output(folder=tmp_path).write(packages[0])
    assert (tmp_path / "demo").read_text() == "mine"


def test_the_current_folder_may_be_the_one_that_is_replaced(
    tmp_path: Path,
    packages: tuple[CompiledPackage, CompiledPackage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = Output(folder=tmp_path)
    output.write(packages[0])
    monkeypatch.chdir(tmp_path / "demo")
    Output(folder=Path("..")).write(packages[1])
    assert state(output, packages) == "new"
    monkeypatch.chdir(tmp_path)
