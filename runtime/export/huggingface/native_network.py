"""A class of transformers asked with the run's numbers of tokens, which may be others there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from compiler.export.generation import Symbols
from compiler.spec.model import Pooling
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from compiler.weights.rows import NEVER, unwanted
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.export.exporter import Answer
from runtime.export.huggingface.opened import Opened
from runtime.export.source import Exportable
from runtime.inference.ends import Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Renumbered:
    """A model of transformers whose tokens and logits have the run's order."""

    model: Any
    rows: Rows
    classes: Sequence[int]
    """Their number of each of our labels."""
    pooling: Pooling | None

    def theirs(self, tokens: Tensor) -> Tensor:
        """Return tokens as theirs; one that their vocabulary lacks is some other one."""
        return torch.tensor([each or 0 for each in self.rows.theirs])[tokens]

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
    ) -> SimpleNamespace:
        """Return logits in our order, or one vector for each text."""
        given: dict[str, Tensor] = {"input_ids": self.theirs(input_ids)}
        if attention_mask is not None:
            given["attention_mask"] = attention_mask
        if decoder_input_ids is not None:
            given["decoder_input_ids"] = self.theirs(decoder_input_ids)
        output = self.model(**given)
        if self.pooling is not None:
            assert attention_mask is not None
            vector = pooled(output.last_hidden_state, attention_mask, self.pooling)
            return SimpleNamespace(pooler_output=vector)
        return SimpleNamespace(logits=self.ours(output.logits))

    def ours(self, logits: Tensor) -> Tensor:
        """Return logits in the order of our tokens, or of our labels."""
        if self.classes:
            return logits[..., list(self.classes)]
        found = logits[..., [each or 0 for each in self.rows.theirs]]
        never = torch.zeros(len(self.rows))
        never[unwanted(self.rows)] = NEVER
        return found - never


def pooled(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Return one vector [batch, width] for each text of states [batch, position, width]."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    last = mask.sum(1) - 1
    found = {
        "mean": (states * weights).sum(1) / weights.sum(1),
        "first": states[:, 0],
        "last": states[torch.arange(len(states)), last],
    }[pooling.kind]
    return found / found.norm(dim=-1, keepdim=True) if pooling.normalize else found


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeNetwork(Opened):
    """A folder of a class of transformers, and the numbers that our tokens have there."""

    rows: Rows

    @classmethod
    def opened(
        cls,
        folder: Path,
        exportable: Exportable,
        auto: str,
        target: str,
        rows: Rows,
        classes: Sequence[int],
    ) -> "NativeNetwork":
        """Open a folder."""
        found = Opened.of(folder, exportable, auto, target)
        model = Renumbered(
            model=found.model,
            rows=rows,
            classes=classes,
            pooling=exportable.spec.model.pooling,
        )
        return cls(
            model=model,
            spec=found.spec,
            tokenizers=found.tokenizers,
            prefix=found.prefix,
            ends=found.ends,
            rows=rows,
        )

    def _written(self, lines: list[str], spec: Spec, limit: int) -> Iterator[Answer]:
        source = self.tokenizers[0]
        if source.pad_token is None:  # what is padded is masked
            source.pad_token = source.eos_token
        batch = source(lines, return_tensors="pt", padding=True, truncation=True)
        batch.pop("token_type_ids", None)
        begun = batch["input_ids"]
        if TASKS[spec.task].reads_a_source:
            begun = self.model.theirs(torch.tensor([[BEGIN, *self.prefix]] * len(lines)))
        rows = self.generated(self.model.model, batch, begun, spec, limit)
        ends = [self.rows.theirs[each] for each in self.ends.tokens]
        for line, row in zip(lines, rows, strict=True):
            new = row[begun.size(1) :].tolist()
            stop = next((n for n, each in enumerate(new) if each in ends), len(new))
            ours = [self.rows.number(each) for each in new[:stop]]
            text = self.text(line, row, begun.size(1), stop)
            yield Answer(text=text, tokens=tuple(each for each in ours if each != PADDING))


def symbols_of(rows: Rows, ends: Ends) -> Symbols:
    """Return the exported numbers of our symbols, and of the tokens that end a text, too."""
    begin, end, *others = (rows.theirs[each] for each in (BEGIN, END, *ends.others))
    assert begin is not None
    assert end is not None
    return Symbols(
        padding=rows.theirs[PADDING],
        begin=begin,
        end=end,
        ends=tuple(each for each in others if each is not None),
    )
