"""Tokenise the lines of a corpus, many at a time, by one process or by several.

Each worker process is a new interpreter that runs `tokenising_worker.py`, since a fork of a process
with threads may hang. Pieces of lines go to the workers and come back in the order of the lines, so
that what is written does not depend on the number of processes.
"""

import os
import pickle
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TypeVar

import numpy as np

from runtime.data.sentences import PLACE, TOKEN, Sentences
from runtime.data.tokenizers.tokenizer import Tokenizer, load_tokenizers
from runtime.errors import UserError
from runtime.system.process import count_cores, module_command
from runtime.system.terminal import progress

PIECE = 20_000
"""Lines that are tokenised at a time."""

FEWEST = 5 * PIECE
"""Lines for which it pays to start another process, which takes about a second."""

SELDOM = 60.0
"""Seconds between two reports where no terminal shows a bar."""

WORKER = "runtime.data.tokenising_worker"

Row = TypeVar("Row")
Columns = Sequence[Sequence[str]]
Packed = list[tuple[bytes, bytes]]
"""The tokens of each column and where each line of it ends, as `packed` writes them."""


@dataclass(slots=True, kw_only=True)
class _Sharing:
    """The processes for one part of the data, and who hears of their progress."""

    processes: int
    advance: Callable[[int], None]
    ends: ExitStack = field(default_factory=ExitStack)


_sharing: ContextVar[_Sharing | None] = ContextVar("sharing", default=None)


@contextmanager
def sharing(
    part: str, lines: int, report: Callable[[str], None], processes: int | None = None
) -> Iterator[None]:
    """Within this context so many lines are tokenised by several processes, if that pays.

    By default they are as many as the cores that this process may use. They end with the context.
    """
    most = processes if processes is not None else max(1, min(count_cores(), lines // FEWEST))
    with _told(part, lines, report) as advance:
        shared = _Sharing(processes=min(most, -(-lines // PIECE)), advance=advance)
        token = _sharing.set(shared)
        try:
            with shared.ends:
                yield
        finally:
            _sharing.reset(token)


def tokenised_pieces(
    rows: Iterator[Row], columns: Callable[[Row], Sequence[str]], tokenizers: Path
) -> Iterator[tuple[list[Row], tuple[Sentences, ...]]]:
    """Yield rows with the tokens of their columns, which are at most two, many rows at a time.

    Raises what the tokenizers raise, and a UserError if a process is killed.
    """
    shared = _sharing.get() or _Sharing(processes=1, advance=lambda _: None)
    pieces = iter(lambda: list(islice(rows, PIECE)), [])
    texts = ((piece, list(zip(*map(columns, piece), strict=True))) for piece in pieces)
    if shared.processes > 1:
        workers = shared.ends.enter_context(_Workers.started(tokenizers, shared.processes))
        found = workers.answers(texts)
    else:
        sides = load_tokenizers(tokenizers)
        found = ((piece, packed(sides, each)) for piece, each in texts)
    for piece, answer in found:
        shared.advance(len(piece))
        yield piece, tuple(_unpacked(*each) for each in answer)


def packed(tokenizers: tuple[Tokenizer, Tokenizer], columns: Columns) -> Packed:
    """Return the tokens of columns of lines: those of the first by the first tokenizer."""
    found: Packed = []
    for tokenizer, lines in zip(tokenizers, columns, strict=False):
        sentences = Sentences.joining(tokenizer.encode_lines(lines))
        found.append((sentences.tokens.tobytes(), sentences.ends.tobytes()))
    return found


def _unpacked(tokens: bytes, ends: bytes) -> Sentences:
    return Sentences.of(np.frombuffer(tokens, TOKEN), np.frombuffer(ends, PLACE))


class _Worker:
    """A process that tokenises what it is sent."""

    def __init__(self, tokenizers: Path) -> None:
        self._process = subprocess.Popen(
            module_command(WORKER, str(os.getpid()), str(tokenizers)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Both libraries would start a thread for each core, in each of the processes.
            env=os.environ | {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )

    def ask(self, columns: Columns) -> Packed | None:
        """Return the tokens of columns; None where they cannot be sent, or a tokenizer fails.

        Raises a UserError if the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            message = pickle.dumps(columns, pickle.HIGHEST_PROTOCOL)
        except Exception:
            return None
        try:
            self._process.stdin.write(message)
            self._process.stdin.flush()
            answer: Packed | None = pickle.load(self._process.stdout)
            return answer
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            status = self._process.wait()
            how = f"signal {-status}" if status < 0 else f"status {status}"
            raise UserError(
                f"a process that tokenises text ended with {how}, perhaps for want of memory",
                help="free some memory, or let one process do it: `taskset --cpu-list 0` before "
                "the command",
            ) from error

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process and close its pipes, which no thread uses any more."""
        self.end()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent yet
                    pipe.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workers:
    """Processes, each of which a thread of this one waits for."""

    tokenizers: Path
    threads: ThreadPoolExecutor
    idle: SimpleQueue[_Worker]
    number: int

    @classmethod
    @contextmanager
    def started(cls, tokenizers: Path, number: int) -> Iterator[Self]:
        """Start processes, which end with the context."""
        workers: list[_Worker] = []
        idle: SimpleQueue[_Worker] = SimpleQueue()
        with ExitStack() as stack:
            for _ in range(number):
                workers.append(_Worker(tokenizers))
                stack.callback(workers[-1].close)
            threads = ThreadPoolExecutor(number)
            stack.callback(threads.shutdown, cancel_futures=True)
            for worker in workers:
                stack.callback(worker.end)  # before its thread, which waits for it
                idle.put(worker)
            yield cls(tokenizers=tokenizers, threads=threads, idle=idle, number=number)

    def answers(
        self, pieces: Iterator[tuple[list[Row], Columns]]
    ) -> Iterator[tuple[list[Row], Packed]]:
        """Yield pieces and their tokens in order; two a process are at work, or wait."""
        asked = (
            (piece, columns, self.threads.submit(self._answer, columns))
            for piece, columns in pieces
        )
        waiting = deque(islice(asked, 2 * self.number))
        while waiting:
            piece, columns, answer = waiting.popleft()
            # An error is met again here, which raises what one process would raise.
            found = answer.result() or packed(load_tokenizers(self.tokenizers), columns)
            waiting.extend(islice(asked, 1))
            yield piece, found

    def _answer(self, columns: Columns) -> Packed | None:
        worker = self.idle.get()
        try:
            return worker.ask(columns)
        finally:
            self.idle.put(worker)


@contextmanager
def _told(part: str, lines: int, report: Callable[[str], None]) -> Iterator[Callable[[int], None]]:
    """Give a function that counts lines; a bar on a terminal, or else now and then a report."""
    if lines > PIECE and sys.stderr and sys.stderr.isatty():
        with progress(f"tokenising data.{part}", lines) as advance:
            yield advance
        return
    done, told = 0, time.monotonic()

    def count(more: int) -> None:
        nonlocal done, told
        done += more
        if time.monotonic() - told >= SELDOM:
            told = time.monotonic()
            report(f"tokenising data.{part}: {done:,} of {lines:,} lines")

    yield count
