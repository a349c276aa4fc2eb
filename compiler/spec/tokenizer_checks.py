"""Settings of `data.tokenizer` that are each right but do not go together."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake, quoted
from compiler.source.node import Node
from compiler.spec.given_vocabulary import file_of_tokenizer
from compiler.spec.paths import at, note
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.spec.tokenizer import BYTES, REGULARISATION, SentencePieceTokenizer
from compiler.vocabulary.sentencepiece_model import model_kind
from compiler.vocabulary.symbols import NAMES_WITH_MASK

PLACE = ("data", "tokenizer")


def file_or_model(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A tokenizer is learned or given, and has settings of one of the two alone."""
    tokenizer = spec.data.tokenizer
    if not tokenizer.LEARNED:
        return
    file = getattr(tokenizer, "file", None)
    if tokenizer.kind == "tokenizers" and file is None and tokenizer.model is None:
        yield mistake(
            at(root, *PLACE),
            "missing-key",
            "`kind: tokenizers` has neither a `file` nor a `model` to learn",
            "write `file: tokenizer.json`, or `model: byte_level_bpe`",
        )
    fields = type(tokenizer).model_fields
    vain = tokenizer.LEARNED if file is not None else tokenizer.GIVEN
    for key in vain:
        if getattr(tokenizer, key) != fields[key].default:
            beside = "beside a `file`" if file is not None else "without a `file`"
            yield Diagnostic(
                code="unused-key",
                message=f"`{key}` has no effect {beside}: "
                + ("the tokenizer is not learned" if file is not None else "it is learned"),
                span=at(root, *PLACE, key),
                notes=note("the file", root, *PLACE, "file"),
                help="remove one of them" if file is not None else "remove it, or name a file",
            )


def regularisation(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Merges are left out of BPE, segmentations are drawn of a unigram model; not of windows."""
    tokenizer = spec.data.tokenizer
    if not isinstance(tokenizer, SentencePieceTokenizer):
        return
    if tokenizer.file is not None and None not in (tokenizer.dropout, tokenizer.sampling):
        yield Diagnostic(
            code="unused-key",
            message="`dropout` is for a `bpe` model and `sampling` for a `unigram` one: "
            "no file has both",
            span=at(root, *PLACE, "sampling"),
            notes=note("the dropout", root, *PLACE, "dropout"),
            help="remove the one that is not for this file",
        )
        return
    for key, model in REGULARISATION.items():
        if getattr(tokenizer, key) is None:
            continue
        own = tokenizer.model if tokenizer.file is None else _model_of_file(spec)
        if own not in (model, None):
            which = "model" if tokenizer.file is None else "file"
            named = f"`model: {own}`" if which == "model" else f"a file that is a model `{own}`"
            yield Diagnostic(
                code="unused-key",
                message=f"`{key}` has no effect with {named}",
                span=at(root, *PLACE, key),
                notes=note(f"the {which}", root, *PLACE, which),
                help="remove it" + (f", or write `model: {model}`" if which == "model" else ""),
            )
        else:
            yield from _unknown_length(spec, root, key)


def _model_of_file(spec: Spec) -> str | None:
    """Return the kind of model of the file of sentencepiece; None if it cannot be read here."""
    path = file_of_tokenizer(spec)
    try:
        return None if path is None else model_kind(path.read_bytes())
    except (OSError, ValueError, LookupError):
        return None  # it may lie on the machine that trains; what is wrong with it is told there


def _unknown_length(spec: Spec, root: Node, key: str) -> Iterator[Diagnostic]:
    """Texts that are cut anew have another length in each epoch."""
    place = at(root, *PLACE, key)
    if getattr(spec.data.train, "running", False):
        yield mistake(
            place,
            "unknown-length",
            f"`{key}` changes the number of tokens, and windows of running text have a fixed "
            "number of tokens",
            "remove it, or give a text a line, without `running`",
        )
    elif spec.training.epochs is not None:
        yield mistake(
            place,
            "unknown-length",
            f"`{key}` changes the number of tokens of each epoch, so that `epochs` do not tell "
            "how many updates there are",
            "write `steps` instead of `epochs` below `training`",
        )


def user_symbols(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """User symbols are texts without spaces, each written once, and none is a symbol of ours."""
    texts = getattr(spec.data.tokenizer, "user_symbols", None) or []
    for number, text in enumerate(texts):
        reason = ""
        if text in NAMES_WITH_MASK[: TASKS[spec.task].symbols]:
            reason = "is a symbol of every vocabulary already"
        elif text in texts[:number]:
            reason = "is written twice"
        elif any(map(str.isspace, text)):
            reason = "has a space or the end of a line, and no piece has one: it is never found"
        if reason:
            place = at(root, *PLACE, "user_symbols", number)
            yield mistake(place, "bad-value", f"{quoted(text)} {reason}", "remove it")


def room_for_characters(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Bytes and user symbols leave rows for the characters of the text, which all get one."""
    tokenizer, vocabulary = spec.data.tokenizer, spec.model.vocabulary
    if not isinstance(tokenizer, SentencePieceTokenizer) or tokenizer.file is not None:
        return
    symbols = TASKS[spec.task].symbols
    more = BYTES if tokenizer.byte_fallback else 0
    more += len(tokenizer.user_symbols or ())
    key = "byte_fallback" if tokenizer.byte_fallback else "user_symbols"
    for side in ("size",) if vocabulary.shared else ("source", "target"):
        rows = getattr(vocabulary, side)
        if more and rows is not None and symbols < rows <= symbols + more:
            yield Diagnostic(
                code="small-vocabulary",
                message=f"{rows:,} rows leave none for the characters of the text: {symbols} are "
                f"special symbols, {more:,} are bytes and user symbols",
                span=at(root, "model", "vocabulary", side),
                notes=note("takes rows", root, *PLACE, key),
                help=f"write more than {symbols + more}, by as many as the text has characters",
            )


TOKENIZER_CHECKS = (file_or_model, regularisation, user_symbols, room_for_characters)
