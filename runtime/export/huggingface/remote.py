"""The generated network in a folder of transformers, which runs the code beside the weights.

`model.py` and `training.py` are those of the run, unchanged; `modeling_specformer.py` is what
transformers asks of a network.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from torch import nn

from compiler.export.generation import FILE as GENERATION
from compiler.export.generation import Generation, Symbols, generation_config
from compiler.spec.tasks import TASKS
from compiler.weights.config import AUTO
from runtime.data.prepare import TOKENIZERS
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.tasks.classification import read_labels
from runtime.errors import UserError
from runtime.export.exporter import Exported, Options, Written
from runtime.export.huggingface.model_card import model_card
from runtime.export.huggingface.opened import Opened
from runtime.export.source import Exportable
from runtime.export.template import fill
from runtime.export.tokenizers.files import write_tokenizer
from runtime.package import MODEL, TRAINING

MODELING, CONFIGURATION = "modeling_specformer.py", "configuration_specformer.py"
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
TARGET = "target"
"""The folder of the tokenizer of targets, where they have a vocabulary of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """The class of a task that transformers loads."""

    name: str
    outputs: tuple[str, ...]
    """The classes of its outputs."""


WRAPPERS: dict[str, Wrapper] = {
    "translation": Wrapper(
        name="SpecformerForConditionalGeneration",
        outputs=("BaseModelOutput", "Seq2SeqLMOutput"),
    ),
    "language_model": Wrapper(name="SpecformerForCausalLM", outputs=("CausalLMOutputWithPast",)),
    "masked_language_model": Wrapper(name="SpecformerForMaskedLM", outputs=("MaskedLMOutput",)),
    "classification": Wrapper(
        name="SpecformerForSequenceClassification", outputs=("SequenceClassifierOutput",)
    ),
    "embedding": Wrapper(name="SpecformerModel", outputs=()),
}
"""The classes of tasks."""


@dataclass(frozen=True, slots=True)
class RemoteExporter:
    """Writes and opens folders whose network is the generated code."""

    name: str = "huggingface-remote"
    libraries: Mapping[str, str] = field(
        default_factory=lambda: {"transformers": "transformers", "tokenizers": "tokenizers"}
    )
    quantizations: tuple[str, ...] = ()
    is_compilable: bool = False

    def write(self, exportable: Exportable, folder: Path, _options: Options) -> Written:
        """Write a folder. Raises a UserError for a tokenizer that cannot be written."""
        from safetensors.torch import save_file

        own, spec = exportable, exportable.spec
        source, target = own.tokenizers
        write_tokenizer(spec, source, folder)
        if target is not source:
            (folder / TARGET).mkdir()
            write_tokenizer(spec, target, folder / TARGET)
        for name, content in code_files(own).items():
            (folder / name).write_bytes(content)
        tensors = {f"network.{name}": each.contiguous() for name, each in own.tensors.items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        write_json(folder / CONFIG, configuration(own))
        generation = generation_of(own)
        if generation:
            write_json(folder / GENERATION, generation.config)
        (folder / CARD).write_text(model_card(own, form="remote"), encoding="utf-8")
        return Written(
            title=WRAPPERS[spec.task].name, unsupported=generation.missing if generation else ()
        )

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        """Open a folder with transformers, which runs the code in it."""
        return Opened.of(folder, exportable, AUTO[exportable.spec.task], TARGET)


def code_files(exportable: Exportable) -> dict[str, bytes]:
    """Return the Python files of a folder by name."""
    package, spec = exportable.package, exportable.spec
    model = exportable.model()
    network = package.model_class.__name__
    if f"class {network}(".encode() not in package.files[MODEL]:
        raise UserError(
            f"{MODEL} of {exportable.run.folder} does not define the network, {network}",
            help="transformers loads the network from this file: define it there",
        )
    task = TASKS[spec.task]
    names: Any = {
        "name": spec.name,
        "task": spec.task,
        "network": network,
        "writes": "decoder" in task.stacks,
        "reads_a_source": task.reads_a_source,
        "learns_pairs": task.learns_pairs,
        "is_padded": task.stacks == ("decoder",) or task.learns_pairs,
        "segments": "segments" in signature(model.forward).parameters,
        "balance": balanced(model),
        "outputs": WRAPPERS[spec.task].outputs,
    }
    return {
        MODEL: package.files[MODEL],
        TRAINING: package.files[TRAINING],
        MODELING: fill("huggingface", f"{MODELING}.jinja", **names).encode(),
        CONFIGURATION: fill("huggingface", f"{CONFIGURATION}.jinja", name=spec.name).encode(),
    }


def balanced(model: nn.Module) -> list[str]:
    """Return the streams that `balance_loss` of a network takes; none without experts."""
    method = getattr(model, "balance_loss", None)
    return [] if method is None else [*signature(method).parameters]


def configuration(exportable: Exportable) -> dict[str, Any]:
    """Return the content of config.json: what programs ask of any model, and the classes."""
    spec, wrapper = exportable.spec, WRAPPERS[exportable.spec.task]
    task, model = TASKS[spec.task], exportable.spec.model
    module = Path(MODELING).stem
    decoder_start = {"decoder_start_token_id": BEGIN} if task.reads_a_source else {}
    found: dict[str, Any] = {
        "model_type": "specformer",
        "architectures": [wrapper.name],
        "auto_map": {
            "AutoConfig": f"{Path(CONFIGURATION).stem}.SpecformerConfig",
            AUTO[spec.task]: f"{module}.{wrapper.name}",
        },
        "dtype": "float32",
        "is_encoder_decoder": task.reads_a_source,
        "is_decoder": task.stacks == ("decoder",),
        "vocab_size": exportable.tokenizers[1].size,
        "hidden_size": model.d_model,
        "pad_token_id": PADDING,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        **decoder_start,
    }
    if model.positions is not None:
        found["max_position_embeddings"] = model.positions
    if task.parts == ("classifier",):
        labels = read_labels(exportable.run.folder / TOKENIZERS)
        found["id2label"] = {str(number): label for number, label in enumerate(labels)}
        found["label2id"] = {label: number for number, label in enumerate(labels)}
    return found


def generation_of(exportable: Exportable) -> Generation | None:
    """Return the settings of `generate`; None for a network that writes no texts."""
    spec = exportable.spec
    if "decoder" not in TASKS[spec.task].stacks:
        return None
    symbols = Symbols(ends=exportable.ends.others)
    return generation_config(spec, symbols, exportable.prefix)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file in JSON, its keys in the order that they have."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
