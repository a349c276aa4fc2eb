"""The size of the batches that a GPU decodes: as many texts as half of its free memory holds.

The time of a step hardly depends on the number of hypotheses before there are thousands of them.
"""

import torch
from torch import Tensor

from runtime.data.symbols import END
from runtime.inference.network import DecodingState, IncrementalModel
from runtime.inference.stepper import Stepper, tensors_of

MOST_SENTENCES = 1024
MOST_HYPOTHESES = 4096
"""Rows of a step beyond which more of them take as many times longer."""
MOST_TOKENS = 65_536
"""Padded tokens of the sources of a batch."""
COPIES_OF_SCORES = 6
"""Tensors of the size of the logits that a step has at once, in float32, at most."""


def gpu_sentences(
    model: IncrementalModel, device: torch.device, source: int, length: int, hypotheses: int
) -> int:
    """Return the number of sentences of a batch, from 1 to MOST_SENTENCES.

    Sources have at most `source` tokens, and hypotheses `length` with all that is given.
    """
    most = max(min(MOST_SENTENCES, MOST_HYPOTHESES // hypotheses), 1)
    each = sentence_bytes(model, device, source, length, hypotheses)
    return max(min(most, free_bytes(device) // 2 // each), 1)


def free_bytes(device: torch.device) -> int:
    """Return the memory that a GPU has left, after torch has given back what it kept for later.

    What a CUDA graph, such as that of an update, keeps for its replays is not given back.
    """
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    return free


@torch.inference_mode()
def sentence_bytes(
    model: IncrementalModel, device: torch.device, source: int, length: int, hypotheses: int
) -> int:
    """Return the bytes of the state and the scores of one sentence, measured on a step of it."""
    token = torch.full((1, 1), END, device=device)
    state = model.start(token.expand(1, source))
    logits = Stepper(model, state, 0)(token, torch.zeros_like(token))
    _fix(state, 1 + hypotheses * length, torch.zeros(hypotheses, dtype=torch.long, device=device))
    scores = COPIES_OF_SCORES * hypotheses * logits.numel() * logits.element_size()
    return scores + sum(each.numel() * each.element_size() for _, _, each in tensors_of(state))


def _fix(state: DecodingState, room: int, newest: Tensor) -> None:
    """Give the state its full room; packages of older versions have it in steps."""
    fix = getattr(state, "fix", None)
    if fix is not None:
        fix(room, newest)
