"""The search of exported folders, in numpy, beside the product's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compiler.pipeline import compile_spec
from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import BEGIN, END
from runtime.export.programs.decode import Array, State, search
from runtime.inference.beam_search import BeamSearcher
from runtime.inference.ends import Ends
from runtime.inference.network import read_all_but_last
from tests.support.functional import functional_of
from tests.support.search import beam_search

pytestmark = pytest.mark.quick

SMALL = [
    "model.vocabulary={size: 40}",
    "model.d_model=16",
    "model.attention={heads: 2}",
    "model.feed_forward.d_ff=24",
    "model.encoder.layers=1",
    "model.decoder.layers=1",
]
METHODS = [
    {"beam": 1},
    {"beam": 4},
    {"beam": 4, "normalization": "length", "length_penalty": 1.0},
    {"beam": 3, "length_penalty": 0.0},
    {"beam": 4, "stop": "certain"},
    {"beam": 2, "min_length": 5},
    {"beam": 4, "no_repeat_ngram": 2},
    {"beam": 3, "repetition_penalty": 1.4},
    {"beam": 60, "stop": "certain"},
]


class Functions:
    """A network for the search: its functions of tensors."""

    def __init__(self, functional: Any, model: Any) -> None:
        self.functional, self.model = functional, model

    def start(self, tokens: Array) -> State:
        found = self.functional.start(self.model, torch.from_numpy(tokens))
        return dict(zip(self.functional.STATE, (each.numpy() for each in found), strict=True))

    def step(self, token: Array, parent: Array, position: int, state: State) -> Array:
        read = (token, parent, np.array(position), *state.values())
        logits, *changed = self.functional.step(self.model, *map(torch.from_numpy, read))
        state.update(zip(self.functional.CHANGED, (each.numpy() for each in changed), strict=True))
        return np.asarray(logits.numpy())


@pytest.mark.parametrize("method", METHODS, ids=str)
@torch.inference_mode()
def test_the_search_is_the_one_of_the_product(method: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(3)
    functional, model = functional_of(compile_spec("demo", SMALL), tmp_path)
    torch.nn.init.normal_(model.embedding.weight, std=0.6)
    decoding = BeamSearch(**method)
    for number, prefix in enumerate([(), (7,), (7, 9, 12)] * 3):
        ends = Ends((5, 11, 20)) if number % 2 else Ends()
        source = torch.randint(4, 40, (3 + number,)).tolist()
        limit = 6 + number
        given = torch.tensor([prefix], dtype=torch.int64)
        ((best, *_),) = beam_search(
            model, torch.tensor([[*source, END]]), [limit], decoding, prefix=given, ends=ends
        )
        network = Functions(functional, model)
        text, settings = [BEGIN, *prefix], decoding.model_dump()
        found = search(network, [*source, END], text, limit, settings, ends.tokens)
        assert tuple(found) == best.tokens


@torch.inference_mode()
def test_the_search_continues_prompts(tmp_path: Path) -> None:
    """A language model reads its prompt step by step, and has no source."""
    torch.manual_seed(4)
    sizes = [each for each in SMALL if "encoder" not in each]
    functional, model = functional_of(compile_spec("language-model", sizes), tmp_path)
    torch.nn.init.normal_(model.embedding.weight, std=0.6)
    network = Functions(functional, model)
    for beam in (1, 4):
        decoding = BeamSearch(beam=beam)
        for prompt in ([], [7], [8, 30, 5, 6]):
            text = torch.tensor([[BEGIN, *prompt]])
            state = model.start(text)
            read_all_but_last(model, state, text)
            ((best, *_),) = BeamSearcher(decoding).decode(model, state, text, [9])
            settings = decoding.model_dump()
            assert tuple(search(network, (), [BEGIN, *prompt], 9, settings)) == best.tokens
