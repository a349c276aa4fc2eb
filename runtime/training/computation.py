"""The choices of how this machine computes a training, kept in the `run.json` of its run.

A spec leaves some choices to the machine, since the best one depends on the device. They are
resolved when a run begins; a run that is continued computes as it began.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import torch

from compiler.spec.training import Training

RECORD = "computation"
"""What `run.json` calls the choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """The choices that were left to the machine, resolved."""

    precision: Literal["float32", "bfloat16"]
    """Of matrix products; weights and sums stay float32."""

    @classmethod
    def resolve(cls, training: Training, device: torch.device) -> Self:  # noqa: ARG003
        """Return the choices for a new run on a device."""
        return cls(precision=training.precision)

    @classmethod
    def of_record(cls, begun: dict[str, Any], training: Training, device: torch.device) -> Self:
        """Return the choices that a run began with.

        `begun` is the content of its `run.json`. What a run of a former version does not say is
        resolved anew.
        """
        return cls(**asdict(cls.resolve(training, device)) | begun.get(RECORD, {}))

    def record(self) -> dict[str, Any]:
        """Return the entry for `run.json`."""
        return {RECORD: asdict(self)}

    def __str__(self) -> str:
        """Return the choices in words, for the first line of a run."""
        return self.precision
