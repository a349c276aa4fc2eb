"""Export to programs of torch.export: `start.pt2`, `step.pt2` and `prefill.pt2`, or `model.pt2`."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from compiler.export.programs import TORCH
from compiler.export.report import converted
from runtime.export.exporter import Exported, Options, Written
from runtime.export.programs.answers import DECODE, DecodingGraphs, EncodingGraph, write_program
from runtime.export.programs.decode import Array, Decoder
from runtime.export.programs.graphs import Graph, Programs
from runtime.export.programs.readme import file_name, write_readme
from runtime.export.source import Exportable

COMPILED = ".aoti.pt2"
"""The end of the name of a program that AOTInductor has compiled for this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchPrograms:
    """The exporter to `torch`."""

    name: str = "torch"
    libraries: Mapping[str, str] = field(default_factory=lambda: {"tokenizers": "tokenizers"})
    quantizations: tuple[str, ...] = ()
    is_compilable: bool = True

    def write(self, exportable: Exportable, folder: Path, options: Options) -> Written:
        """Write a program for each function, and the script that runs them."""
        programs = Programs.of(exportable)
        graphs = list(programs.graphs())
        missing = list[str]()
        for graph in graphs:
            program = graph.recorded
            forget_origin(program)
            torch.export.save(program, folder / f"{file_name(graph)}.pt2")
            if options.compiled and (reason := compile_program(program, graph, folder)):
                missing.append(reason)
        write_program(exportable, programs, folder)
        write_readme(exportable.spec, programs, graphs, folder, self.name)
        return Written(
            title="programs of torch.export",
            files=tuple(f"{file_name(each)}.pt2: {each.words}" for each in graphs),
            converted=converted(exportable.loaded, TORCH),
            unsupported=tuple(dict.fromkeys(missing)),
        )

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        """Load the programs of a folder, and run them as they are."""
        del exportable
        if (folder / DECODE).exists():
            return DecodingGraphs(decoder=Decoder(folder))
        program = torch.export.load(folder / "model.pt2")
        return EncodingGraph(forward=_run(program), inputs=len(program.graph_signature.user_inputs))


def forget_origin(program: ExportedProgram) -> None:
    """Drop the lines of code, and so the paths of this machine, that operations come from."""
    for module in program.graph_module.modules():
        graph = getattr(module, "graph", None)
        for node in graph.nodes if graph is not None else ():
            node.meta.pop("stack_trace", None)


def compile_program(program: ExportedProgram, graph: Graph, folder: Path) -> str:
    """Compile a program for the processor of this machine by AOTInductor.

    Return the reason why it cannot be compiled, if there is one: no compiler of C++.
    """
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "no program is compiled: there is no compiler of C++ here"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = folder / f"{file_name(graph)}{COMPILED}"
        aoti_compile_and_package(program, package_path=str(path))
    return ""


def _run(program: ExportedProgram) -> Any:
    module = program.module()

    @torch.inference_mode()
    def run(inputs: Sequence[Array]) -> Array:
        return np.asarray(module(*map(torch.from_numpy, inputs)).numpy())

    return run
