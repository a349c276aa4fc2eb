"""The same weights compute the same in every engine."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from benchmarks.command import TEST
from benchmarks.engines.engine import (
    LIBRARIES,
    Network,
    Practice,
    Search,
    TrainingEngine,
    open_decoding,
    open_training,
)
from benchmarks.engines.pool import length_batches
from runtime.data.pairs import load_pairs
from runtime.data.symbols import END, PADDING
from runtime.errors import UserError
from runtime.package import load_package
from tests.support.search import beam_search

pytestmark = [
    pytest.mark.quick,
    pytest.mark.filterwarnings("ignore"),  # warnings of other libraries do not matter here
]

MakeNetwork = Callable[..., Network]
BATCHES = [np.arange(5), np.arange(5, 12)]
"""Of sentences of different lengths, so that there is padding."""

PRACTICE = Practice()
PEERS = ("marian", "torch_transformer", "x_transformers")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The tests share few cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def open_installed(engine: str, network: Network) -> TrainingEngine:
    pytest.importorskip(LIBRARIES[engine], reason="a peer: `make bench` installs it")
    return open_training(engine, network, PRACTICE)


@pytest.mark.parametrize("peer", PEERS)
def test_the_loss_is_the_same_and_falls(peer: str, make_network: MakeNetwork) -> None:
    network = make_network()
    ours, theirs = open_training("ours", network, PRACTICE), open_installed(peer, network)
    before = ours.loss(BATCHES)
    assert theirs.loss(BATCHES) == pytest.approx(before, abs=1e-5)
    for engine in (ours, theirs):
        engine.train(BATCHES * 10)
        assert engine.loss(BATCHES) < before
        assert engine.peak_memory() > 2**20


def test_marian_has_a_twin_with_norms_before_the_sub_layers(make_network: MakeNetwork) -> None:
    network = make_network("pre")
    theirs = open_installed("marian", network)
    ours = open_training("ours", network, PRACTICE)
    assert theirs.loss(BATCHES) == pytest.approx(ours.loss(BATCHES), abs=1e-5)


@pytest.mark.parametrize("peer", ["torch_transformer", "x_transformers"])
def test_the_others_refuse_them(peer: str, make_network: MakeNetwork) -> None:
    with pytest.raises(UserError, match="after the sub-layers alone"):
        open_installed(peer, make_network("pre"))


@pytest.mark.parametrize("place", ["post", "pre"])
@pytest.mark.parametrize("peer", ["marian", "ctranslate2"])
def test_greedy_translations_are_the_same(peer: str, place: str, make_network: MakeNetwork) -> None:
    pytest.importorskip(LIBRARIES[peer], reason="a peer: `make bench` installs it")
    network = make_network(place, part=TEST)
    search = Search(beam=1, shortest=0, longest=9, batch_sentences=3, workers=1)
    theirs = open_decoding(peer, network, search)
    ours = open_training("ours", network, PRACTICE)
    assert theirs.loss(BATCHES) == pytest.approx(ours.loss(BATCHES), abs=1e-5)
    pairs = load_pairs(network.pairs)
    sources = [pairs.source(row)[:-1].tolist() for row in range(7)]
    assert theirs.decode(sources) == greedy_by_ours(network, sources, search.longest)
    theirs.close()


def greedy_by_ours(network: Network, sources: list[list[int]], longest: int) -> list[list[int]]:
    package = load_package(network.package)
    from safetensors.torch import load_file

    model = package.model_class().eval()
    model.load_state_dict(load_file(network.weights))
    decoding = package.spec.decoding.model_copy(update={"beam": 1})
    rows = [torch.tensor([*tokens, END]) for tokens in sources]
    source = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
    found = beam_search(model, source, [longest] * len(sources), decoding)
    return [list(best.tokens) for best, *_ in found]


def test_batches_have_sentences_of_like_length_the_longest_first() -> None:
    sources = [[1], [1, 2, 3], [1, 2], [1, 2, 3, 4], []]
    assert length_batches(sources, 2) == [[3, 1], [2, 0], [4]]
