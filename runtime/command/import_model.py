"""A folder of a published model to a spec, a map, and the weights of our network."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from compiler.pipeline import CompiledPackage, compile_spec
from compiler.source.diagnostic import Rejected
from compiler.source.span import Source
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from compiler.weights.family import map_of
from compiler.weights.fitted_map import absent, fitted, lines_of
from compiler.weights.imported_spec import Understood, name_of, spec_text, understand
from compiler.weights.map import map_in, read_map
from compiler.weights.parameters import NamedParameter, named_parameters
from compiler.weights.plan import plan
from compiler.weights.rows import TABLES, unwanted
from compiler.weights.settings_tree import look, put
from runtime.command.import_comparison import Comparison, can_compare, compare
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.package import Package, load_package
from runtime.run import refuse_existing
from runtime.weights.files import Tensors
from runtime.weights.folder import Folder, open_folder
from runtime.weights.importing import described, weights_by
from runtime.weights.run import create_published
from runtime.weights.symbols import Names, other_ends, symbol_names, tokens_before
from runtime.weights.vocabulary import CONTENT, Vocabulary, find_vocabulary

SPEC, MAP, RECORD = "spec.yaml", "map.yaml", "import.json"
"""Files of the run: the spec, the map of the weights, and what was compared."""
NEW_HEADS = ("prediction.", "classifier.", "pooler.", "output_bias")
"""What begins the names of parameters behind the network that tasks share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A folder that can be imported: all that is known before a tensor is computed."""

    folder: Folder
    out: Path
    """The folder of the run."""
    understood: Understood
    vocabulary: Vocabulary
    rows: Rows
    before: tuple[list[int], list[int]]
    """Tokens of theirs that each source, and each target, begins with."""
    spec: str
    map: str
    compiled: CompiledPackage
    new: tuple[str, ...]
    """Parameters of a head that the files do not have: they begin as the spec says."""

    @property
    def other_ends(self) -> list[str]:
        """Tokens of theirs that end a text, too; here only the first does."""
        return other_ends(self.folder, self.vocabulary.numbers)

    @property
    def parameters(self) -> list[NamedParameter]:
        return list(named_parameters(self.compiled.model))


Languages = Mapping[str, str | None]
"""The languages of `source` and `target`, as the vocabulary writes them."""
NO_LANGUAGES: Languages = {"source": None, "target": None}


def examine(
    path: Path,
    task: str | None = None,
    classes: int | None = None,
    languages: Languages = NO_LANGUAGES,
) -> tuple[Folder, Understood | None]:
    """Return a folder and what is understood of it; what is refused is in `config.wrong`.

    Raises a UserError for a folder that is none of `transformers`.
    """
    folder = open_folder(path)
    understood = understand(folder.config, task, classes)
    if understood is not None and folder.tensors:
        _check_rows(folder, understood)
    try:
        vocabulary = find_vocabulary(folder)
        if understood is not None and not folder.config.wrong:
            _rows(folder, understood, vocabulary)
            _begin_tokens(folder, understood, vocabulary, languages)
    except UserError as error:
        folder.note(error)
    return folder, understood


def find(
    folder: Folder,
    understood: Understood | None,
    out: Path | None = None,
    languages: Languages = NO_LANGUAGES,
) -> Found:
    """Return what an examined folder becomes; raises `Rejected` with all that keeps it from that.

    `out` is the folder of the run, by default that of the folder's name in `runs`. A tensor that no
    line of the map speaks of is found here, too.
    """
    if folder.config.wrong or understood is None:
        raise Rejected(folder.config.wrong)
    vocabulary, name = find_vocabulary(folder), name_of(folder.name)
    rows, symbols = _rows(folder, understood, vocabulary)
    vocabulary = vocabulary.enlarged(look(understood.tree, "model.vocabulary.size"))
    out = out or Path("runs", name)
    understood = replace(understood, tree=deepcopy(understood.tree))
    tokenizer = {"kind": "tokenizers", "file": str(out / CONTENT), "symbols": symbols}
    before = _begin_tokens(folder, understood, vocabulary, languages)
    forced = _forced_tokens(folder, understood, vocabulary, before[1])
    put(understood.tree, "model.vocabulary.size", len(rows))
    if unwanted(rows) and not TASKS[understood.task].pools:
        put(understood.tree, "model.output.bias", True)
    text = spec_text(understood, name, folder.name, tokenizer, forced)
    compiled = _compiled(text)
    parameters = list(named_parameters(compiled.model))
    new = _new(folder, understood, parameters)
    known = [each for each in parameters if each.name not in new]
    map = _map(folder, understood, known, rows)
    plan(map_in(Source(name=MAP, text=map)), known, described(folder.tensors))
    return Found(
        folder=folder,
        out=out,
        understood=understood,
        vocabulary=vocabulary,
        rows=rows,
        before=before,
        spec=text,
        map=map,
        compiled=compiled,
        new=new,
    )


def weights_of(found: Found, package: Package) -> Tensors:
    """Return the weights of the network, those of a new head as the spec begins them."""
    known = [each for each in found.parameters if each.name not in found.new]
    source = Source(name=MAP, text=found.map)
    weights = weights_by(map_in(source), known, found.folder.tensors)
    if found.new:
        torch.manual_seed(package.spec.training.seed)
        begun = package.model_class().state_dict()
        weights |= {name: begun[name] for name in found.new}
    return {each.name: weights[each.name] for each in found.parameters}


def _check_rows(folder: Folder, understood: Understood) -> None:
    """Note a vocabulary of another size than the table of embeddings."""
    size = look(understood.tree, "model.vocabulary.size")
    for name in _tables(folder, understood):
        table = folder.tensors[name]
        if size is not None and table.size(0) != size:
            message = f"the vocabulary has {size:,} tokens, and `{name}` {table.size(0):,} rows"
            folder.config.refuse("vocab_size", message)


def _tables(folder: Folder, understood: Understood) -> list[str]:
    """Return the tensors that become tables of embeddings."""
    lines = _lines(folder, understood)
    rights = [str(each.right) for each in lines if each.pattern in TABLES]
    return [each for each in dict.fromkeys(rights) if each in folder.tensors]


def _lines(folder: Folder, understood: Understood) -> list[Any]:
    family = understood.family
    prefix = family.prefix
    missing = "" if any(each.startswith(prefix) for each in folder.tensors) else prefix
    own = read_map(map_of(understood.name, family, understood.task))
    return lines_of(own, family.lines, missing)


def _rows(
    folder: Folder, understood: Understood, vocabulary: Vocabulary
) -> tuple[Rows, dict[str, str]]:
    """Return the rows of our vocabulary, and their tokens for our symbols.

    Raises a UserError for a vocabulary that is larger than the table of embeddings.
    """
    size = look(understood.tree, "model.vocabulary.size") or vocabulary.size
    if vocabulary.size > size:
        raise UserError(
            f"{vocabulary.file} has {vocabulary.size:,} tokens, and the table of embeddings "
            f"{size:,} rows",
            help="model and tokenizer must belong together",
        )
    count = TASKS[understood.task].symbols
    enlarged = vocabulary.enlarged(size)
    names = symbol_names(folder, understood.family, enlarged.numbers, count)
    return Rows.renumbered(enlarged.symbols(names)[:count], size), names


def _begin_tokens(
    folder: Folder, understood: Understood, vocabulary: Vocabulary, languages: Languages
) -> tuple[list[int], list[int]]:
    """Return the tokens of theirs that each source, and each target, begins with.

    Raises a UserError for a tokenizer whose texts cannot be built, and for a missing language.
    """
    family = understood.family
    kind = folder.json("tokenizer_config.json").get("tokenizer_class")
    if reason := family.unread_tokenizers.get(str(kind)):
        raise UserError(f"texts of {folder.path} cannot be built: {reason} ({kind})")
    source, target = (
        tokens_before(folder, family, vocabulary.numbers, side, languages)
        for side in ("source", "target")
    )
    return source, target


def _forced_tokens(
    folder: Folder, understood: Understood, vocabulary: Vocabulary, before: list[int]
) -> list[str]:
    """Return the tokens that every text is made to begin with: a language, or as the files say."""
    names = Names.of(folder, vocabulary.numbers)
    is_forced = "language" in understood.family.before.get("target", [])
    if not is_forced and names.first(["forced_bos_token"]) is None:
        return []
    own = before if is_forced else [names.first(["forced_bos_token"])]
    texts = {number: token for token, number in vocabulary.numbers.items()}
    return [texts[each] for each in own if each is not None]


def _compiled(text: str) -> CompiledPackage:
    with TemporaryDirectory(prefix="specformer-") as temporary:
        file = Path(temporary, "spec.yaml")
        file.write_text(text, "utf-8")
        return compile_spec(str(file))


def _new(
    folder: Folder, understood: Understood, parameters: list[NamedParameter]
) -> tuple[str, ...]:
    """Return the parameters of a head that the files do not have."""
    if understood.has_head:
        return ()
    heads = [each for each in parameters if each.name.startswith(NEW_HEADS)]
    missing = absent(_lines(folder, understood), heads, folder.tensors)
    return tuple(each.name for each in heads if each.name in missing)


def _map(
    folder: Folder, understood: Understood, parameters: list[NamedParameter], rows: Rows
) -> str:
    family = understood.family
    own = read_map(map_of(understood.name, family, understood.task))
    ignored = [*(each.pattern for each in own.ignored), *family.needless]
    lines = _lines(folder, understood)
    prefix = family.prefix
    if not any(each.startswith(prefix) for each in folder.tensors):
        ignored += [each.removeprefix(prefix) for each in ignored]
    classes = [their for _, their in understood.labels]
    return fitted(lines, dict.fromkeys(ignored), parameters, folder.tensors, rows, classes)


def import_folder(found: Found) -> Comparison | None:
    """Create the run of a folder -> how far it is from theirs; None without `transformers`.

    Raises a UserError where the two differ; then there is no run.
    """
    refuse_existing(found.out)
    with TemporaryDirectory(prefix="specformer-") as temporary:
        place = Path(temporary, found.compiled.folder_name)
        found.compiled.write(place)
        package = load_package(place)
        weights = weights_of(found, package)
        tokenizers = found.vocabulary.tokenizers(found.rows, found.before)
        comparison = _compared(found, package, weights, tokenizers)
        create_published(
            found.out,
            package,
            weights,
            tokenizers,
            [name for name, _ in found.understood.labels],
            _about(found),
            _files(found, comparison),
        )
    return comparison


def _compared(
    found: Found, package: Package, weights: Tensors, tokenizers: tuple[Tokenizer, Tokenizer]
) -> Comparison | None:
    if not can_compare():
        return None
    model = package.model_class()
    model.load_state_dict(weights)
    comparison = compare(
        found.folder,
        model.eval(),
        package.spec,
        tokenizers,
        found.rows,
        has_head=found.understood.has_head,
        classes=[their for _, their in found.understood.labels],
    )
    if not comparison.is_close:
        raise UserError(
            f"the network differs from that of transformers: {comparison}",
            help="nothing was written; this is a fault of the family "
            f"{found.understood.name}, or of the folder",
        )
    return comparison


def _about(found: Found) -> dict[str, Any]:
    """Return what `run.json` says of the folder."""
    return {
        "folder": found.folder.name,
        "model_type": found.understood.config.model_type,
        "family": found.understood.name,
        "new": list(found.new),
    }


def _files(found: Found, comparison: Comparison | None) -> dict[str, bytes]:
    record = _about(found) | {
        "used": found.understood.used,
        "without_effect": found.understood.without_effect,
        "rows": str(found.rows),
        "compared": None if comparison is None else comparison.record(),
    }
    return {
        SPEC: found.spec.encode(),
        MAP: found.map.encode(),
        CONTENT: found.vocabulary.content.encode(),
        RECORD: f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode(),
    }
