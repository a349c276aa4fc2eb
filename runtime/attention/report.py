"""The numbers of one or several runs as a page: heads, claims about grammar, and checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch

from compiler.page.model import Cell, Document, Paragraph, Section, Table, columns
from compiler.source.counting import counted
from compiler.spec.tasks import TASKS
from runtime.attention.claims import (
    Accuracy,
    Chosen,
    Reads,
    answerable,
    best_offset,
    chance,
    choose,
    nearest_noun,
    of_head,
    strongest_reads,
)
from runtime.attention.layers import AttentionPlace, places
from runtime.attention.links import FAR_VERBS, PRONOUNS, VERB, LinkedText, linked_text
from runtime.attention.observe import Observer
from runtime.attention.statistics import FAR, HeadStatistics, statistics
from runtime.checkpoints.listing import regular_checkpoints
from runtime.data.files import read_rows
from runtime.run import Run

SENTENCES = 200
"""Validation sentences of the statistics, which change little with more."""
NAMES = (*PRONOUNS, VERB, FAR_VERBS)
PRONOUNS_AND_VERBS = "Pronouns and verbs"
SHOWN_OVER_TIME = (*tuple(PRONOUNS)[:1], FAR_VERBS)
"""The tasks that are followed over the checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The words of the largest weights of a network in the validation set and in the test set."""

    valid: Reads
    test: Reads


def measured(runs: Sequence[Run], texts: Sequence[str], targets: Sequence[str | None]) -> Document:
    """Return the numbers of runs of one spec, such as several seeds.

    The statistics are those over `texts`; by default, over sentences of the first run's validation
    set with their references. Without texts, claims are measured where the links of the demo corpus
    lie beside the validation set and the test set; then the statistics are the first run's alone.
    """
    spec = runs[0].package.spec
    links = None if texts else _links(runs[0])
    read = (texts, targets) if texts else validation_text(runs[0])
    shown = runs if links is None else runs[:1]
    sections = [_statistics(run, *read, is_alone=len(shown) == 1) for run in shown]
    if links is not None:
        sections += _claims(runs, *links)
    elif not texts:
        sections.append(_no_claims(runs[0]))
    return Document(title=f"Attention of {spec.name}, measured", sections=tuple(sections))


def _links(run: Run) -> tuple[LinkedText, LinkedText] | None:
    """Return the validation set and the test set with their links; None where a claim has none."""
    valid, test = (linked_text(run.package.spec, split) for split in ("valid", "test"))
    return None if valid is None or test is None or not _has_attention(run) else (valid, test)


def _has_attention(run: Run) -> bool:
    return any(isinstance(each, AttentionPlace) for each in places(run.package))


def _no_claims(run: Run) -> Section:
    words = (
        "Beside the validation set and the test set there are no positions of antecedents and "
        "verbs that belong to their texts: `specformer corpus` writes them for the English "
        "side of the demo corpus. So nothing is said about pronouns and verbs."
        if _has_attention(run)
        else "The network has no attention, so nothing is said about pronouns and verbs."
    )
    return Section(title=PRONOUNS_AND_VERBS, parts=(Paragraph(text=words),))


def _statistics(
    run: Run, texts: Sequence[str], targets: Sequence[str | None], *, is_alone: bool
) -> Section:
    """Return the table of a run's heads; a section of several names the run."""
    observer = Observer.of(run)
    found = statistics(observer.attentions(texts, targets))
    title = "What each head reads"
    title = title if is_alone else f"{title}: {run.folder.name}"
    return _heads(found, observer, len(texts), title)


def validation_text(run: Run) -> tuple[list[str], list[str | None]]:
    """Return the first sentences of a run's validation set, and their references.

    Rows without a text are left out. Raises a UserError for files that cannot be read.
    """
    spec = run.package.spec
    has_target = TASKS[spec.task].reads_a_source
    read = read_rows(spec.data.corpora["valid"], spec.data.folder)
    rows = list(islice((row for row in read if all(row)), SENTENCES))
    return [row[0] for row in rows], [row[1] if has_target else None for row in rows]


