"""The losses of the texts of a split, as validation measures them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from runtime.data.batches import Batched, Examples, in_order
from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks import task_of
from runtime.data.tasks.texts import CutTexts, tokenised
from runtime.data.texts import Windows
from runtime.errors import DivergenceError
from runtime.inference.network import not_finite
from runtime.run import Run
from runtime.scoring.measures import Split
from runtime.system.devices import explained_memory_errors, own_device
from runtime.training.batching import padded_batcher
from runtime.training.objective import training_objective
from runtime.training.precision import Precision, inference_precision
from runtime.training.validation import Losses, validate
from runtime.training.workers import Workers


@contextmanager
def split_examples(run: Run, split: Split) -> Iterator[Examples]:
    """Read from the files of the spec, tokenised as the run's text was."""
    task = task_of(run.package.spec)
    with TemporaryDirectory(prefix="specformer-") as folder:
        place = Path(folder, split)
        task.write(split, run.folder / TOKENIZERS, place)
        yield task.load(place)


def losses_of(
    run: Run,
    split: Split,
    examples: Examples,
    average: int | None,
    device: str | None,
    precision: Precision | None = None,
) -> Losses:
    """The losses of examples, as validation measures them.

    `precision` is that of matrix products, by default bfloat16 on a GPU that has it, unless the
    spec writes float32. Raises a UserError that names the first line for which the network's
    numbers overflow.
    """
    spec, module = run.package.spec, run.package.training_module
    there = own_device(device)
    model = run.load_model(average).to(there)
    chosen = inference_precision(precision, spec.training.precision, there)
    plain = {"compile": False, "precision": chosen, "batching": "padded"}
    objective = training_objective(model, module, spec.training.model_copy(update=plain), there)
    batcher = padded_batcher(there, examples, spec.training.micro_batch_tokens)
    batches = in_order(examples, batcher)
    try:
        with explained_memory_errors("`--device cpu` has the machine's memory"):
            return validate(
                model, objective, Batched(examples=examples, batcher=batcher), batches, Workers()
            )
    except DivergenceError:
        model.eval()
        row = next(
            row
            for row in range(len(examples))
            if not objective.evaluate(examples.collate(np.array([row]))).isfinite().all()
        )
        is_line = examples.unit != Windows.unit
        place = line_of(run, split, row) if is_line else f"{split} set, window {row + 1}"
        raise not_finite(place) from None


def line_of(run: Run, split: Split, row: int) -> str:
    """The line of a split that an example is cut from; empty lines have no example."""
    task = task_of(run.package.spec)
    assert isinstance(task, CutTexts)
    pieces = -1
    texts = chain.from_iterable(tokenised(task, split, run.folder / TOKENIZERS))
    for number, (_, tokens) in enumerate(texts, start=1):
        pieces += len(task.cut(tokens)) if tokens else 0
        if pieces >= row:
            return f"{split} set, line {number}"
    raise ValueError(f"expected an example of the {split} set, got the one {row + 1} beyond it")
