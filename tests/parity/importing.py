"""Our model of a folder's `spec.yaml`, with foreign weights through the map of its family."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor, nn

from compiler.pipeline import CompiledPackage, compile_spec
from compiler.weights.family import map_named
from compiler.weights.parameters import named_parameters
from runtime.weights.importing import import_weights
from tests.support.packages import import_package

HERE = Path(__file__).parent
OTHERS = {
    "blenderbot_small": "bart",
    "camembert": "roberta",
    "cohere2": "cohere",
    "cwm": "llama",
    "ernie4_5": "llama_tied",
    "exaone4": "olmo2",
    "exaone_moe": "dots1",
    "flaubert": "xlm",
    "gemma": "llama_tied",
    "glm4_moe_lite": "deepseek_v3",
    "helium": "llama",
    "jais2": "arcee",
    "llama3": "llama",
    "llama_yarn": "llama",
    "mellum": "olmoe",
    "ministral": "llama",
    "mistral": "llama",
    "ministral3": "llama",
    "mixtral": "mixtral_stacked",
    "mt5": "t5",
    "mvp": "bart",
    "nomic_bert_silu": "nomic_bert",
    "olmo3": "olmo2",
    "plbart": "bart",
    "pythia": "gpt_neox",
    "qwen2_yarn": "qwen2",
    "qwen3_moe": "olmoe",
    "seed_oss": "qwen2",
    "smollm3": "llama_tied",
    "xlm_roberta": "roberta",
}
"""Models whose tensors are named as those of another family."""


def map_file(name: str) -> Path:
    """Return the map that brings the tensors of a model into ours.

    A map of a published model is part of the product; that of `torch.nn` lies beside its spec.
    """
    own = HERE / name / "map.yaml"
    return own if own.is_file() else map_named(OTHERS.get(name, name))


def imported_model(
    name: str, tensors: Mapping[str, Tensor], workplace: Path, settings: Iterable[str] = ()
) -> nn.Module:
    """Every tensor of theirs must have its place, and every parameter of ours a value."""
    compiled = compile_spec(str(HERE / name / "spec.yaml"), settings)
    return with_weights(compiled, tensors, map_file(name), workplace)


def with_weights(
    compiled: CompiledPackage, tensors: Mapping[str, Tensor], map: Path, workplace: Path
) -> nn.Module:
    """The network of a package, with the tensors that a map brings to it."""
    parameters = list(named_parameters(compiled.model))
    model: nn.Module = import_package(compiled, workplace).Model()
    model.load_state_dict(import_weights(parameters, tensors, map))
    return model.eval()
