"""Measures how often a classifier is right, over all texts and over the labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from runtime.data.tasks.classification import Classification
from runtime.inference.classifier import Classifier
from runtime.inference.load import load_as
from runtime.run import Run
from runtime.scoring.measures import Measure, Measured, Split, measured
from runtime.training.precision import Precision


def measure_classification(
    run: Run,
    split: Split,
    average: int | None = None,
    device: str | None = None,
    precision: Precision | None = None,
) -> Measured:
    """Accuracy and macro F1 of a split.

    Raises a UserError that names the first line whose label the network does not know.
    """
    classifier = load_as(Classifier, run, average=average, device=device, precision=precision)
    task = Classification(run.package.spec)
    task.numbers(split, list(classifier.labels))
    rows = list(task.rows(split))
    answers = classifier.classify([row[0] for row in rows])
    measures = class_measures(answers, [row[1] for row in rows])
    found = measured(run, split, len(rows), measures, average, classifier.device, precision)
    return replace(found, answers=tuple(answers))


def class_measures(answers: Sequence[str], labels: Sequence[str]) -> tuple[Measure, ...]:
    """From what is said and what is right of each text."""
    right = Counter(label for label, said in zip(labels, answers, strict=True) if label == said)
    said, true = Counter(answers), Counter(labels)
    names = sorted({*said, *true})
    scores = [2 * right[name] / (said[name] + true[name]) for name in names]
    return (
        Measure(
            name="accuracy",
            value=right.total() / len(labels),
            protocol=f"{right.total():,} of {len(labels):,} texts",
        ),
        Measure(
            name="macro_f1",
            value=sum(scores) / len(scores),
            protocol=f"the mean over {len(names)} labels, those of the text or of an answer",
        ),
    )
