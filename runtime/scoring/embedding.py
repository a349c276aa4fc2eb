"""Measures how often an embedding model finds the target of a source among all targets."""

from runtime.data.tasks import task_of
from runtime.inference.embedder import Embedder
from runtime.inference.load import load_as
from runtime.run import Run
from runtime.scoring.measures import Measure, Measured, Split, measured
from runtime.training.precision import Precision
from runtime.training.retrieval import Retrieval


def measure_embedding(
    run: Run,
    split: Split,
    average: int | None = None,
    device: str | None = None,
    precision: Precision | None = None,
) -> Measured:
    """Accuracy at 1 and mean reciprocal rank of a split."""
    import torch

    embedder = load_as(Embedder, run, average=average, device=device, precision=precision)
    rows = list(task_of(run.package.spec).rows(split))
    sources, targets = [row[0] for row in rows], [row[1] for row in rows]
    retrieval = Retrieval.of_texts(sources, targets)
    ranks = retrieval.ranks(
        *(torch.from_numpy(embedder.embed_lines(side)) for side in (sources, targets))
    )
    measures = retrieval_measures(ranks.tolist(), len(retrieval.candidates))
    return measured(run, split, len(rows), measures, average, embedder.device, precision)


def retrieval_measures(ranks: list[int], candidates: int) -> tuple[Measure, ...]:
    """From the rank of each source's target among this many candidates."""
    found = ranks.count(1)
    among = f"among {candidates:,} different targets, by the cosine"
    return (
        Measure(
            name="accuracy",
            value=found / len(ranks),
            protocol=f"{found:,} of {len(ranks):,} sources find their target, {among}",
        ),
        Measure(
            name="mrr",
            value=sum(1 / rank for rank in ranks) / len(ranks),
            protocol=f"the mean reciprocal rank of the target, {among}",
        ),
    )
