"""A split of a run's text as the examples that its network is asked about."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from runtime.data.batches import in_order
from runtime.data.examples import Examples
from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks import task_of
from runtime.data.tasks.language_model import LanguageModel
from runtime.data.tasks.masked_language_model import MaskedLanguageModel
from runtime.data.tasks.texts import tokenised
from runtime.decoding.finite import not_finite
from runtime.errors import DivergenceError
from runtime.run import Run
from runtime.scoring.scoring_set import Split
from runtime.training.objective import training_objective
from runtime.training.validation import Losses, validate
from runtime.training.workers import Workers, default_device


@contextmanager
def split_examples(run: Run, split: Split) -> Iterator[Examples]:
    """Read from the files of the spec, tokenised as the run's text was."""
    task = task_of(run.package.spec)
    with TemporaryDirectory(prefix="specformer-") as folder:
        place = Path(folder, split)
        task.write(split, run.folder / TOKENIZERS, place)
        yield task.load(place)


def losses_of(
    run: Run, split: Split, examples: Examples, average: int | None, device: str | None
) -> Losses:
    """The losses of examples, in float32, as validation measures them.

    Raises a UserError that names the first line for which the network's numbers overflow.
    """
    spec, module = run.package.spec, run.package.training_module
    place = default_device() if device is None else device
    model = run.load_model(average).to(place)
    plain = spec.training.model_copy(update={"compile": False, "precision": "float32"})
    objective = training_objective(model, module, plain, next(model.parameters()).device)
    batches = in_order(examples, spec.training.micro_batch_tokens)
    try:
        return validate(model, objective, examples, batches, Workers())
    except DivergenceError:
        model.eval()
        row = next(
            row
            for row in range(len(examples))
            if not objective.evaluate(examples.collate(np.array([row]))).isfinite().all()
        )
        raise not_finite(line_of(run, split, row)) from None


def line_of(run: Run, split: Split, row: int) -> str:
    """The line of a split that an example is cut from; empty lines have no example."""
    task = task_of(run.package.spec)
    assert isinstance(task, LanguageModel | MaskedLanguageModel)
    pieces = -1
    texts = chain.from_iterable(tokenised(run.package.spec, split, run.folder / TOKENIZERS))
    for number, (_, tokens) in enumerate(texts, start=1):
        pieces += len(task.cut(tokens)) if tokens else 0
        if pieces >= row:
            return f"{split} set, line {number}"
    raise ValueError(f"expected an example of the {split} set, got the one {row + 1} beyond it")
