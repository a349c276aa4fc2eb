"""One row of an ablation as a process: `python -m runtime.ablation.row FOLDER`.

Trains what is queued in the folder, or goes on with it, scores it, writes result.json; or
failure.json with the reason. Ends with 0, with 1 after a failure, with 128 + signal when stopped.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runtime.ablation.record import Failure
from runtime.system.process import end_with, module_command, wait_briefly

FAILED = 1
PATIENCE = 2.0
"""Seconds, for a command that looks whether this row runs already."""


def main(arguments: Sequence[str]) -> int:
    """Runs a row -> the exit code of the process."""
    wait_briefly()
    options = _parser().parse_args(arguments)
    if options.parent:
        end_with(options.parent)  # elsewhere than on Linux the next command waits for this row
    if options.processes > 1 and "RANK" not in os.environ:
        _become_torchrun(options)
    return run_row(options.folder, options.cache, options.device)


def command(
    folder: Path, cache: Path, *, device: str | None, processes: int, parent: int | None
) -> list[str]:
    """Return the command that starts a row; it ends with the process `parent`, if there is one."""
    options = [f"--cache={cache}", f"--processes={processes}"]
    options += [f"--device={device}"] if device else []
    options += [f"--parent={parent}"] if parent else []
    return module_command("runtime.ablation.row", *options, str(folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m runtime.ablation.row", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="where prepared text is kept")
    parser.add_argument("--device", help="cpu, cuda or cuda:1; by default the GPU if any")
    parser.add_argument("--processes", type=int, default=1, help="that train together")
    parser.add_argument("--parent", type=int, help="the process with which this one ends")
    return parser


def _become_torchrun(options: argparse.Namespace) -> None:
    """Puts torchrun, which starts the processes, in the place of this one."""
    again = command(
        options.folder,
        options.cache,
        device=options.device,
        processes=options.processes,
        parent=os.getpid(),
    )
    torchrun = ["-P", "-m", "torch.distributed.run", "--standalone", "--no-python"]
    count = f"--nproc-per-node={options.processes}"
    os.execv(sys.executable, [sys.executable, *torchrun, count, *again])


def run_row(folder: Path, cache: Path, device: str | None) -> int:
    """Runs a row in this process, one of several under torchrun -> the exit code."""
    from runtime.ablation.record import RESULT
    from runtime.system.file_lock import held
    from runtime.system.process import is_first_process

    if not is_first_process():
        return _attempt(folder, cache, device)
    with held(folder, PATIENCE) as is_ours:
        if (folder / RESULT).is_file():
            return 0
        if not is_ours:
            print(f"{folder}: another process runs this row", file=sys.stderr)
            return FAILED
        return _attempt(folder, cache, device)


def _attempt(folder: Path, cache: Path, device: str | None) -> int:
    """Whatever goes wrong becomes a reason that the table can show."""
    from runtime.ablation.execution import execute
    from runtime.errors import DivergenceError, UserError
    from runtime.training.interruption import Interruption

    try:
        execute(folder, cache, device)
    except Interruption as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        return stop.exit_code
    except UserError as error:
        has_diverged = isinstance(error, DivergenceError)
        failure = Failure(reason=str(error), help=error.help, has_diverged=has_diverged)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        failure = Failure(reason=reason, help="output.txt has the traceback")
    else:
        return 0
    return _fail(folder, failure)


def _fail(folder: Path, failure: Failure) -> int:
    """Write why the row failed and return the exit code; on a full disk, print the reason alone."""
    from runtime.ablation.record import write_failure
    from runtime.system.process import is_first_process

    print(f"error: {failure.reason}", file=sys.stderr)
    if is_first_process():
        with suppress(OSError):
            write_failure(folder, failure)
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