def _heads(found: list[HeadStatistics], observer: Observer, texts: int, title: str) -> Section:
    names = (
        *("attention", "layer", "head", "entropy", "distance", f"beyond {FAR}"),
        *("diagonal", "previous", "next", "first", "END"),
    )
    rows = tuple(map(_row, found))
    about = (
        f"Means over the positions of {counted(texts, 'text')}, of {observer.run.folder.name} with "
        f"{observer.checkpoint}. Entropy is in bits and distance in tokens; the rest are shares of "
        "a position's weight. Cross-attention has no distances (query and key belong to different "
        "texts); the decoder's input has no END."
    )
    table = Table(columns=columns(names, right=names[1:]), rows=rows)
    return Section(title=title, parts=(Paragraph(text=about), table))


def _row(of: HeadStatistics) -> tuple[str, ...]:
    shares = (of.far, of.diagonal, of.previous, of.next, of.first, of.end)
    place = (of.kind, str(of.layer), str(of.head))
    return (*place, f"{of.entropy:.2f}", _number(of.distance), *map(_percent, shares))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _claims(runs: Sequence[Run], valid: LinkedText, test: LinkedText) -> list[Section]:
    trained = [_answers(Observer.of(run), valid, test) for run in runs]
    untrained = [_answers(_untrained(run), valid, test) for run in runs]
    unread = sum(each is None for each in trained[0].test.strongest)
    left = (
        answerable(valid, [each.valid for each in trained]),
        answerable(test, [each.test for each in trained]),
    )
    sections = [_method(runs, valid, test, unread)]
    for task in NAMES:
        if not (valid.questions[task] and test.questions[task]):
            continue
        if all(each.questions[task] for each in left):
            pairs = list(zip(runs, trained, untrained, strict=True))
            sections.append(_task(task, pairs, *left, asked=len(test.questions[task])))
        else:
            sections.append(_not_asked(task))
    return [*sections, *_over_time(runs[0], *left)]


def _not_asked(task: str) -> Section:
    words = (
        "This cannot be asked of the network: in the validation set or in the test set the answer "
        "is never among the words that the mask of a head allows it to read."
    )
    return Section(title=task, parts=(Paragraph(text=words),))


def _answers(observer: Observer, valid: LinkedText, test: LinkedText) -> Answers:
    return Answers(
        valid=strongest_reads(observer, valid.sentences),
        test=strongest_reads(observer, test.sentences),
    )


