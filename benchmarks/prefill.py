"""Measures how much faster a language model reads a prompt at once than token by token.

    python -m benchmarks.prefill [--prompt 512] [--rounds 5]

For each model, one and two threads, one prompt and 16: the median time of both ways to read the
prompt, interleaved, and the median of their ratios. Weights are random.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.arguments import positive
from compiler.pipeline import compile_spec
from runtime.system.process import keep_freed_memory

MODELS = ("language-model", "llama-like")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--prompt", type=positive, default=512, help="tokens of a prompt")
    parser.add_argument("--rounds", type=positive, default=5, help="measurements of each way")
    options = parser.parse_args()
    keep_freed_memory()  # as the commands do
    print(f"{'model':16} threads prompts  at once ms  by token ms  ratio")
    for name in MODELS:
        model = random_model(name, 2 * options.prompt)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for prompts in (1, 16):
                tokens = torch.randint(4, 500, (prompts, options.prompt))
                pairs = [measured(model, tokens) for _ in range(options.rounds + 1)][1:]
                once, steps = (statistics.median(each) * 1e3 for each in zip(*pairs, strict=True))
                ratio = statistics.median(step / one for one, step in pairs)
                row = f"{once:11.1f} {steps:12.1f} {ratio:6.1f}"
                print(f"{name:16} {threads:7} {prompts:7} {row}", flush=True)


def random_model(name: str, max_length: int) -> nn.Module:
    """The network of a spec of the library that takes texts of `max_length` tokens."""
    package = compile_spec(name, [f"data.max_length={max_length}"])
    with tempfile.TemporaryDirectory() as folder:
        package.write(Path(folder))
        path = Path(folder) / "model.py"
        spec = importlib.util.spec_from_file_location(f"prefill_{package.folder_name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    model: nn.Module = module.Transformer()
    return model.eval()


@torch.inference_mode()
def measured(model: Any, tokens: Tensor) -> tuple[float, float]:
    """Measures the seconds to read the prompts [batch, positions] at once, and by steps."""
    parent = torch.zeros_like(tokens[:, :1])

    def by_token(state: object) -> None:
        for token in torch.split(tokens, 1, dim=1):
            model.step(token, parent, state)

    def at_once(state: object) -> None:
        model.prefill(tokens, state)

    return seconds(at_once, model.start(tokens)), seconds(by_token, model.start(tokens))


def seconds(read: Callable[[object], None], state: object) -> float:
    """Measures the seconds to read into a new state."""
    begin = time.perf_counter()
    read(state)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
