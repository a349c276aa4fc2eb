"""The tensors of a class of transformers, by the map of its family run backwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from compiler.export.huggingface.native import Native
from compiler.export.networks import parameters_of_spec
from compiler.source.span import Source
from compiler.spec.spec import Spec
from compiler.vocabulary.rows import Rows
from compiler.weights.family import Family, families, map_of
from compiler.weights.fitted_map import fitted, lines_of
from compiler.weights.map import map_in, read_map
from compiler.weights.rows import NEVER, PER_TOKEN
from runtime.errors import UserError
from runtime.export.coordinates.biases import (
    with_factor_in_tables,
    with_norms_by,
    with_zeros,
)
from runtime.export.coordinates.factors import without_feed_forward_scale, without_output_scale
from runtime.export.coordinates.heads import with_equal_heads
from runtime.export.coordinates.layers import without_turns
from runtime.export.coordinates.positions import with_rows_before, with_tables
from runtime.export.coordinates.rotary import with_halves
from runtime.export.coordinates.stream import with_concatenated, with_other_size
from runtime.export.coordinates.tables import with_own_tables
from runtime.weights.files import Tensors
from runtime.weights.importing import described
from runtime.weights.inverse import export_weights

Numbers = Callable[[Spec, Tensors, Spec], tuple[Spec, Tensors]]
"""A change of a spec and its tensors; the last spec is that which the change leads to."""


def _positions(spec: Spec) -> Any:
    return next(stack.position for _, stack in spec.model.stacks())


NUMBERS: dict[str, Numbers] = {
    "own_layers": lambda spec, tensors, _: without_turns(spec, tensors),
    "whole_tables": lambda spec, tensors, _: with_own_tables(spec, tensors),
    "own_tables": lambda spec, tensors, _: with_own_tables(spec, tensors),
    "equal_heads": lambda spec, tensors, _: with_equal_heads(spec, tensors),
    "feed_forward_scale": lambda spec, tensors, _: without_feed_forward_scale(spec, tensors),
    "output_scale": lambda spec, tensors, _: without_output_scale(spec, tensors),
    "norms": lambda spec, tensors, new: with_norms_by(
        spec, tensors, offset=any(stack.norm.offset for _, stack in new.model.stacks())
    ),
    "halves": lambda spec, tensors, _: with_halves(spec, tensors),
    "tables_of_positions": lambda spec, tensors, new: with_tables(
        spec, tensors, _positions(new).max_length
    ),
    "rows_before": lambda spec, tensors, new: with_rows_before(
        spec, tensors, _positions(new).offset
    ),
    "sines_first": lambda spec, tensors, _: with_concatenated(spec, tensors),
    "scaled_tables": lambda spec, tensors, _: with_factor_in_tables(spec, tensors),
    "scaled_stream": lambda spec, tensors, _: with_other_size(spec, tensors),
    "segments": lambda spec, tensors, new: with_zeros(spec, tensors, new),
    "biases": lambda spec, tensors, new: with_zeros(spec, tensors, new),
}
"""The numbers of each of `compiler.export.huggingface.changes`, by name."""


def in_coordinates(spec: Spec, tensors: Mapping[str, Tensor], native: Native) -> Tensors:
    """Return the tensors of a network in the coordinates of a family."""
    found = dict(tensors)
    for step in native.steps:
        spec, found = NUMBERS[step.change.name](spec, found, step.spec)
        assert spec.model == step.spec.model, f"{step.change.name} led to another spec"
    return found


def without_absent_rows(tensors: Tensors, rows: Rows) -> Tensors:
    """Return tensors whose rows of tokens that the other vocabulary lacks are as imports make them.

    No text has these tokens, and nothing chooses them: training changes nothing there that counts.
    """
    found = dict(tensors)
    for place, row in enumerate(rows.theirs):
        for name in PER_TOKEN:
            if row is None and name in found:
                found[name] = found[name].clone()
                found[name][place] = -NEVER if name == "output_bias" else 0.0
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A network of transformers without numbers.

    `tensors` are those of its files; tied ones are one object under several names.
    """

    model: nn.Module
    tensors: dict[str, Tensor]

    def lacks(self, written: Tensors) -> list[str]:
        """Return the parameters to which nothing was written, and that are no copies of others."""
        own = self.tensors
        filled = {id(own[name]) for name in written}
        return [
            name
            for name, each in own.items()
            if (isinstance(each, nn.Parameter) or each.requires_grad) and id(each) not in filled
        ]

    def require_whole(self, written: Tensors) -> None:
        """Raise a UserError for a parameter that `lacks`; a formula fills what is not trained."""
        own = self.tensors
        if missing := [name for name in self.lacks(written) if own[name].requires_grad]:
            raise UserError(
                f"the run has nothing for {missing[0]} of {type(self.model).__name__}",
                help="this is a fault of the map of its family: please report it with the spec",
            )


def shell_of(config: Any, auto: str) -> Shell:
    """Return the network of a configuration, whose tensors have shapes alone."""
    import transformers

    with torch.device("meta"):
        model = getattr(transformers, auto).from_config(config)
    model.tie_weights()
    return Shell(model=model, tensors=_tensors_of_files(model))


def _tensors_of_files(model: Any) -> dict[str, Tensor]:
    """Return the tensors of a state dict as files have them: those of experts one by one."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, revert_weight_conversion

    own = dict(model.state_dict(keep_vars=True))
    changes = get_model_conversion_mapping(model, add_legacy=False)
    if not any(isinstance(each, WeightConverter) for each in changes):
        return own
    return dict(revert_weight_conversion(model, own))


def their_tensors(
    native: Native, tensors: Tensors, shell: Shell, rows: Rows, classes: Sequence[int]
) -> Tensors:
    """Return the tensors of theirs that the family's map, run backwards, makes of ours."""
    theirs = described(shell.tensors)
    family = families()[native.family]
    own = read_map(map_of(native.family, family, native.spec.task))
    missing = _missing_prefix(family, theirs)
    parameters = parameters_of_spec(native.spec)
    patterns = [*(each.pattern for each in own.ignored), *(each.pattern for each in own.also)]
    ignored = _with_and_without([*patterns, *family.needless], missing)
    lines = lines_of(own, family.lines, missing)
    text = fitted(lines, dict.fromkeys(ignored), parameters, theirs, rows, classes)
    also = tuple(
        replace(each, pattern=pattern)
        for each in own.also
        for pattern in _with_and_without([each.pattern], missing)
    )
    whole = replace(map_in(Source(name="map.yaml", text=text)), also=also)
    found = export_weights(whole, parameters, tensors, theirs)
    if found.partly:
        name, count = next(iter(found.partly.items()))
        raise UserError(f"the run has nothing for {count:,} numbers of {name}")
    shell.require_whole(found.tensors)
    return found.tensors


def _missing_prefix(family: Family, theirs: Mapping[str, object]) -> str:
    """Return what begins names in the map of the family, and none of the class."""
    prefix = family.prefix
    return "" if any(each.startswith(prefix) for each in theirs) else prefix


def _with_and_without(patterns: Sequence[str], prefix: str) -> list[str]:
    return [*patterns, *(each.removeprefix(prefix) for each in patterns)] if prefix else [*patterns]
