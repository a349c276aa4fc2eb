"""Starts processes that import nothing from the current folder and end with this one."""

import ctypes
import os
import signal
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
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
    """Has the system send SIGTERM to this process when its parent dies, however that happens.

    On Linux alone: elsewhere nothing is done.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it died before it could be watched
            os._exit(128 + signal.SIGTERM)
