"""Sets how idle threads of OpenMP wait."""

import os

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
