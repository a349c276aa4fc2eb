"""The choices of how this machine computes a training, kept in the `run.json` of its run.

A spec leaves some choices to the machine, since the best one depends on the device. They are
resolved when a run begins; a run that is continued computes as it began.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import torch

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import BatchKind
from runtime.data.batches import Batcher
from runtime.system.devices import refuse_missing_bfloat16
from runtime.training.batching import Written, choose_batching, is_native
from runtime.training.precision import Precision, choose_precision, float32_products

RECORD = "computation"
"""The key of `run.json` under which the choices are recorded."""
FORMER = "former_computations"
"""The key of `run.json` for the choices that a run had until it went on with others."""
AS_BEGUN = "chosen when it began"
"""The reason for a choice that was made before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """The choices that were left to the machine, resolved."""

    precision: Precision
    """The type of matrix products; weights and sums stay float32."""
    precision_reason: str
    tf32: bool
    """Return whether a GPU may multiply what is left of float32 numbers in TF32."""
    batching: BatchKind
    """The form of the batches, on which their order depends, too."""
    batching_reason: str
    batching_written: Written
    """The setting of the spec for which the form was chosen."""

    @classmethod
    def resolve(cls, training: Training, device: torch.device) -> Self:
        """Return the choices for a new run on a device."""
        precision, reason = choose_precision(training.precision, device)
        kind, batching_reason = choose_batching(training.batching, device, precision)
        return cls(
            precision=precision,
            precision_reason=reason,
            tf32=device.type == "cuda" and training.precision != "float32",
            batching=kind,
            batching_reason=batching_reason,
            batching_written=training.batching,
        )

    @classmethod
    def of_record(cls, begun: Mapping[str, Any], training: Training, device: torch.device) -> Self:
        """Return the choices that a run began with.

        `begun` is the content of its `run.json`. What it does not say, as those of former versions,
        is resolved anew; a precision that the spec writes counts more than the record. Raises a
        UserError for bfloat16 on a GPU that does not have it.
        """
        new = asdict(cls.resolve(training, device))
        kept = {key: value for key, value in begun.get(RECORD, {}).items() if key in new}
        kept.pop("precision_reason", None)
        if kept.get("batching_written") != training.batching:
            kept = {key: value for key, value in kept.items() if not key.startswith("batching")}
        if training.precision != "auto":
            kept.pop("precision", None)
        elif kept.get("precision", new["precision"]) != new["precision"]:
            kept["precision_reason"] = AS_BEGUN
        if "batching" in kept and not is_native(kept["batching"], training.batching, device):
            kept["batching_reason"] = AS_BEGUN
        chosen = cls(**new | kept | {"tf32": new["tf32"]})
        if "batching" not in kept:  # the precision that is kept decides, too
            kind, reason = choose_batching(training.batching, device, chosen.precision)
            chosen = replace(chosen, batching=kind, batching_reason=reason)
        if chosen.precision == "bfloat16":
            refuse_missing_bfloat16(device)
        return chosen

    def record(self) -> dict[str, Any]:
        """Return the entry for `run.json`."""
        return {RECORD: asdict(self)}

    def record_after(self, begun: Mapping[str, Any], update: int) -> dict[str, Any]:
        """Return the entries for the `run.json` of a run that computed otherwise until an update.

        Its former choices are kept in a list, each with the update that it counted until.
        """
        former = [*begun.get(FORMER, [])]
        if self.changes(begun):
            former.append({"until_update": update, **begun[RECORD]})
        return self.record() | ({FORMER: former} if former else {})

    def changes(self, begun: Mapping[str, Any]) -> list[str]:
        """Name in words the choices in which these differ from those of a `run.json`.

        Those that it does not have are not known.
        """
        kept = begun.get(RECORD, {})
        words = (
            ("precision", f"{self.precision} products in place of {kept.get('precision')}"),
            ("tf32", f"{'TF32' if self.tf32 else 'no TF32'} for what is float32"),
            ("batching", f"{self.batching} batches in place of {kept.get('batching')}"),
        )
        return [
            text for key, text in words if kept.get(key, getattr(self, key)) != getattr(self, key)
        ]

    def is_recorded(self, begun: Mapping[str, Any]) -> bool:
        """Tell whether a `run.json` holds these choices, for whatever reasons."""
        kept, own = begun.get(RECORD, {}), asdict(self)
        return all(kept.get(key) == own[key] for key in own if not key.endswith("_reason"))

    def products(self, device: torch.device) -> AbstractContextManager[None]:
        """Return the context in which a GPU multiplies float32 numbers as was chosen."""
        return float32_products(tf32=self.tf32) if device.type == "cuda" else nullcontext()

    def in_words(self, batcher: Batcher) -> str:
        """Return the choices in words, for the line that describes a run with these batches."""
        tf32 = ", TF32 for what is float32" if self.tf32 else ""
        products = f"{self.precision} products{tf32} ({self.precision_reason})"
        return f"{products}, {batcher} ({self.batching_reason})"
