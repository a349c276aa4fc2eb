"""A folder that transformers has opened, asked as the run's own network is."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from compiler.export.generation import Symbols, generation_config
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
from runtime.inference.translator import prefix_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model of transformers with its tokenizers, whose tokens have the run's numbers."""

    model: Any
    spec: Spec
    tokenizers: tuple[Any, Any]
    """Those of the folder, of source and target."""
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
        source = find(folder, **own)
        other = find(folder / target, **own) if (folder / target).is_dir() else source
        model = getattr(transformers, auto).from_pretrained(folder, **own)
        for each in (model, model.config):
            forget_code(type(each).__module__)
        return cls(
            model=model.eval(),
            spec=exportable.spec,
            tokenizers=(source, other),
            prefix=prefix_of(exportable),
            ends=ends_of(exportable),
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
        """Return what a network without a decoder makes of each text, as `Exported` has it."""
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
        import transformers

        source, target = self.tokenizers
        batch = source(lines, return_tensors="pt", padding=True, truncation=True)
        begun = batch["input_ids"]
        if TASKS[spec.task].reads_a_source:
            begun = torch.tensor([[BEGIN, *self.prefix]] * len(lines))
            batch["decoder_input_ids"] = begun
        symbols = Symbols(ends=self.ends.others)
        known = generation_config(spec, symbols, self.prefix).config
        settings = transformers.GenerationConfig(**known | {"max_new_tokens": limit})
        rows = self.model.generate(**batch, generation_config=settings) if limit else begun
        for row in rows:
            new = row[begun.size(1) :].tolist()
            stop = next((n for n, each in enumerate(new) if each in self.ends.tokens), len(new))
            text = target.decode(row[: begun.size(1) + stop], skip_special_tokens=True)
            tokens = (each for each in new[:stop] if each != PADDING)
            yield Answer(text=text, tokens=tuple(tokens))


def prefix_of(exportable: Exportable) -> list[int]:
    """Return the tokens of `decoding.prefix`; none where there is no such thing."""
    spec = exportable.spec
    if not TASKS[spec.task].reads_a_source or spec.decoding.prefix is None:
        return []
    longest = longest_read(spec)
    return prefix_tokens(
        spec.decoding.prefix, exportable.tokenizers[1], longest, "`decoding.prefix`"
    )


def ends_of(exportable: Exportable) -> Ends:
    """Return the tokens that end what a network writes."""
    return Ends.of(exportable.spec, exportable.tokenizers[1])


def forget_code(module: str) -> None:
    """Remove the copy of a folder's code that transformers keeps for the next time."""
    from transformers.dynamic_module_utils import HF_MODULES_CACHE

    place = Path(sys.modules[module].__file__ or "").parent
    if Path(HF_MODULES_CACHE) in place.parents:
        shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):  # that of the folder's name, if it holds no other
            shutil.rmtree(place.parent / "__pycache__", ignore_errors=True)
            (place.parent / "__init__.py").unlink(missing_ok=True)
            place.parent.rmdir()
