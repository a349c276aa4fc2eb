"""Settings of `data.tokenizer` that are each right but do not go together."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from compiler.source.diagnostic import Diagnostic, mistake, quoted
from compiler.source.node import Node
from compiler.spec.data_files import matching, root_of
from compiler.spec.given_vocabulary import file_of_tokenizer
from compiler.spec.paths import at, note
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.spec.tokenizer import BYTES, REGULARISATION, SentencePieceTokenizer
from compiler.vocabulary.sentencepiece_model import model_kind
from compiler.vocabulary.symbols import NAMES_WITH_MASK

PLACE = ("data", "tokenizer")
MOST_CHARACTERS = 4096
"""With this many rows for characters no text is read to see whether they are enough."""
BEGINNING = 2**16
"""The bytes of a file in which characters are counted."""
PACKED = (".gz", ".xz", ".bz2")


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


def room_for_text(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Yield vocabularies with fewer rows than the training text begins with characters.

    Each of them gets a piece, unless `character_coverage` leaves rare ones out. Letters and digits
    alone are counted, since normalisation may change the others. A text that is elsewhere, or that
    is packed or a table, is not read.
    """
    tokenizer, vocabulary = spec.data.tokenizer, spec.model.vocabulary
    if not isinstance(tokenizer, SentencePieceTokenizer) or tokenizer.file is not None:
        return
    if tokenizer.character_coverage < 1 or tokenizer.model == "word":
        return
    taken = TASKS[spec.task].symbols + (BYTES if tokenizer.byte_fallback else 0)
    taken += len(tokenizer.user_symbols or ())
    for side in ("size",) if vocabulary.shared else ("source", "target"):
        rows = getattr(vocabulary, side)
        if rows is None or not 0 < rows - taken < MOST_CHARACTERS:
            continue
        found = set[str]().union(*map(_letters(tokenizer), _files_of(spec, side)))
        if rows - taken < len(found):
            yield mistake(
                at(root, "model", "vocabulary", side),
                "small-vocabulary",
                f"{rows:,} rows leave {rows - taken:,} for characters beside symbols and bytes, "
                f"and the training text begins with {len(found):,} different letters",
                f"write at least {taken + len(found) + 1:,}; pieces of several letters need more",
            )


def _files_of(spec: Spec, side: str) -> Iterator[Path]:
    """Yield the files of the training text whose characters need rows of a side's vocabulary."""
    train, folder = spec.data.train, spec.data.folder
    keys = ("source", "target", "text") if side == "size" else (side,)
    for key in keys:
        named = getattr(train, key, None) or ()
        for each in (named,) if isinstance(named, str) else named:
            with suppress(RuntimeError, OSError):  # `~USER` of a user of another machine
                yield from (e for e in matching(each, root_of(folder)) if e.suffix not in PACKED)


def _letters(tokenizer: SentencePieceTokenizer) -> Callable[[Path], set[str]]:
    """Return the function that tells the letters and digits which a file begins with."""
    rule = tokenizer.normalization or "nmt_nfkc"
    known = set("".join(tokenizer.user_symbols or ()))

    def letters(path: Path) -> set[str]:
        text = ""
        with suppress(OSError), path.open("rb") as file:
            text = file.read(BEGINNING).decode("utf-8", errors="ignore")
        text = text if rule == "identity" else unicodedata.normalize("NFKC", text)
        return set(filter(str.isalnum, text.casefold() if rule.endswith("_cf") else text)) - known

    return letters


TOKENIZER_CHECKS = (file_or_model, regularisation, user_symbols, room_for_characters)
