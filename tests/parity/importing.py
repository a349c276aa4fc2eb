"""Our model of a folder's `spec.yaml`, with foreign weights through the folder's `map.yaml`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor, nn

from compiler.import_map.parameters import named_parameters
from compiler.pipeline import CompiledPackage, compile_spec
from runtime.weights.importing import import_weights
from tests.support.packages import import_package


def imported_model(
    folder: Path, tensors: Mapping[str, Tensor], workplace: Path, settings: Iterable[str] = ()
) -> nn.Module:
    """Every tensor of theirs must have its place, and every parameter of ours a value."""
    compiled = compile_spec(str(folder / "spec.yaml"), settings)
    return with_weights(compiled, tensors, folder / "map.yaml", workplace)


def with_weights(
    compiled: CompiledPackage, tensors: Mapping[str, Tensor], map_file: Path, workplace: Path
) -> nn.Module:
    """The network of a package, with the tensors that a map brings to it."""
    parameters = list(named_parameters(compiled.model))
    model: nn.Module = import_package(compiled, workplace).Model()
    model.load_state_dict(import_weights(parameters, tensors, map_file))
    return model.eval()
