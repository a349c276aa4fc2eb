"""Generated package and data -> trained model -> texts, labels and scores."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from runtime.attention.observe import Observer
    from runtime.inference.load import Predictor
    from runtime.run import Run

__all__ = ["load"]


def load(
    run: str | Path,
    *,
    checkpoint: str | int | None = None,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
    precision: Literal["float32", "bfloat16"] | None = None,
    recompile: bool = False,
) -> "Predictor":
    """Loads the model of a run folder: `load("runs/demo").translate("A dog sleeps.")`.

    By the task of its spec the model can `translate`, `generate` (a language model), `fill` (a
    masked one), `classify` or `embed`. A text gives one answer, a list of texts a list, or, of
    vectors, an array. Keys of `decoding:` may be given to each call: `translate(texts, beam=8,
    n_best=3)`. Every model shows where it looks in a text: `attention(text)`.

    By default the weights are those of `evaluation.checkpoint` in its spec. `checkpoint` is "best"
    (on the validation set), "last" (the mean of the last `average` ones) or the number of an update
    that has one. On a CPU, `int8` rounds linear maps to 8 bits, which is faster and changes some
    words, and `workers` one-thread processes share long texts. Idle OpenMP threads sleep instead of
    spinning if torch was not imported before this call; otherwise set `OMP_WAIT_POLICY=PASSIVE` for
    the whole program, so that other processes get the cores. Matrix products have a `precision`, by
    default bfloat16 on a GPU that has it, unless the spec writes float32.
    `recompile` compiles the run's spec anew and imports none of the code in its folder, which may
    then come from a stranger.
    Raises a UserError for a folder that is not a run, or has no such checkpoint; the compiler's
    `Rejected` for a lock that is not a spec.
    """
    from runtime.system.process import wait_briefly

    wait_briefly()
    from runtime.inference.load import load_predictor  # torch is not loaded before it is needed
    from runtime.run import Run

    files = None
    if recompile:
        from runtime.command.options import recompiled_files

        files = recompiled_files(Path(run))
    opened = Run.open(Path(run), None if checkpoint is None else str(checkpoint), files)
    predictor = load_predictor(
        opened,
        average=average,
        device=device,
        int8=int8,
        workers=workers,
        precision=precision,
    )
    predictor.make_observer = partial(_observer, opened, average)
    return predictor


def _observer(run: "Run", average: int | None) -> "Observer":
    from runtime.attention.observe import Observer  # reads the spec's IR, which others do not need

    return Observer.of(run, average=average)
