"""The tasks that a model can have, one record for each."""

from collections.abc import Callable
from dataclasses import dataclass

from compiler.spec.base import Section
from compiler.spec.data import (
    Corpus,
    LabelledColumns,
    LabelledFiles,
    ParallelFiles,
    RunningText,
    TabSeparated,
    TextFiles,
    labelled,
)
from compiler.spec.mixer import MIXERS

EVERY_STACK = ("encoder", "decoder")
SIDES = {"encoder": "source", "decoder": "target"}
"""The text that each stack reads; names of embeddings and their norms begin so."""
ATTENTIONS = ("self_attention", "cross_attention")
SUB_LAYERS = (*ATTENTIONS, *MIXERS, "feed_forward")

Setting = tuple[str, ...]
"""The path of a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Facts about a task; `runtime/data/tasks/` says what its text becomes."""

    stacks: tuple[str, ...]
    corpora: tuple[type[Section], ...]
    """The forms of text that it is learned from, the usual one first."""
    text: str
    """These forms in words."""
    example: str
    """A text on the command line."""
    adapt: Callable[[Corpus], Corpus] = lambda corpus: corpus
    """Return a corpus in the form that the task takes it for."""
    command: str
    """The command that asks a trained model for its answers."""
    scores: tuple[str, ...]
    """The scores of a trained model, the usual headline first."""
    columns: tuple[str, ...]
    """The scores that a table of an ablation shows if its file names none."""
    own: tuple[Setting, ...] = ()
    """Paths of settings that this task uses and some other task does not."""
    parts: tuple[str, ...] = ()
    """Sections of `model` that it has; those that are not implied must be written."""
    implied: tuple[Setting, ...] = ()
    """Sections that stand with their defaults unless they are written."""
    draws: bool = False
    """True if decoding may sample, since its texts are not compared with references."""
    learns_pairs: bool = False
    """True if a text becomes a vector, which is learned by contrast with those of other pairs."""
    symbols: int = 4
    """The symbols of a vocabulary: padding, unknown, begin and end; a fifth is the mask."""

    @property
    def reads_a_source(self) -> bool:
        """True if the decoder has an encoder to read."""
        return self.stacks == EVERY_STACK

    @property
    def reads_whole_texts(self) -> bool:
        """True if an encoder alone reads a text, between BEGIN and END."""
        return self.stacks == ("encoder",)

    @property
    def pools(self) -> bool:
        """True if a text becomes one vector, which is not projected to tokens."""
        return not {"classifier", "pooling"}.isdisjoint(self.parts)

    @property
    def scores_beside_losses(self) -> tuple[str, ...]:
        """The scores that are not read off the probabilities of labels."""
        return tuple(each for each in self.scores if each not in ("perplexity", "accuracy"))

    @property
    def missing_parts(self) -> tuple[str, ...]:
        """The sections of `model` that only other tasks have."""
        every = dict.fromkeys(part for task in TASKS.values() for part in task.parts)
        return tuple(part for part in every if part not in self.parts)

    @property
    def without_meaning(self) -> tuple[Setting, ...]:
        """The paths of settings that the task has no use for."""
        every = dict.fromkeys(path for task in TASKS.values() for path in task.own)
        return tuple(path for path in every if path not in self.own)


TASKS = {
    "translation": Task(
        stacks=EVERY_STACK,
        corpora=(ParallelFiles, TabSeparated),
        text="pairs: `source` and `target`, or `tsv`",
        example="{source: FILE, target: FILE}",
        command="translate",
        scores=("bleu", "chrf"),
        columns=("valid_ppl", "valid_bleu", "test_bleu"),
        own=(
            ("decoding",),
            ("decoding", "prefix"),
            ("evaluation", "tokenize"),
            ("evaluation", "lowercase"),
            ("training", "validation", "bleu"),
            ("training", "label_smoothing"),
            ("training", "z_loss"),
        ),
    ),
    "language_model": Task(
        stacks=("decoder",),
        corpora=(TextFiles, RunningText),
        text="texts: `text`, one a line, or with `running: true`",
        example="{text: FILE}",
        command="generate",
        scores=("perplexity", "accuracy"),
        columns=("valid_ppl", "test_ppl"),
        own=(
            ("decoding",),
            ("model", "documents"),
            ("evaluation", "stride"),
            ("training", "label_smoothing"),
            ("training", "z_loss"),
        ),
        draws=True,
    ),
    "masked_language_model": Task(
        stacks=("encoder",),
        corpora=(TextFiles,),
        text="texts: `text`",
        example="{text: FILE}",
        command="fill",
        scores=("perplexity", "accuracy"),
        columns=("valid_ppl", "test_ppl"),
        own=(
            ("training", "masking"),
            ("training", "label_smoothing"),
            ("training", "z_loss"),
        ),
        parts=("prediction",),
        implied=(("training", "masking"), ("model", "prediction")),
        symbols=5,
    ),
    "classification": Task(
        stacks=("encoder",),
        corpora=(LabelledFiles, LabelledColumns),
        text="labelled texts: `text` and `label`, or `tsv` with `text_column` and `label_column`",
        example="{text: FILE, label: FILE}",
        adapt=labelled,
        command="classify",
        scores=("accuracy", "macro_f1"),
        columns=("valid_accuracy", "test_accuracy"),
        own=(("training", "label_smoothing"), ("training", "z_loss")),
        parts=("classifier",),
    ),
    "embedding": Task(
        stacks=("encoder",),
        corpora=(ParallelFiles, TabSeparated),
        text="pairs: `source` and `target`, or `tsv`",
        example="{source: FILE, target: FILE}",
        command="embed",
        scores=("accuracy", "mrr"),
        columns=("valid_accuracy", "test_accuracy"),
        own=(("training", "contrast"),),
        parts=("pooling",),
        implied=(("training", "contrast"), ("model", "pooling")),
        learns_pairs=True,
    ),
}
USUAL_TASK = "translation"


def tasks_with(setting: Setting) -> list[str]:
    """Return the names of the tasks that a setting, or a section of `model`, belongs to."""
    return [
        name
        for name, task in TASKS.items()
        if setting in (*task.own, *(("model", part) for part in task.parts))
    ]


def stacks_of(task: str) -> tuple[str, ...]:
    """Return the stacks of a task; all of them for a word that is no task."""
    return TASKS[task].stacks if task in TASKS else EVERY_STACK


def usual_block(task: str, stack: str) -> tuple[str, ...]:
    """Return the sub-layers of a layer (section 3.1): a decoder reads a source if there is one."""
    if TASKS[task].reads_a_source and stack == "decoder":
        return (*ATTENTIONS, "feed_forward")
    return ("self_attention", "feed_forward")


def usual_mask(stack: str, sub_layer: str) -> str:
    """Return the mask of an attention whose settings name none."""
    return "causal" if (stack, sub_layer) == ("decoder", "self_attention") else "all"
