"""The random numbers of dropout. The order of the data needs no state, see `order.py`."""

import numpy as np
import torch
from torch import Tensor


def seed_worker(seed: int, step: int, rank: int) -> None:
    """Gives each process random numbers of its own from here on."""
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's generators that this process draws from, as bytes on the CPU."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Continues where `random_states` was taken."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
