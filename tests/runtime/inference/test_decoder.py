"""Batches, and the processes that share them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.spec.decoding import BeamSearch
from compiler.spec.lock import read_lock
from runtime.errors import DivergenceError, UserError
from runtime.inference.batch_decoder import (
    BATCH_SENTENCES,
    BATCH_TOKENS,
    BatchDecoder,
    length_batches,
    sentences_of_a_batch,
)
from runtime.inference.worker_pool import in_processes, most_workers

pytestmark = pytest.mark.quick

DEMO = Path(__file__).parents[3] / "generated" / "demo" / "spec.lock.yaml"
SOURCES = [[4, 5, 6], [7], [], [8, 9, 10, 11, 12], [5, 5]] * 4

Build = Callable[..., Any]


@pytest.fixture
def make_decoder(tiny_model: Build) -> Callable[..., BatchDecoder]:
    decoding = BeamSearch(beam=3, max_extra_length=6)
    spec = read_lock(DEMO).model_copy(update={"decoding": decoding})
    return lambda **settings: BatchDecoder(tiny_model(seed=2), spec, **settings)


def test_batches_hold_like_lengths_within_their_bounds() -> None:
    lengths = [*range(200), BATCH_TOKENS * 2, 0, *[3] * 300]
    batches = list(length_batches(lengths))
    assert sorted(chain(*batches)) == [i for i, length in enumerate(lengths) if length]
    assert batches[0] == [200]
    for batch in batches[1:]:
        assert len(batch) <= BATCH_SENTENCES
        assert len(batch) * (max(lengths[i] for i in batch) + 1) <= BATCH_TOKENS


def test_a_batch_can_be_smaller() -> None:
    assert list(length_batches([1, 3, 0, 2], 2)) == [[1, 3], [0]]


def test_processes_find_what_one_finds(make_decoder: Callable[..., BatchDecoder]) -> None:
    alone = make_decoder().decode(SOURCES, n_best=2)
    done: list[int] = []
    shared = make_decoder(workers=2, batch_sentences=3).decode(
        SOURCES, n_best=2, advance=done.append
    )
    assert [[each.tokens for each in several] for several in shared] == [
        [each.tokens for each in several] for several in alone
    ]
    assert done == [3] * 5 + [1]


def test_the_empty_sentence_has_the_empty_translation(
    make_decoder: Callable[..., BatchDecoder],
) -> None:
    ((found,),) = make_decoder().decode([[]])
    assert (found.tokens, found.score) == ((), 0.0)


def test_each_process_has_one_thread() -> None:
    pids = list(in_processes(lambda _: (os.getpid(), torch.get_num_threads()), [1, 2, 3], 2))
    assert {threads for _, threads in pids} == {1}
    assert os.getpid() not in {pid for pid, _ in pids}


def test_what_fails_in_a_process_fails_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_processes(lambda item: 1 // item, [1, 0], 2))


def test_a_killed_process_is_explained() -> None:
    with pytest.raises(UserError, match="one of 2 worker processes was killed"):
        list(in_processes(lambda _: os.kill(os.getpid(), signal.SIGKILL), [1, 2], 2))


def test_a_gpu_has_one_worker(tiny_model: Build) -> None:
    model = tiny_model().to("meta")
    assert most_workers(torch.device("meta")) == 1
    with pytest.raises(ValueError, match="one worker on meta"):
        BatchDecoder(model, read_lock(DEMO), workers=2)


FORKS = r"""
import os, sys, time
from runtime.inference.worker_pool import in_processes

def work(item):
    # One write, as the other process writes to the same pipe.
    os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
    time.sleep(60)

list(in_processes(work, [1, 2], 2))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_processes_end_with_the_one_that_started_them() -> None:
    """However that happens; otherwise they would wait for work for ever."""
    with subprocess.Popen([sys.executable, "-c", FORKS], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    end = time.monotonic() + 600  # a busy machine is slow
    while any(Path(f"/proc/{each}/exe").exists() for each in workers):
        assert time.monotonic() < end, "worker processes live on"
        time.sleep(0.05)


def test_a_wide_beam_has_fewer_sentences_in_a_batch() -> None:
    assert [sentences_of_a_batch(beam) for beam in (1, 4, 16, 17, 600, 1000)] == [
        *(64, 64, 64, 60, 1, 1)
    ]
    assert sentences_of_a_batch(1000, 1) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_overflow_names_the_line(
    make_decoder: Callable[..., BatchDecoder], workers: int
) -> None:
    decoder = make_decoder(workers=workers, batch_sentences=3)
    model: Any = decoder.model
    start, project, culprits = model.start, model.project, list[int]()

    def noticing(source: torch.Tensor) -> Any:
        culprits[:] = (source == 12).any(1).nonzero().flatten().tolist()
        return start(source)

    def overflowing(features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = project(features)
        for row in culprits:
            logits[row] = torch.nan
        return logits

    model.start, model.project = noticing, overflowing
    with pytest.raises(DivergenceError, match="line 105: the network's output is not finite"):
        decoder.decode([*SOURCES[:3], [7], [12, 4], [5, 5], [4]], first_line=101)


def test_prefixes_begin_what_is_found(make_decoder: Callable[..., BatchDecoder]) -> None:
    """Prefixes of different lengths give the same in a batch and in processes as alone."""
    prefixes = [[], [5], [6, 7], [8, 9, 10], [11]] * 4
    together = make_decoder().decode(SOURCES, prefixes=prefixes, n_best=2)
    shared = make_decoder(workers=2, batch_sentences=3).decode(SOURCES, prefixes=prefixes, n_best=2)
    free = make_decoder().decode(SOURCES, n_best=2)
    for source, prefix, found, other, without in zip(
        SOURCES, prefixes, together, shared, free, strict=True
    ):
        (alone,) = make_decoder().decode([source], prefixes=[prefix], n_best=2)
        assert [each.tokens for each in found] == [each.tokens for each in alone]
        assert [each.tokens for each in found] == [each.tokens for each in other]
        assert (found == without) == (not prefix or not source)
