"""The README of a folder of graphs: what lies there, and a program that runs it."""

from collections.abc import Sequence
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, MASK
from runtime.export.programs.graphs import Graph, Programs
from runtime.export.template import fill

ENDINGS = {"torch": "pt2", "onnx": "onnx"}
LIBRARIES = {"torch": "numpy tokenizers torch", "onnx": "numpy onnxruntime tokenizers"}


def file_name(graph: Graph) -> str:
    """Return the name of the file of a graph, without its ending."""
    return "model" if graph.name == "forward" else graph.name


def write_readme(
    spec: Spec, programs: Programs, graphs: Sequence[Graph], folder: Path, form: str
) -> None:
    """Write `README.md`: a program that reads lines, and the inputs and outputs of the graphs."""
    text = fill(
        "programs",
        "README.md.jinja",
        name=spec.name,
        task=spec.task,
        form=form,
        libraries=LIBRARIES[form],
        decodes=programs.decodes,
        inputs=list(graphs[0].inputs),
        graphs=[
            {"file": f"{file_name(each)}.{ENDINGS[form]}", "words": each.words} for each in graphs
        ],
        begin=BEGIN,
        end=END,
        mask=MASK,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
