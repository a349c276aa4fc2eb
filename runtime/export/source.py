"""A trained network that is exported, with all that belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from compiler.spec.load import Loaded
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.checkpoints.choice import Weights
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.inference.batch_decoder import longest_read
from runtime.inference.ends import Ends
from runtime.inference.translator import prefix_tokens
from runtime.package import Package
from runtime.run import Run


@dataclass(frozen=True, kw_only=True)
class Exportable:
    """A run with the weights that are exported."""

    run: Run
    loaded: Loaded
    """Its complete spec, with the places of settings in the file of its author or in the lock."""
    tensors: Mapping[str, Tensor]
    """The weights in float32, by the names of the run's checkpoints."""
    tokenizers: tuple[Tokenizer, Tokenizer]
    """The tokenizers of source and target: one object for one vocabulary."""
    weights: Weights
    """The checkpoints that the weights are taken from."""
    checkpoints: Mapping[str, str]
    """The SHA-256 of the weights of each of these checkpoints, by the name of its folder."""
    parameters: int
    """The number of parameters; shared ones count once."""

    @classmethod
    def of(cls, run: Run, loaded: Loaded, average: int | None = None) -> "Exportable":
        """Return what is exported of a run; `average` counts the last checkpoints.

        Raises a UserError as `Run.load_model` does.
        """
        model = run.load_model(average)
        return cls(
            run=run,
            loaded=loaded,
            tensors={name: _float32(tensor) for name, tensor in model.state_dict().items()},
            tokenizers=run.tokenizers(),
            weights=run.used(average),
            checkpoints=run.weights_digests(average),
            parameters=sum(each.numel() for each in model.parameters()),
        )

    @property
    def package(self) -> Package:
        """The generated package of the run."""
        return self.run.package

    @property
    def spec(self) -> Spec:
        return self.run.package.spec

    @cached_property
    def prefix(self) -> list[int]:
        """The tokens of `decoding.prefix`; none where there is no such thing."""
        prefix = self.spec.decoding.prefix
        if not TASKS[self.spec.task].reads_a_source or prefix is None:
            return []
        longest, place = longest_read(self.spec), "`decoding.prefix`"
        return prefix_tokens(prefix, self.tokenizers[1], longest, place)

    @property
    def ends(self) -> Ends:
        """The tokens that end what the network writes."""
        return Ends.of(self.spec, self.tokenizers[1])

    def model(self) -> nn.Module:
        """Return the network with these weights, in evaluation mode and float32."""
        model = self.package.model_class()
        model.load_state_dict(dict(self.tensors))
        return model.eval()


def _float32(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32) if tensor.is_floating_point() else tensor
