"""The imports, memory, threads and end of this process and those that it starts."""

import ctypes
import hashlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

ROOT = str(Path(__file__).resolve().parents[2])
"""The folder that our packages lie in."""

START = """
import runpy, sys
root, module = sys.argv[1:3]
del sys.argv[1:3]
if root not in sys.path:
    sys.path.insert(0, root)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of specformer in another process.

    Unlike `python -m`, it imports nothing from the current folder, where any `torch.py` may lie.
    """
    return [sys.executable, "-P", "-c", START, ROOT, module, *arguments]


def leave_out_current_folder() -> None:
    """Removes the current folder from the import paths, also of processes started later.

    `python -m` looks there first, and so does an empty entry of PYTHONPATH. The folder stays where
    our own packages lie in it.
    """
    try:
        here = os.getcwd()
    except OSError:  # the folder was deleted
        return
    if os.path.realpath(here) == ROOT:
        return
    sys.path[:] = [each for each in sys.path if each not in ("", here)]
    if "PYTHONPATH" in os.environ:
        entries = os.environ["PYTHONPATH"].split(os.pathsep)
        others = [each for each in entries if each not in ("", ".", here)]
        os.environ["PYTHONPATH"] = os.pathsep.join(others)


def end_with(parent: int) -> None:
    """Have the system send SIGTERM to this process when its parent dies, however that happens.

    On Linux alone: elsewhere nothing is done.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it died before it could be watched
            os._exit(128 + signal.SIGTERM)


class Ended(SystemExit):
    """The process was asked to end by a signal; what it has begun is cleaned up first."""

    def __init__(self, received: signal.Signals) -> None:
        super().__init__(128 + received)
        self.received = received


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within this context SIGTERM and SIGHUP raise `Ended`, as Ctrl-C raises an exception.

    Later signals do not disturb what is cleaned up then. An ignored signal stays ignored. Only the
    main thread can handle signals; in another one, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    previous = {key: handler for key, handler in handlers.items() if handler is not signal.SIG_IGN}

    def end(number: int, _: FrameType | None) -> None:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(signal.Signals(number))

    for number in previous:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`, as malloc.h numbers them."""


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed for the next tensor; other C libraries are left alone.

    By default it gives large blocks back to the system, which then has to clear the same pages
    again: some 30,000 of them in each update of a small network, up to a third of the time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(MMAP_MAX, 0)
    mallopt(TRIM_THRESHOLD, -1)


USERS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Environment variables by which users decide it, for the OpenMP of GNU, LLVM and Intel."""

SPINS = 3000
"""Turns of GNU's waiting loop, about as long as it takes to wake a sleeping thread."""


def wait_briefly() -> None:
    """Lets idle threads sleep soon instead of spinning, unless the user chose otherwise.

    By default a thread of OpenMP keeps its core for milliseconds while it waits. Beside other
    processes that makes training ten times slower, because the thread that is waited for may have
    no core. OpenMP reads the environment when it is loaded, so a call after torch is imported has
    no effect. Results do not depend on it.
    """
    if not any(name in os.environ for name in USERS):
        # GNU's OpenMP reads the spin count; others read the policy.
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": str(SPINS)}


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


PATIENCE_WITH_STORE = timedelta(seconds=10)
"""The time that a process waits for the store of `torchrun`, which lies in another process."""


def is_first_process() -> bool:
    """Return whether this process reports and saves: the only one, or `torchrun`'s first."""
    return os.environ.get("RANK", "0") == "0"


def is_first_to_say(message: str) -> bool:
    """Return whether no other process that `torchrun` has started has asked this for a message.

    All of them make most mistakes of a command alike. Where the store of `torchrun` cannot be
    reached, and without `torchrun`, each process is the first.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return True
    from torch.distributed.rendezvous import rendezvous  # which takes a second

    try:
        store, *_ = next(rendezvous("env://", timeout=PATIENCE_WITH_STORE))
        digest = hashlib.sha256(message.encode(errors="replace")).hexdigest()
        return int(store.add(f"specformer/said/{digest}", 1)) == 1
    except (RuntimeError, ValueError):
        return True


def own_command() -> str:
    """Return the words that start `specformer`, as this process was started: alone or by torchrun.

    Where processes run on several machines, dots stand for options that are not known here.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return "specformer"
    machines = os.environ.get("GROUP_WORLD_SIZE", "1")
    words = [f"--nproc-per-node {os.environ.get('LOCAL_WORLD_SIZE', '1')}", "-m runtime"]
    if machines != "1":
        words.insert(0, f"--nnodes {machines}")
        words.insert(2, "...")
    return " ".join(("torchrun", *words))


def resuming(run: Path, options: Sequence[str] = ()) -> str:
    """Return the command that goes on with a run, with these options of the former command."""
    import shlex  # which may lie in the current folder until `leave_out_current_folder` is called

    words = ("train", str(run / "package"), "--out", str(run), "--resume", *options)
    return f"{own_command()} {shlex.join(words)}"
