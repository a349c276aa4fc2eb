"""Our speed beside other people's, side by side in one run. No part of the product."""

from runtime.openmp import wait_briefly

wait_briefly()  # as commands do; before torch is loaded, and for the processes of all engines
