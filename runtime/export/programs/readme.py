"""The README of a folder of graphs: what lies there, and how it is run."""

from collections.abc import Sequence
from pathlib import Path

from runtime.export.programs.graphs import Dimensions, Graph, Programs
from runtime.export.source import Exportable

ENDINGS = {"torch": "pt2", "onnx": "onnx"}
LIBRARIES = {
    "torch": "torch",
    "onnx": "numpy onnxruntime tokenizers",
}


def write_readme(
    exportable: Exportable, programs: Programs, graphs: Sequence[Graph], folder: Path, form: str
) -> None:
    """Write `README.md`: the call, and the inputs and outputs with their dimensions."""
    lines = [
        f"# {exportable.spec.name}",
        "",
        f"Exported by `specformer export`; `pip install {LIBRARIES[form]}` is all that it needs.",
        "",
        *_call(programs, form),
        "",
    ]
    for graph in graphs:
        lines += [f"`{_file(graph, form)}`: {_signature(graph)}", ""]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _file(graph: Graph, form: str) -> str:
    return f"{'model' if graph.name == 'forward' else graph.name}.{ENDINGS[form]}"


def _call(programs: Programs, form: str) -> list[str]:
    if form == "onnx" and programs.decodes:
        return ["    python decode.py < lines.txt > texts.txt"]
    names = list(programs.functional.INPUTS["forward" if not programs.decodes else "start"])
    if form == "onnx":
        given = ", ".join(f'"{each}": {each}' for each in names)
        return [
            "    import onnxruntime",
            '    graph = onnxruntime.InferenceSession("model.onnx")',
            f"    (outputs,) = graph.run(None, {{{given}}})",
        ]
    if not programs.decodes:
        return [
            "    import torch",
            '    model = torch.export.load("model.pt2").module()',
            f"    outputs = model({', '.join(names)})",
        ]
    return [
        "    import torch",
        '    start, step = (torch.export.load(f"{n}.pt2").module() for n in ("start", "step"))',
        f"    state = start({names[0]})",
        "    logits, *changed = step(token, parent, position, *state)",
    ]


def _signature(graph: Graph) -> str:
    """Return the inputs and outputs of a graph; those of a state by their number."""
    given = [f"{name} {_sizes(graph, name)}" for name in graph.inputs]
    return f"{', '.join(given)} -> {', '.join(graph.outputs)}"


def _sizes(graph: Graph, name: str) -> str:
    free: Dimensions = graph.inputs[name]
    example = dict(zip(graph.inputs, graph.examples, strict=True))[name]
    return f"[{', '.join(free.get(n, str(each)) for n, each in enumerate(example.shape))}]"
