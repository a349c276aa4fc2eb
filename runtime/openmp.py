"""How the threads of this process wait for each other."""

import os

USERS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Environment variables by which users decide it, for the OpenMP of GNU, LLVM and Intel."""

SPINS = 3000
"""Turns of GNU's waiting loop, about as long as it takes to wake a sleeping thread."""


def wait_briefly() -> None:
    """Lets idle threads sleep soon instead of turning in a loop, unless the user chose otherwise.

    By default a thread of OpenMP keeps its core for milliseconds while it waits. Beside other
    processes that makes training ten times slower, because the thread that is waited for may have
    no core. OpenMP reads the environment when it is loaded: this is of no effect after torch is
    imported. Results do not depend on it.
    """
    if not any(name in os.environ for name in USERS):
        # GNU's OpenMP takes the count; the policy speaks to the others.
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": str(SPINS)}
