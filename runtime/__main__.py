"""The start of `specformer`; `python -m runtime` is the same."""

import gc
from typing import NoReturn


def start() -> NoReturn:
    """Import the command line and run it.

    Nothing that an import makes is ever garbage: the collector does not look for it there, neither
    now nor at the end of the process, which saves a quarter of the time of `check`.
    """
    gc.disable()
    from runtime.system.process import leave_out_current_folder

    leave_out_current_folder()
    from runtime.command.app import main
    from runtime.system.process import wait_briefly

    gc.freeze()
    gc.enable()
    wait_briefly()  # OpenMP reads it when torch is loaded
    main()


if __name__ == "__main__":
    start()
