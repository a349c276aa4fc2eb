"""Decoding on the pretended GPU: the functions of a model without data, and searches with values.

`decode` calls `start`, `prefill`, `step`, `project` and `keep` of a model, and the choice of the
best candidates, on tensors without data. `search` runs the product's own `BatchDecoder`, loop
included, on tensors whose values are computed on the host; its weights are random.
"""

from collections import Counter
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F

from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.beam_search import best_candidates
from runtime.system.attention_kernels import AttentionRecorder, choose_attention_kernels
from tests.gpu.fake_tensors import DEVICE, pretended_gpu
from tests.gpu.packages import Precision, compiled
from tests.gpu.real_values import gpu_with_values
from tests.gpu.update import CAPABILITY, described

SENTENCES, SOURCE, GIVEN, BEAM, STEPS = 8, 9, 3, 4, 18
DROPPED_AFTER = (5, 12)
"""Steps after which two sentences leave the batch."""


@torch.no_grad()
def decode(name: str, precision: Precision) -> dict[str, Any]:
    """Decode a batch -> the counts of the last step, with the waits of all steps.

    Raises AssertionError for a result that is not on the GPU.
    """
    is_low = precision == "bfloat16"
    choose_attention_kernels(DEVICE)
    waits: Counter[str] = Counter()
    with pretended_gpu() as ledger, torch.autocast("cuda", torch.bfloat16, enabled=is_low):
        model: Any = compiled(name).model_class().to(torch.device("cuda")).eval()
        state = _begun(model)
        token = torch.ones(SENTENCES, 1, dtype=torch.int64, device=DEVICE)
        parent = torch.zeros_like(token)
        for number in range(STEPS):
            ledger.restart()
            recorder = AttentionRecorder(CAPABILITY)
            with recorder if number == STEPS - 1 else nullcontext():
                features = model.step(token, parent, state)
            scores = F.log_softmax(model.project(features).float(), dim=-1)
            total = torch.zeros(token.shape, device=DEVICE)
            best = best_candidates(total, scores, min(2 * BEAM, scores[0].numel()))
            assert {each.device for each in (*best, features)} == {DEVICE}
            if number in DROPPED_AFTER:
                rows = torch.arange(len(token) - 2, device=DEVICE)
                state.keep(rows)
                best = type(best)(*(each[rows] for each in best))
            parent, token = best.parent[:, :BEAM], best.token[:, :BEAM]
            waits += ledger.counts.waits
    return described(ledger.counts, recorder.choices) | {"waits": dict(sorted(waits.items()))}


def _begun(model: Any) -> Any:
    """Return the state of a batch after a few given tokens."""
    state = model.start(torch.ones(SENTENCES, SOURCE, dtype=torch.int64, device=DEVICE))
    given = torch.ones(SENTENCES, GIVEN, dtype=torch.int64, device=DEVICE)
    assert model.prefill(given, state).device == DEVICE
    return state


SEARCH_STEPS = 24


def search(name: str) -> dict[str, Any]:
    """Decode with the product's own loop -> the counts, the waits and the tokens."""
    package = compiled(name)
    least = {"beam": BEAM, "min_length": SEARCH_STEPS, "max_length": SEARCH_STEPS}
    known = {key: value for key, value in least.items() if hasattr(package.spec.decoding, key)}
    decoding = package.spec.decoding.model_copy(update=known)
    spec = package.spec.model_copy(update={"decoding": decoding})
    is_translation = spec.task == "translation"
    texts = [[6, 7, 8, 9], [8, 9, 10, 6], [6, 7, 9, 9]]
    with gpu_with_values() as ledger:
        torch.manual_seed(0)
        model = package.model_class().to(torch.device("cuda")).eval()
        ledger.restart()
        found = BatchDecoder(model, spec, batch_sentences=len(texts)).decode(
            texts if is_translation else None, prefixes=None if is_translation else texts
        )
    tokens = [len(each.tokens) for several in found for each in several]
    counts = ledger.counts
    return {"waits": dict(counts.waits), "kernels": counts.cost.kernels, "tokens": tokens}
