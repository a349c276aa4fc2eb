"""Cost of mixers as texts grow: an update of one layer, and what decoding keeps.

    python -m benchmarks.linear_mixers --out docs/results/linear-mixers.md

Forward and backward of the layer of a language model on one text, in processor time of one thread,
so that other work on the machine counts little: the least of some runs. What decoding keeps is
counted in the state of the network itself, after as many positions.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from compiler.page.markdown import table
from compiler.pipeline import compile_spec

D_MODEL, HEADS, RUNS = 128, 4, 3
LENGTHS = (512, 1024, 2048, 4096, 8192)
SHORT, LONG = LENGTHS[0], LENGTHS[-1]
MIXERS = {
    "self_attention": "attention={heads: 4}",
    "short_convolution": "short_convolution={width: 3}",
    "retention": "linear_attention={heads: 4}",
    "gated linear attention": "linear_attention={heads: 4, decay: number}",
    "state_space": "state_space={heads: 4, d_state: 64}",
    "delta_net": "delta_net={heads: 4}",
    "recurrence (LSTM)": "recurrence={kind: lstm}",
}
"""Of each row, the setting below `model:`."""
HEAD = """# Mixers on long texts

`python -m benchmarks.linear_mixers --out docs/results/linear-mixers.md`: forward and backward of
one layer of a language model (d_model 128, {heads} heads, one text, float32, one thread) in
milliseconds of processor time for each 1,024 positions. A cost that is linear in the length has the
same number in each column. *{times} times as long*: how many times as much a text of {long:,}
positions costs as one of {short:,}. *Kept*: numbers that decoding keeps of one hypothesis after as
many positions.
{machine}.

"""


def main() -> None:
    """Measure all mixers, and write the page."""
    options = _options()
    torch.set_num_threads(1)
    rows = [row(name, setting) for name, setting in MIXERS.items()]
    heads = [
        *("mixer", *(f"{length:,}" for length in LENGTHS), f"{LONG // SHORT} times as long"),
        *(f"kept after {SHORT:,}", f"after {LONG:,}"),
    ]
    core = torch.backends.cpu.get_cpu_capability()
    machine = f"Measured on one core ({core}), torch {torch.__version__}"
    about = HEAD.format(heads=HEADS, times=LONG // SHORT, long=LONG, short=SHORT, machine=machine)
    options.out.write_text(about + table(heads, rows) + "\n", encoding="utf-8")
    print(f"written: {options.out}")


def row(name: str, setting: str) -> tuple[str, ...]:
    """Return the cells of a mixer."""
    with TemporaryDirectory() as folder:
        module = _module(name, setting, Path(folder))
        model = module.Transformer().eval()
        layer = model.decoder.layers[0]
        seconds = {length: update(layer, length) for length in LENGTHS}
        kept = [numbers_kept(model, length) for length in (SHORT, LONG)]
    each = [f"{1000 * 1024 * seconds[length] / length:.1f}" for length in LENGTHS]
    cells = (name, *each, f"{seconds[LONG] / seconds[SHORT]:.1f}", *(f"{n:,}" for n in kept))
    print(*cells, sep="  ", flush=True)
    return cells


def update(layer: Any, length: int) -> float:
    """Return the least seconds of forward and backward, of one thread, on a text of this length."""
    x = torch.randn(1, length, D_MODEL, requires_grad=True)
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        torch.autograd.backward(layer(x).sum())
        seconds.append(time.process_time() - start)
    return min(seconds)


@torch.no_grad()
def numbers_kept(model: Any, length: int) -> int:
    """Return how many numbers the state holds after a prompt of this length."""
    prompt = torch.full((1, length), 5)
    state = model.start(prompt)
    model.prefill(prompt, state)
    return sum(each.numel() for each in _tensors(state) if each.is_floating_point())


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, list | tuple):
        for each in state:
            yield from _tensors(each)
    elif hasattr(state, "__dict__"):
        yield from _tensors(list(vars(state).values()))


def _module(name: str, setting: str, folder: Path) -> Any:
    """Return the network of one layer with this mixer alone."""
    key = setting.partition("=")[0]
    sub_layer = "self_attention" if key == "attention" else key
    package = compile_spec(
        "language-model",
        [
            *(f"model.d_model={D_MODEL}", "model.feed_forward=null", "model.attention=null"),
            *("model.embedding.position=none", f"model.{setting}"),
            f"model.decoder={{layers: 1, block: [{sub_layer}]}}",
        ],
    )
    own = f"mixer_{list(MIXERS).index(name)}"
    package.write(folder / own)
    sys.path.insert(0, str(folder))
    return importlib.import_module(f"{own}.model")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linear_mixers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=Path("linear-mixers.md"), metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
