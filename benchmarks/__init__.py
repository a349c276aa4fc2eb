"""Our speed beside other people's, side by side in one run. No part of the product."""

from runtime.system.process import wait_briefly

wait_briefly()  # before torch loads OpenMP; the processes of all engines inherit it
