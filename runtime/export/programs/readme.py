"""The README of a folder of graphs: what lies there, and how it is run."""

from collections.abc import Sequence
from pathlib import Path

from runtime.export.programs.graphs import Graph, Programs

ENDINGS = {"torch": "pt2", "onnx": "onnx"}
LIBRARIES = {
    "torch": "torch",
    "onnx": "numpy onnxruntime tokenizers",
}


STATE = (
    "The state is a tensor for each name under `state` in `decode.json`, in this order, with the "
    "dimensions whose sizes are free; a step returns those under `changed` after the logits. "
    "`parent` is the number of the hypothesis that each one continues, `position` the number of "
    "tokens that were read before."
)


def write_readme(
    name: str, programs: Programs, graphs: Sequence[Graph], folder: Path, form: str
) -> None:
    """Write `README.md`: the call, and the inputs and outputs with their dimensions."""
    lines = [
        f"# {name}",
        "",
        f"Exported by `specformer export`; `pip install {LIBRARIES[form]}` is all that it needs.",
        "",
        *_call(programs, form),
        "",
    ]
    lines += [f"- `{_file(each, form)}`: {each.words}" for each in graphs]
    if programs.decodes:
        lines += ["", STATE]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


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
