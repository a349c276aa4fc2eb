"""A folder that transformers has opened, asked as the run's own network is."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.export.generation import generation_config
from compiler.spec.decoding import BeamSearch
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.export.exporter import Answer, Rows
from runtime.export.source import Exportable
from runtime.inference.batch_decoder import (
    length_batches,
    longest_continuation,
    longest_read,
    longest_translation,
    padded,
)
from runtime.inference.ends import Ends
from runtime.inference.generator import continued


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model of transformers with its tokenizers, whose tokens have the run's numbers."""

    model: Any
    spec: Spec
    tokenizers: tuple[Any, Any]
    """The tokenizers of the folder for source and target."""
    prefix: Sequence[int]
    """The tokens that every translation begins with."""
    ends: Ends

    @classmethod
    def of(cls, folder: Path, exportable: Exportable, auto: str, target: str) -> "Opened":
        """Open a folder by the class `auto` of transformers; `target` is that of a tokenizer."""
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        own = {"trust_remote_code": True, "local_files_only": True}
        find = transformers.AutoTokenizer.from_pretrained
        with code_removed(folder):
            source = find(folder, **own)
            other = find(folder / target, **own) if (folder / target).is_dir() else source
            model = getattr(transformers, auto).from_pretrained(folder, **own)
        return cls(
            model=model.eval(),
            spec=exportable.spec,
            tokenizers=(source, other),
            prefix=exportable.prefix,
            ends=exportable.ends,
        )

    @torch.inference_mode()
    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[Tensor]:
        """Return for each target the log-probabilities of its tokens and of END [tokens + 1]."""
        found: dict[int, Tensor] = {}
        for batch in length_batches([len(each) for each in targets]):
            read = padded([[BEGIN, *targets[row]] for row in batch])
            if sources is None:
                logits = self.model(input_ids=read).logits
            else:
                source = padded([[*sources[row], END] for row in batch])
                mask = source.ne(PADDING).long()
                logits = self.model(source, mask, decoder_input_ids=read).logits
            for row, each in zip(batch, logits.log_softmax(-1), strict=True):
                labels = torch.tensor([*targets[row], END])
                found[row] = each[: len(labels)].gather(1, labels.unsqueeze(1)).squeeze(1)
        return [found[row] for row in range(len(targets))]

    @torch.inference_mode()
    def outputs(self, texts: Rows) -> list[Tensor]:
        """Return what a network without a decoder makes of each text (see `ExportedEncoder`)."""
        found: dict[int, Tensor] = {}
        for batch in length_batches([len(each) for each in texts]):
            read = padded([[BEGIN, *texts[row], END] for row in batch])
            output = self.model(input_ids=read, attention_mask=read.ne(PADDING).long())
            values = output.pooler_output if self.spec.model.pooling else output.logits
            for row, each in zip(batch, values, strict=True):
                found[row] = each if each.dim() == 1 else each[: len(texts[row]) + 2]
        return [found[row] for row in range(len(texts))]

    @torch.inference_mode()
    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what `generate` writes for each line, of at most as many tokens as here."""
        spec = self.spec.model_copy(update={"decoding": decoding})
        found: dict[int, Answer] = {}
        for limit, rows in self._by_limit(lines, spec).items():
            for start in range(0, len(rows), 32):
                several = rows[start : start + 32]
                answers = self._written([lines[row] for row in several], spec, limit)
                found |= dict(zip(several, answers, strict=True))
        return [found[row] for row in range(len(lines))]

    def honoured(self, decoding: BeamSearch) -> BeamSearch:
        """Return the decoding itself: greedy search has all its settings."""
        return decoding

    def _by_limit(self, lines: Sequence[str], spec: Spec) -> dict[int, list[int]]:
        """Return the lines that may become texts of so many tokens, by the number of tokens."""
        reads = TASKS[spec.task].reads_a_source
        groups: dict[int, list[int]] = {}
        for row, line in enumerate(lines):
            length = min(len(self.tokenizers[0](line).input_ids) - 1, longest_read(spec))
            limit = (
                longest_translation(spec, length, len(self.prefix))
                if reads
                else longest_continuation(spec, length)
            )
            groups.setdefault(limit, []).append(row)
        return groups

    def _written(self, lines: list[str], spec: Spec, limit: int) -> Iterator[Answer]:
        batch = self.tokenizers[0](lines, return_tensors="pt", padding=True, truncation=True)
        begun = batch["input_ids"]
        if TASKS[spec.task].reads_a_source:
            begun = torch.tensor([[BEGIN, *self.prefix]] * len(lines))
        rows = self.generated(self.model, batch, begun, spec, limit)
        for line, row in zip(lines, rows, strict=True):
            new = row[begun.size(1) :].tolist()
            stop = next((n for n, each in enumerate(new) if each in self.ends.tokens), len(new))
            tokens = (each for each in new[:stop] if each != PADDING)
            yield Answer(text=self.text(line, row, begun.size(1), stop), tokens=tuple(tokens))

    def text(self, line: str, row: Tensor, begun: int, count: int) -> str:
        """Return the text of a row [begun + new], of `count` new tokens; a prompt stays the line.

        Tokens have the numbers of the folder.
        """
        decode = partial(self.tokenizers[1].decode, skip_special_tokens=True)
        whole = str(decode(row[: begun + count]))
        if TASKS[self.spec.task].reads_a_source:
            return whole
        return continued(line, decode(row[:begun]), whole)

    def generated(self, model: Any, batch: Any, begun: Tensor, spec: Spec, limit: int) -> Tensor:
        """Return the tokens that `generate` makes of texts, `limit` new ones at most.

        `begun` [batch, begun] are those that every row begins with; the result [batch, begun + new]
        has them, too. All that the file of the folder says of `generate` is used as it stands
        there, but for settings in which the method of `spec` is not that of the run.
        """
        if not limit:
            return begun
        is_forced = TASKS[spec.task].reads_a_source and len(self.prefix) == 1
        if TASKS[spec.task].reads_a_source and len(self.prefix) > 1:
            batch["decoder_input_ids"] = begun
        own, other = (generation_config(each).config for each in (self.spec, spec))
        changed = {key for key in (*own, *other) if own.get(key) != other.get(key)}
        settings = deepcopy(model.generation_config)
        settings.update(**{key: other.get(key) for key in changed})
        settings.max_new_tokens = limit + is_forced
        found: Tensor = model.generate(**batch, generation_config=settings)
        return found


@contextmanager
def code_removed(folder: Path) -> Iterator[None]:
    """Remove the copy of a folder's code that transformers keeps, whether the folder opens or not.

    Copies that were there before stay.
    """
    from transformers.dynamic_module_utils import (
        HF_MODULES_CACHE,
        TRANSFORMERS_DYNAMIC_MODULE_NAME,
        _sanitize_module_name,
    )

    name = _sanitize_module_name(folder.name)
    place = Path(HF_MODULES_CACHE) / TRANSFORMERS_DYNAMIC_MODULE_NAME / name
    before = set(place.iterdir()) if place.is_dir() else None
    try:
        yield
    finally:
        if before is None:
            shutil.rmtree(place, ignore_errors=True)
        else:
            for each in set(place.iterdir()) - before:
                shutil.rmtree(each, ignore_errors=True)
