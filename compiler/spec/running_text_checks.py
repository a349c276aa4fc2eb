"""Settings of running text that are each right but do not go together."""

from collections.abc import Iterator
from glob import has_magic
from posixpath import normpath

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.spec.data import Corpus, RunningText, TextFiles, corpus_path
from compiler.spec.paths import at, note
from compiler.spec.spec import Spec

WHOLE = [0.0, 1.0]


def parts_of_one_file(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Require of `part` two shares, the smaller one first, of a single file."""
    for path, corpus in _running(spec):
        if corpus.part is None:
            continue
        first, last = corpus.part
        if first >= last:
            yield mistake(
                at(root, *path, "part"),
                "empty-part",
                f"`part: [{first:g}, {last:g}]` is no part of a text",
                "write the share that it starts from and then that where it ends: `[0.9, 1.0]` is "
                "the last tenth",
            )
        if not isinstance(corpus.text, str) or has_magic(corpus.text):
            yield mistake(
                at(root, *path, "text"),
                "part-of-several-files",
                "`part` divides a single file, and `text` may name several",
                "name one file, or leave `part` out and name other files for other parts",
            )


def parts_that_differ(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse a text of which one part is learned from and an overlapping one is scored."""
    train = spec.data.train
    for name, corpus in spec.data.corpora.items():
        parts = _part(train), _part(corpus)
        if name == "train" or not _is_same_file(train, corpus) or parts == (WHOLE, WHOLE):
            continue
        (first, last), (other_first, other_last) = parts
        if max(first, other_first) < min(last, other_last):
            path = corpus_path(name)
            yield Diagnostic(
                code="overlapping-parts",
                message=f"`data.{name}` shares text with `data.train`: the parts "
                f"[{other_first:g}, {other_last:g}] and [{first:g}, {last:g}] of one file overlap",
                span=at(root, *path, "part"),
                notes=note("the part to learn from", root, "data", "train", "part"),
                help="let the one begin where the other ends, as `[0.0, 0.9]` and `[0.9, 1.0]` do",
            )


def shifted_text_is_learned_from(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Only text to learn from is cut anew in each epoch."""
    for path, corpus in _running(spec):
        if corpus.shifted and path != ("data", "train"):
            yield mistake(
                at(root, *path, "shifted"),
                "unused-key",
                "`shifted` has no effect: text that is scored has the same windows each time",
                "remove it",
            )


def _running(spec: Spec) -> Iterator[tuple[tuple[str, ...], RunningText]]:
    """Yield the running texts of a spec with their paths."""
    for name, corpus in spec.data.corpora.items():
        if isinstance(corpus, RunningText):
            yield corpus_path(name), corpus


def _part(corpus: Corpus) -> list[float]:
    return (corpus.part if isinstance(corpus, RunningText) else None) or WHOLE


def _is_same_file(one: Corpus, other: Corpus) -> bool:
    texts = [each.text for each in (one, other) if isinstance(each, RunningText | TextFiles)]
    names = [normpath(each) if isinstance(each, str) else each for each in texts]
    return len(names) == 2 and names[0] == names[1]


def stride_of_windows(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Windows may overlap where a running text is scored, and must leave nothing out."""
    stride, longest = spec.evaluation.stride, spec.data.max_length
    if stride is None:
        return
    scored = [name for name in spec.data.corpora if name != "train"]
    if not any(isinstance(spec.data.corpora[name], RunningText) for name in scored):
        yield mistake(
            at(root, "evaluation", "stride"),
            "unused-key",
            "`stride` has no effect: no text that is scored has `running: true`",
            "remove it, or write `{text: FILE, running: true}`",
        )
    elif stride > longest:
        yield Diagnostic(
            code="long-stride",
            message=f"a stride of {stride} leaves out tokens between windows of {longest}",
            span=at(root, "evaluation", "stride"),
            notes=note("the tokens of a window", root, "data", "max_length"),
            help=f"lower it to at most {longest}, for example {max(longest // 2, 1)}",
        )


RUNNING_TEXT_CHECKS = (
    parts_of_one_file,
    parts_that_differ,
    shifted_text_is_learned_from,
    stride_of_windows,
)