def _untrained(run: Run) -> Observer:
    """Return a random network of the run's spec, drawn with the seed of its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.package.spec.training.seed)
        return Observer.of(run, run.package.model_class())


def _method(runs: Sequence[Run], valid: LinkedText, test: LinkedText, unread: int) -> Section:
    names = "; ".join(f"{run.folder.name}: {run.used()}" for run in runs)
    words = (
        "A head is right about a word where the largest of its weights from this word (argmax) is "
        "on the word that the grammar of the corpus names: subwords are joined to words; BEGIN, "
        "END and the word itself are left out. The best head is chosen on the "
        f"{len(valid.sentences):,} validation sentences and measured on the "
        f"{len(test.sentences):,} test sentences, with an interval of 95 % over resampled "
        "sentences. All figures are accuracies. The baselines are the best head of "
        "a network that was not trained, chosen in the same way; a word drawn by chance from those "
        "that the mask of the head allows; for a pronoun, the nearest noun before it, or the first "
        "one after it where none is before; and the commonest distance of the validation set."
    )
    parts = [Paragraph(text=words), Paragraph(text=f"Weights: {names}.")]
    if unread:
        verb = "has" if unread == 1 else "have"
        missing = (
            f"{counted(unread, 'test sentence')} {verb} tokens that do not spell the words: every "
            "answer there counts as wrong."
        )
        parts.append(Paragraph(text=missing))
    return Section(title=PRONOUNS_AND_VERBS, parts=tuple(parts))


def _task(
    task: str,
    pairs: Sequence[tuple[Run, Answers, Answers]],
    valid: LinkedText,
    test: LinkedText,
    *,
    asked: int,
) -> Section:
    """Return the table of a task over the answerable questions of `asked` in the test set."""
    names = ("run", "layer.head", "validation", "test", "untrained, test")
    chosen = [choose(own.valid, own.test, valid, test, task) for _, own, _ in pairs]
    random = [choose(own.valid, own.test, valid, test, task) for *_, own in pairs]
    rows = [
        (run.folder.name, _place(best), f"{best.valid:.1%}", str(best.test), str(other.test))
        for (run, *_), best, other in zip(pairs, chosen, random, strict=True)
    ]
    if len(rows) > 1:
        rows.append(("mean", "", "", _mean(chosen), _mean(random)))
    by_chance = [
        chance(own.test, test, task, best.head)
        for (_, own, _), best in zip(pairs, chosen, strict=True)
    ]
    rules = _rules(task, valid, test)
    values = list(dict.fromkeys(f"{each:.1%}" for each in by_chance))
    said = [
        f"chance {' or '.join(values)}",
        *(f"{name} {each:.1%}" for name, each in rules.items()),
    ]
    best_rule = max(rules.values())
    parts = (
        Table(columns=columns(names, right=names[1:]), rows=tuple(rows)),
        Paragraph(text=f"{_counted(test, task, asked)} Baselines: {', '.join(said)}."),
        Paragraph(text=_verdict(chosen, random, [max(best_rule, each) for each in by_chance])),
    )
    return Section(title=task, parts=parts)


def _rules(task: str, valid: LinkedText, test: LinkedText) -> dict[str, float]:
    """Return the accuracies of rules that need no network; a verb is never the nearest noun."""
    offset, by_offset = best_offset(valid, test, task)
    noun = {"the nearest noun": nearest_noun(test, task)} if task in PRONOUNS else {}
    return noun | {f"the word {offset:+d} away": by_offset}


def _counted(test: LinkedText, task: str, asked: int) -> str:
    """Say how many questions there are, and how many no head could answer."""
    count = len(test.questions[task])
    if count == asked:
        return f"{counted(count, 'question')} of the test set."
    return (
        f"{count:,} of {counted(asked, 'question')} of the test set: the answers of the others are "
        "words that the mask of no head allows it to read."
    )


def _place(best: Chosen) -> str:
    return f"{best.head[0]}.{best.head[1]}"


def _mean(several: Sequence[Chosen]) -> str:
    values = [each.test.value for each in several]
    mean = sum(values) / len(values)
    return f"{mean:.1%} ({min(values):.1%} to {max(values):.1%})"


def _verdict(chosen: Sequence[Chosen], random: Sequence[Chosen], baselines: Sequence[float]) -> str:
    """Say in how many runs the head is better than what needs no training."""
    beats = [
        best.test.low > max(baseline, other.test.high)
        for best, other, baseline in zip(chosen, random, baselines, strict=True)
    ]
    if len(beats) == 1:
        lies = "lies" if beats[0] else "does not lie"
        return (
            f"The interval of the chosen head {lies} above both the best baseline and the "
            "untrained network."
        )
    if not any(beats):
        return (
            f"In none of {len(beats)} runs is a head better than the best baseline and the "
            "untrained network: nowhere does the interval lie above both."
        )
    return (
        f"In {sum(beats)} of {len(beats)} runs the interval of the chosen head lies above the "
        "best baseline and above the untrained network."
    )


def _over_time(run: Run, valid: LinkedText, test: LinkedText) -> list[Section]:
    """Say at which update of the first run the heads appear; nothing where nothing can be asked."""
    tasks = [each for each in SHOWN_OVER_TIME if valid.questions[each] and test.questions[each]]
    if not tasks:
        return []
    steps = [each.step for each in regular_checkpoints(run.checkpoints)]
    answers = {
        step: _answers(Observer.of(replace(run, checkpoint=str(step))), valid, test)
        for step in steps
    }
    parts: list[Paragraph | Table] = [
        Paragraph(
            text=f"The checkpoints of {run.folder.name}, one by one: the best head of each, and "
            "the head that is the best at the end."
        )
    ]
    parts += [_task_over_time(task, answers, valid, test) for task in tasks]
    return [Section(title="Over training", parts=tuple(parts))]


def _task_over_time(
    task: str, answers: dict[int, Answers], valid: LinkedText, test: LinkedText
) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    last = choose(answers[max(answers)].valid, answers[max(answers)].test, valid, test, task)
    for step, own in answers.items():
        best = choose(own.valid, own.test, valid, test, task)
        later: Accuracy = of_head(own.test, test, task, last.head)
        rows.append((task, f"{step:,}", _place(best), str(best.test), str(later)))
    names = ("task", "update", "best head", "test", f"head {_place(last)}, test")
    return Table(columns=columns(names, right=names[1:]), rows=tuple(rows))
