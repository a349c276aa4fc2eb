"""From texts to their vectors."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END
from runtime.data.tasks.task import longest_between_symbols
from runtime.inference.batch_decoder import length_batches, padded
from runtime.inference.calls import Report, refuse_several, report_cuts, texts_of
from runtime.inference.network import EncoderPredictor, check_finite, located
from runtime.run import Run
from runtime.training.precision import autocast_of

Vectors = NDArray[np.float32]


class Embedder(EncoderPredictor):
    """An embedding model with its tokenizer."""

    @classmethod
    def of_run(cls, run: Run, model: nn.Module, spec: Spec, workers: int) -> Self:
        """Makes an embedder of a network and the tokenizer of its run."""
        refuse_several(workers)
        return cls(model, run.tokenizers()[0], spec)

    def embed(self, lines: str | Iterable[str], *, report: Report = None) -> Vectors:
        """The vector [width] of a line, or those [texts, width] of several.

        `report` gets a warning for each line that is cut to the longest text of training. Raises a
        UserError that names the line for which the network's numbers overflow.
        """
        found = self.embed_lines(texts_of(lines), report=report)
        vector: Vectors = found[0] if isinstance(lines, str) else found
        return vector

    @torch.inference_mode()
    def embed_lines(
        self, lines: Sequence[str], *, first_line: int = 1, report: Report = None
    ) -> Vectors:
        """The vectors [lines, width], where lines are counted from `first_line` in messages."""
        rows = self._encode(lines, first_line, report)
        found = np.zeros((len(rows), self.width), dtype=np.float32)
        for batch in length_batches([len(row) for row in rows]):
            read = padded([rows[row] for row in batch]).to(self.device)
            with located([first_line + row for row in batch]):
                with autocast_of(self.model):
                    vectors = self.features(read).float()
                check_finite(vectors.isfinite())
            found[batch] = vectors.cpu().numpy()
        return found

    @property
    def width(self) -> int:
        """The numbers of a vector."""
        model = self.spec.model
        return (model.pooling and model.pooling.width) or model.width("encoder")

    def _encode(self, lines: Sequence[str], first_line: int, report: Report) -> list[list[int]]:
        longest = longest_between_symbols(self.spec)
        encoded = self.tokenizer.encode_lines(lines)
        report_cuts(encoded, longest, first_line, report)
        return [[BEGIN, *tokens[:longest], END] for tokens in encoded]
