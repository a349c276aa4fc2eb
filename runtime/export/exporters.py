"""The exporters, by the names of their formats."""

from runtime.export.ctranslate2.exporter import CTranslate2Exporter
from runtime.export.exporter import Exporter
from runtime.export.huggingface.native import NativeExporter
from runtime.export.huggingface.remote import RemoteExporter
from runtime.export.programs.onnx_graphs import OnnxGraphs
from runtime.export.programs.torch_programs import TorchPrograms

EXPORTERS: dict[str, Exporter] = {
    each.name: each
    for each in (
        NativeExporter(),
        RemoteExporter(),
        CTranslate2Exporter(),
        OnnxGraphs(),
        TorchPrograms(),
    )
}
"""Each writes the format whose table `compiler.export.targets` has under the same name."""
