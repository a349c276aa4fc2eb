"""A split of a run's text as the examples that its network is asked about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.data.batches import in_order
from runtime.data.examples import Examples
from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks import task_of
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


def losses_of(run: Run, examples: Examples, average: int | None, device: str | None) -> Losses:
    """As a look at the validation set measures them, in float32."""
    spec, module = run.package.spec, run.package.training_module
    place = default_device() if device is None else device
    model = run.load_model(average).to(place)
    plain = spec.training.model_copy(update={"compile": False, "precision": "float32"})
    objective = training_objective(model, module, plain, next(model.parameters()).device)
    batches = in_order(examples, spec.training.micro_batch_tokens)
    return validate(model, objective, examples, batches, Workers())
