"""The start of `specformer`; `python -m runtime` is the same."""

import gc
from typing import NoReturn


def start() -> NoReturn:
    """Imports the command line and runs it.

    Nothing that an import makes is ever garbage: not to look for it there saves a tenth of the
    start of `check`.
    """
    gc.disable()
    from runtime.system.process import leave_out_current_folder

    leave_out_current_folder()
    from runtime.command.app import main
    from runtime.system.process import wait_briefly

    gc.enable()
    wait_briefly()  # OpenMP reads it when torch is loaded
    main()


if __name__ == "__main__":
    start()
