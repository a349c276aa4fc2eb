"""A folder of a published model to a spec, a map, and a run with the weights of our network."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from compiler.pipeline import CompiledPackage, compile_loaded
from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import to_python
from compiler.source.span import Source
from compiler.spec.library import UnwrittenFile
from compiler.spec.load import load_file
from compiler.spec.tasks import TASKS
from compiler.vocabulary.rows import Rows
from compiler.weights.disagreement import at_their_keys, disagreements, located
from compiler.weights.family import Family, map_of
from compiler.weights.fitted_map import Line, absent, fitted, lines_of, of_heads
from compiler.weights.imported_spec import Understood, name_of, spec_text, understand
from compiler.weights.map import ImportMap, map_in, read_map
from compiler.weights.parameters import NamedParameter, named_parameters
from compiler.weights.plan import plan
from compiler.weights.rows import TABLES, unwanted
from compiler.weights.settings_tree import look, put
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.package import Package, import_package
from runtime.published.comparison import Comparison, can_compare, compare
from runtime.published.find_vocabulary import find_vocabulary
from runtime.published.folder import Folder, open_folder
from runtime.published.symbols import Names, other_ends, symbol_names, tokens_before
from runtime.published.vocabulary import Vocabulary
from runtime.run import refuse_existing
from runtime.run_record import PACKAGE
from runtime.system.atomic_files import remove_unfinished
from runtime.weights.files import Tensors
from runtime.weights.importing import described, weights_by
from runtime.weights.run import create_published

SPEC, MAP, RECORD = "spec.yaml", "map.yaml", "import.json"
"""Files of the run: the spec, the map of the weights, and what was compared."""
NEW_HEADS = ("prediction.", "classifier.", "pooler.", "output_bias")
"""What begins the names of parameters behind the network that tasks share."""
Languages = Mapping[str, str | None]
"""The languages of `source` and `target`, as the vocabulary writes them."""
NO_LANGUAGES: Languages = {"source": None, "target": None}


@dataclass(frozen=True, kw_only=True)
class Import:
    """A folder, and all that it becomes; what is not asked for is not computed."""

    folder: Folder
    read: Understood | None
    """What its config.json means; None where no family has it."""
    out: Path
    """The folder of the run."""
    languages: Languages

    @classmethod
    def of(
        cls,
        path: Path,
        out: Path | None = None,
        task: str | None = None,
        classes: int | None = None,
        languages: Languages = NO_LANGUAGES,
    ) -> "Import":
        """Open a folder; what is refused is in `folder.config.wrong`, and `check` raises it.

        `out` is the folder of the run, by default that of the folder's name in `runs`. Raises a
        UserError for a folder that is none of `transformers`.
        """
        folder = open_folder(path)
        read = understand(folder.config, task, classes)
        out = out or Path("runs", name_of(folder.name))
        result = cls(folder=folder, read=read, out=out, languages=languages)
        result._note_refusals()
        return result

    def check(self) -> None:
        """Raise `Rejected` with all that keeps the folder from becoming a run.

        A tensor that no line of the map speaks of is among it.
        """
        if self.folder.config.wrong or self.read is None:
            raise Rejected(self.folder.config.wrong)
        try:
            plan(self._map, self._known, described(self.folder.tensors))
        except Rejected:
            raise Rejected(self._disagreements) from None

    @property
    def _disagreements(self) -> list[Diagnostic]:
        """Return where config.json and the tensors disagree: the map is not the user's."""
        found = disagreements(self._map, self._known, described(self.folder.tensors))
        return at_their_keys(self.folder.config, self.understood.origins, found)

    def _note_refusals(self) -> None:
        if self.read is not None:
            self._note_languages()
        if self.read is not None and self.folder.tensors:
            self._note_other_rows()
        try:
            _ = self._own_vocabulary
            if self.read is not None and not self.folder.config.wrong:
                _ = (self.rows, self._before)
        except UserError as error:
            self.folder.note(error)
        except Rejected as rejected:
            self.folder.config.wrong += rejected.diagnostics

    def _note_languages(self) -> None:
        """Note languages that are said of a model that has none."""
        given = [f"--{side} {code}" for side, code in self.languages.items() if code is not None]
        if given and not any("language" in words for words in self.family.before.values()):
            message = f"`{' '.join(given)}` is for models that translate between several languages"
            help = f"a {self.folder.config.model_type} has none to choose: leave it out"
            self.folder.config.refuse("model_type", message, help)

    def _note_other_rows(self) -> None:
        """Note a vocabulary of another size than the table of embeddings."""
        size = look(self.understood.tree, "model.vocabulary.size")
        rights = [str(each.right) for each in self._lines if each.pattern in TABLES]
        for name in dict.fromkeys(rights):
            table = self.folder.tensors.get(name)
            if size is not None and table is not None and table.size(0) != size:
                message = f"the vocabulary has {size:,} tokens, and `{name}` {table.size(0):,} rows"
                self.folder.config.refuse("vocab_size", message)

    @property
    def understood(self) -> Understood:
        """Return what config.json means, where a family has it."""
        assert self.read is not None, "`check` has been called"
        return self.read

    @property
    def family(self) -> Family:
        return self.understood.family

    @cached_property
    def _own_vocabulary(self) -> Vocabulary:
        """Return the tokenizer of the folder, which may lack tokens for rows of the table."""
        usual = None if self.read is None else self.family.tokenizer
        return find_vocabulary(self.folder, usual)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return the tokenizer, with a token for each row of the table of embeddings.

        Raises a UserError for a vocabulary that is larger than the table.
        """
        own = self._own_vocabulary
        size = look(self.understood.tree, "model.vocabulary.size") or own.size
        if own.size > size:
            raise UserError(
                f"{own.file} has {own.size:,} tokens, and the table of embeddings {size:,} rows",
                help="model and tokenizer must belong together",
            )
        return own.enlarged(size)

    @cached_property
    def _symbols(self) -> dict[str, str]:
        """Return the tokens of theirs that are our symbols."""
        count = TASKS[self.understood.task].symbols
        return symbol_names(self.folder, self.family, self.vocabulary.numbers, count)

    @cached_property
    def rows(self) -> Rows:
        """Return their number of each of our tokens."""
        count = TASKS[self.understood.task].symbols
        symbols = self.vocabulary.symbols(self._symbols)[:count]
        return Rows.renumbered(symbols, self.vocabulary.size)

    @cached_property
    def other_ends(self) -> list[str]:
        """Return the tokens of theirs that end a text beside our END."""
        found = other_ends(self.folder, self.vocabulary.numbers)
        return [each for each in found if each != self._symbols["end"]]

    @cached_property
    def _before(self) -> tuple[list[int], list[int]]:
        """Return the tokens of theirs that each source, and each target, begins with.

        Raises a UserError for a tokenizer whose texts cannot be built, and for a missing language.
        """
        kind = self.folder.json("tokenizer_config.json").get("tokenizer_class")
        if reason := self.family.unread_tokenizers.get(str(kind)):
            raise UserError(f"texts of {self.folder.path} cannot be built: {reason} ({kind})")
        source, target = (
            tokens_before(self.folder, self.family, self.vocabulary.numbers, side, self.languages)
            for side in ("source", "target")
        )
        return source, target

    @property
    def _prefix(self) -> list[str]:
        """Return the tokens that every text is made to begin with: a language, or what they say."""
        names = Names.of(self.folder, self.vocabulary.numbers)
        forced = names.first(["forced_bos_token"])
        numbers = [] if forced is None else [forced]
        if "language" in self.family.before.get("target", []):
            numbers = self._before[1]
        texts = {number: token for token, number in self.vocabulary.numbers.items()}
        return [texts[each] for each in numbers]

    @cached_property
    def spec(self) -> str:
        """Return the text of the spec."""
        tree = deepcopy(self.understood.tree)
        put(tree, "model.vocabulary.size", len(self.rows))
        if unwanted(self.rows) and not TASKS[self.understood.task].pools:
            put(tree, "model.output.bias", True)
        tokenizer = {
            "kind": self.vocabulary.KIND,
            "file": str(self.out / self.vocabulary.NAME),
            "symbols": self._symbols,
        }
        name = name_of(self.folder.name)
        understood = replace(self.understood, tree=tree)
        decoding = {"prefix": self._prefix, "ends": self.other_ends}
        return spec_text(understood, name, self.folder.name, tokenizer, decoding)

    @cached_property
    def compiled(self) -> CompiledPackage:
        try:
            return compile_loaded(load_file(UnwrittenFile(path=self.out / SPEC, text=self.spec)))
        except Rejected as rejected:
            origins = self.understood.origins
            wrong = located(self.folder.config, origins, rejected.diagnostics)
            raise Rejected(wrong) from None

    @cached_property
    def parameters(self) -> list[NamedParameter]:
        return list(named_parameters(self.compiled.model))

    @cached_property
    def new(self) -> tuple[str, ...]:
        """Return the parameters of a head that the files do not have: they begin as specs say."""
        if self.understood.has_head:
            return ()
        heads = [each for each in self.parameters if each.name.startswith(NEW_HEADS)]
        missing = absent(self._lines, heads, self.folder.tensors)
        return tuple(each.name for each in heads if each.name in missing)

    @cached_property
    def _known(self) -> list[NamedParameter]:
        return [each for each in self.parameters if each.name not in self.new]

    @cached_property
    def _family_map(self) -> ImportMap:
        return read_map(map_of(self.understood.name, self.family, self.understood.task))

    @property
    def _missing_prefix(self) -> str:
        """Return what begins names in the map of the family, and none of the files."""
        prefix = self.family.prefix
        return "" if any(each.startswith(prefix) for each in self.folder.tensors) else prefix

    @cached_property
    def _lines(self) -> list[Line]:
        return lines_of(self._family_map, self.family.lines, self._missing_prefix)

    @cached_property
    def _other_heads(self) -> list[str]:
        """Return patterns of tensors that models for other tasks have behind the network."""
        own, tasks = self.understood.name, self.family.tasks
        others = [each for each in tasks if each != self.understood.task]
        maps = [read_map(map_of(own, self.family, each)) for each in others]
        return [*(tasks[each].where or "" for each in others), *of_heads(maps, NEW_HEADS)]

    @property
    def unused(self) -> list[str]:
        """Return the tensors of heads for other tasks, which the run does not have."""
        ignored = [each for each in self._map.ignored if each.pattern in self._other_heads]
        names = self.folder.tensors
        return [name for name in names if any(each.matches(name) for each in ignored)]

    @cached_property
    def map(self) -> str:
        """Return the text of the map that brings the weights."""
        ignored = [*(each.pattern for each in self._family_map.ignored), *self.family.needless]
        ignored += self._other_heads
        if prefix := self._missing_prefix:
            ignored += [each.removeprefix(prefix) for each in ignored]
        classes = [their for _, their in self.understood.labels]
        tensors = self.folder.tensors
        once = dict.fromkeys(ignored)
        return fitted(self._lines, once, self._known, tensors, self.rows, classes)

    @cached_property
    def _map(self) -> ImportMap:
        return map_in(Source(name=MAP, text=self.map))

    def weights(self, package: Package) -> Tensors:
        """Return the weights of the network, those of a new head as the spec begins them."""
        weights = weights_by(self._map, self._known, self.folder.tensors)
        if self.new:
            torch.manual_seed(package.spec.training.seed)
            begun = package.model_class().state_dict()
            weights |= {name: begun[name] for name in self.new}
        return {each.name: weights[each.name] for each in self.parameters}

    def create(self) -> Comparison | None:
        """Create the run -> how far it is from theirs; None without `transformers`.

        Raises a UserError where the two differ; then there is no run.
        """
        refuse_existing(self.out)
        remove_unfinished(self.out.parent, self.out.name)
        files = {name: text.encode() for name, text in self.compiled.files.items()}
        package = import_package(self.out / PACKAGE, files)
        weights = self.weights(package)
        tokenizers = self.vocabulary.tokenizers(self.rows, self._before)
        comparison = self._compared(package, weights, tokenizers)
        create_published(
            self.out,
            package,
            weights,
            tokenizers,
            [name for name, _ in self.understood.labels],
            self._about,
            self._files(comparison),
        )
        return comparison

    def _compared(
        self, package: Package, weights: Tensors, tokenizers: tuple[Tokenizer, Tokenizer]
    ) -> Comparison | None:
        if not can_compare():
            return None
        model = package.model_class()
        model.load_state_dict(weights)
        comparison = compare(
            self.folder,
            model.eval(),
            package.spec,
            tokenizers,
            self.rows,
            has_head=self.understood.has_head,
            classes=[their for _, their in self.understood.labels],
        )
        if not comparison.is_close:
            raise UserError(
                f"the network differs from that of transformers: {comparison}",
                help="nothing was written; this is a fault of the family "
                f"{self.understood.name}, or of the folder",
            )
        return comparison

    @property
    def _about(self) -> dict[str, Any]:
        """Return what `run.json` says of the folder."""
        return {
            "folder": self.folder.name,
            "model_type": self.understood.config.model_type,
            "family": self.understood.name,
            "new": list(self.new),
        }

    def _files(self, comparison: Comparison | None) -> dict[str, bytes]:
        record = self._about | {
            "used": self.understood.used,
            "without_effect": self.understood.without_effect,
            "config": to_python(self.folder.config.root),
            "rows": str(self.rows),
            "compared": None if comparison is None else comparison.record(),
        }
        return {
            SPEC: self.spec.encode(),
            MAP: self.map.encode(),
            self.vocabulary.NAME: self.vocabulary.content,
            RECORD: f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode(),
        }
