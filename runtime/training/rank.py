"""Which of the processes that `torchrun` starts this one is; known before torch is loaded."""

import os


def is_first_process() -> bool:
    """Whether this is the one that reports and saves: the first, or the only one."""
    return os.environ.get("RANK", "0") == "0"
