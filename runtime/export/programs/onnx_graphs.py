"""Export to ONNX: `start.onnx` and `step.onnx` with a search in numpy, or `model.onnx`."""

import hashlib
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from compiler.export.programs import ONNX
from compiler.export.report import converted
from runtime.export.exporter import Exported, Options, Written
from runtime.export.programs.answers import DECODE, DecodingGraphs, EncodingGraph, write_program
from runtime.export.programs.decode import Array, Decoder
from runtime.export.programs.graphs import Graph, Programs
from runtime.export.programs.readme import file_name, write_readme
from runtime.export.source import Exportable

WEIGHTS = "weights.bin"
"""The file of the weights of all graphs of a folder, each of which it holds once."""
LEAST_BYTES = 1024
"""The size of the smallest tensor that goes there; smaller ones stay in their graph."""
ALIGNMENT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraphs:
    """The exporter to `onnx`."""

    name: str = "onnx"
    libraries: Mapping[str, str] = field(
        default_factory=lambda: {
            "onnx": "onnx",
            "onnxscript": "onnxscript",
            "onnxruntime": "onnxruntime",
            "tokenizers": "tokenizers",
        }
    )
    quantizations: tuple[str, ...] = ("int8",)
    is_compilable: bool = False

    def write(self, exportable: Exportable, folder: Path, options: Options) -> Written:
        """Write a graph for each function, and the program that runs them.

        `prefill` has no graph: a prompt is read step by step.
        """
        programs = Programs.of(exportable)
        graphs = [each for each in programs.graphs() if each.name != "prefill"]
        models = {file_name(each): onnx_model(each) for each in graphs}
        if options.quantize is not None:
            models = {name: rounded(each, folder) for name, each in models.items()}
        save_together(models, folder)
        write_program(exportable, programs, folder)
        write_readme(exportable.spec, programs, graphs, folder, self.name)
        return Written(
            title="graphs of ONNX",
            files=tuple(f"{file_name(each)}.onnx: {each.words}" for each in graphs),
            converted=converted(exportable.loaded, ONNX),
        )

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        """Open the graphs of a folder by onnxruntime."""
        del exportable
        if (folder / DECODE).exists():
            return DecodingGraphs(decoder=Decoder(folder))
        import onnxruntime

        cpu = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=cpu)
        names = [each.name for each in session.get_inputs()]

        def run(inputs: Sequence[Array]) -> Array:
            (found,) = session.run(None, dict(zip(names, inputs, strict=True)))
            return np.asarray(found)

        return EncodingGraph(forward=run, inputs=len(names))


def onnx_model(graph: Graph) -> Any:
    """Return a graph as an ONNX model, with names of its inputs, outputs and free dimensions."""
    import torch

    with _quietly():
        program = torch.onnx.export(
            graph.recorded,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _name_dimensions(model.graph, graph)
    _forget_origin(model)
    return model


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what the exporter says of its own steps."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _name_dimensions(model: Any, graph: Graph) -> None:
    """Give free dimensions the names that they have in `functional.py`, in outputs as well."""
    names: dict[str, str] = {}
    for value in model.input:
        for place, name in graph.inputs[value.name].items():
            names.setdefault(value.type.tensor_type.shape.dim[place].dim_param, name)

    def renamed(text: str) -> str:
        return re.sub(r"\w+", lambda each: names.get(each[0], each[0]), text)

    for value in (*model.input, *model.output, *model.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_param = renamed(dimension.dim_param)


def _forget_origin(model: Any) -> None:
    """Drop the lines of code, and so the paths of this machine, that operations come from."""
    parts = [model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input]
    for each in (*parts, *model.graph.output, *model.graph.initializer):
        each.doc_string = ""
        del each.metadata_props[:]


def rounded(model: Any, folder: Path) -> Any:
    """Return a model with weights in int8, of matrices that are multiplied; the others stay.

    Files lie meanwhile in a folder of their own in `folder`, with weights beside the graph: in one
    file a model may have 2 GB at most.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory(dir=folder) as name, _quietly():
        before, after = Path(name) / "before.onnx", Path(name) / "after.onnx"
        onnx.save(model, before, save_as_external_data=True, location="before.bin")
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                before, after, weight_type=QuantType.QInt8, use_external_data_format=True
            )
        finally:
            root.setLevel(level)
        return onnx.load(after)


def save_together(models: Mapping[str, Any], folder: Path) -> None:
    """Save models whose large tensors lie in one file, equal ones once."""
    import onnx

    places: dict[str, int] = {}
    with (folder / WEIGHTS).open("wb") as file:
        for name, model in models.items():
            for tensor in model.graph.initializer:
                content = onnx.numpy_helper.to_array(tensor).tobytes()
                if len(content) < LEAST_BYTES:
                    continue
                key = hashlib.sha256(content).hexdigest()
                if key not in places:
                    file.write(bytes(-file.tell() % ALIGNMENT))
                    places[key] = file.tell()
                    file.write(content)
                _point_to(tensor, places[key], len(content))
            onnx.save(model, folder / f"{name}.onnx")


def _point_to(tensor: Any, offset: int, length: int) -> None:
    """Let a tensor lie in the file of weights."""
    import onnx

    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.ClearField("int32_data")
    tensor.ClearField("int64_data")
    del tensor.external_data[:]
    for key, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    tensor.data_location = onnx.TensorProto.EXTERNAL
