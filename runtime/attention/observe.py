"""A run's network reads texts, and its attention weights are kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import signature

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compiler.mask.mask import Mask
from compiler.spec.package_files import ATTENTION_WEIGHTS
from runtime.attention.attention import Attention, Layer, LayerWithoutWeights
from runtime.attention.layers import AttentionPlace, MixerPlace, Place, places
from runtime.attention.reader import Reader
from runtime.data.symbols import BEGIN
from runtime.errors import UserError
from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.ends import Ends
from runtime.inference.network import located
from runtime.package import beside_model
from runtime.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """A network in evaluation mode whose attention weights are asked for, on a CPU."""

    run: Run
    model: nn.Module
    checkpoint: str
    """The checkpoints of the weights, in words."""
    reader: Reader
    places: tuple[Place, ...]
    program: Callable[..., dict[str, Tensor]] | None
    """The `attention_weights` of the package; None for a network without attention."""
    masks: dict[tuple[Mask, int, int], NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, run: Run, model: nn.Module | None = None, *, average: int | None = None
    ) -> "Observer":
        """Return an observer of the checkpoints that a run uses; `model` replaces its network.

        `average` counts the last checkpoints whose mean is taken, by default as the spec says.
        Raises a UserError if the package lacks the program that gives the weights.
        """
        found = tuple(places(run.package))
        module = beside_model(run.package.model_class, ATTENTION_WEIGHTS)
        if module is None and any(isinstance(each, AttentionPlace) for each in found):
            raise UserError(
                f"the package of {run.folder} has no {ATTENTION_WEIGHTS}: a former version "
                "of specformer wrote it",
                help="--recompile compiles the run's spec anew, with that file",
            )
        return cls(
            run=run,
            model=run.load_model(average) if model is None else model.eval(),
            checkpoint=str(run.used(average)) if model is None else "an untrained network",
            reader=Reader.of(run),
            places=found,
            program=None if module is None else module.attention_weights,
        )

    @torch.inference_mode()
    def attention(
        self, text: str, target: str | None = None, *, line: int | None = None
    ) -> Attention:
        """Return the weights of all heads for a text; a translation model without target makes one.

        Errors name the line, if any. Raises a TypeError for what is no text, and a UserError for a
        target where there is none, for a text that has no token, and for a package whose model.py
        is not what its spec compiles to.
        """
        _refuse_other_types(text, target)
        with located([line or 1]):
            reading = self.reader.read(
                *(text, target),
                place=f"line {line}" if line else "",
                answer=lambda tokens: self._translation(tokens, line or 1),
            )
            inputs = [torch.tensor([each.numbers]) for each in reading.streams.values()]
            found = self._weights(inputs)
        layers, without = self._layers(found)
        spec = self.run.package.spec
        return Attention(
            run=str(self.run.folder),
            spec=spec.name,
            checkpoint=self.checkpoint,
            task=spec.task,
            text=text,
            streams=reading.streams,
            layers=layers,
            without_weights=without,
            is_given=target is not None if self.reader.task.reads_a_source else None,
            notes=reading.notes,
        )

    def attentions(
        self, texts: Sequence[str], targets: Sequence[str | None]
    ) -> Iterator[Attention]:
        """Yield the weights of several texts, whose lines are counted from 1."""
        for number, (text, target) in enumerate(zip(texts, targets, strict=True), start=1):
            yield self.attention(text, target, line=number)

    def _translation(self, tokens: list[int], line: int) -> list[int]:
        spec = self.run.package.spec
        decoder = BatchDecoder(self.model, spec, ends=Ends.of(spec, self.run.tokenizers()[1]))
        return list(decoder.decode([tokens], first_line=line)[0][0].tokens)

    def batch_weights(self, texts: Tensor, kind: str) -> list[tuple[int, NDArray[np.float32]]]:
        """Return the numbers of layers with weights [text, head, query, key] of a kind.

        texts [text, token] are equally long, as the first stack reads them.
        """
        inputs = [texts]
        if self.reader.task.reads_a_source:
            inputs.append(torch.full((len(texts), 1), BEGIN))
        found = self._weights(inputs)
        own = [each for each in self.places if isinstance(each, AttentionPlace)]
        return [(e.layer, found[e.module].float().numpy()) for e in own if e.kind == kind]

    def _weights(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        if self.program is None:
            return {}
        if "segments" in signature(self.program).parameters:
            inputs = [*inputs, torch.zeros_like(inputs[0])]
        return self.program(self.model, *inputs)

    def _layers(
        self, found: dict[str, Tensor]
    ) -> tuple[tuple[Layer, ...], tuple[LayerWithoutWeights, ...]]:
        layers: list[Layer] = []
        without: list[LayerWithoutWeights] = []
        for place in self.places:
            if isinstance(place, MixerPlace):
                one = LayerWithoutWeights(kind=place.kind, layer=place.layer, words=place.words)
                without.append(one)
            else:
                layers.append(self._layer(place, found))
        return tuple(layers), tuple(without)

    def _layer(self, place: AttentionPlace, found: dict[str, Tensor]) -> Layer:
        weights = found.get(place.module)
        if weights is None or weights.size(1) != len(place.masks):
            raise UserError(
                f"the network of {self.run.folder} is not what its spec compiles to: "
                f"{place.module} is missing, or has another number of heads",
                help="model.py was edited: --recompile shows the network of the spec, if its "
                "weights still fit",
            )
        values = weights[0].float().numpy()
        allowed = np.stack([self.allowed(each, *values.shape[1:]) for each in place.masks])
        texts = tuple(each.text for each in place.masks)
        return Layer(
            kind=place.kind, layer=place.layer, weights=values, allowed=allowed, masks=texts
        )

    def allowed(self, mask: Mask, queries: int, keys: int) -> NDArray[np.bool_]:
        """Return which keys a mask allows [query, key]; each mask is computed once."""
        if (mask, queries, keys) not in self.masks:
            rows = [[mask.predicate(i, j, keys) for j in range(keys)] for i in range(queries)]
            self.masks[mask, queries, keys] = np.array(rows, dtype=bool)
        return self.masks[mask, queries, keys]


def _refuse_other_types(text: object, target: object) -> None:
    """Raise a TypeError unless a text is a string, and its target one or None."""
    if not isinstance(text, str):
        raise TypeError(f"text: expected one text, a string, got {text!r}")
    if not isinstance(target, str | None):
        raise TypeError(f"target: expected one text, a string, or None, got {target!r}")


def attention_of(run: Run, text: str, target: str | None = None) -> Attention:
    """Return the attention weights of all heads of a run for a text; a notebook shows a page.

    A translation model is given a target, or translates the text itself. Raises a TypeError
    for what is no text, and a UserError for a text without a token and a target of another task.
    """
    return Observer.of(run).attention(text, target)
