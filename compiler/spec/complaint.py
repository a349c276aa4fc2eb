"""Words the errors of a spec: the place, the reason, and the line to write instead."""

from collections.abc import Iterable
from functools import cached_property

from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, did_you_mean, mistake, nearest, quoted
from compiler.source.node import (
    Mapping,
    Node,
    Path,
    Scalar,
    deepest,
    find,
    is_nothing,
    place_of_key,
    to_python,
    walk,
)
from compiler.source.span import Source, Span
from compiler.spec.expectation import (
    bad_mask,
    capacity,
    choices,
    expectation,
    foreign_letter,
    given,
    is_quoted_number,
    missing_key,
    run_together,
)
from compiler.spec.fields import (
    accepts,
    home,
    in_part,
    is_corpus,
    is_section,
    keys_at,
    kinds_at,
    kinds_with,
    place_of,
    sections_like,
    sections_of,
    words_at,
)
from compiler.spec.inherit import task_of
from compiler.spec.merge import word
from compiler.spec.remedy import Settings, corpus, example, mended, name, records_in, to_write
from compiler.spec.shorthand import named_today
from compiler.spec.synonyms import (
    Counterpart,
    counterpart_of_key,
    counterpart_of_value,
    same_word,
)
from compiler.spec.tasks import TASKS, USUAL_TASK

_KINDS_OF_LAYERS = (
    "what all layers have stands beside `layers: 6`; kinds of layers are a list: "
    "`layers: [{repeat: 5, dropout: 0.1}, {dropout: 0.3}]`"
)

_WORDS_FOR_KIND = ("type", "name", "class", "algorithm", "method", "_target_")
"""What other tools call the key `kind` of a section."""


class Complaints:
    """The mistakes of one spec, by their paths in the tree after inheritance."""

    def __init__(
        self, whole: Mapping, written: Mapping, errors: dict[Path, list[ErrorDetails]]
    ) -> None:
        self.whole, self.written, self.errors = whole, written, errors
        self.task = task_of(written) if task_of(written) in TASKS else USUAL_TASK
        self.meant: set[Path] = set()
        """The paths that unknown keys were meant for."""

    def diagnostics(self) -> list[Diagnostic]:
        """One for each place; what is missing because its key is misspelt is not told twice."""
        corpora = {each for path in self.errors if (each := self._corpus_of(path))}
        rest = {path: found for path, found in self.errors.items() if not self._corpus_of(path)}
        told = [
            self._other(path, found) for path, found in rest.items() if not missing_key(found[0])
        ]
        kinds = {path: at for path, found in rest.items() if (at := self._other_kind(path, found))}
        told += [self._unknown_key(at) for at in kinds.values()]
        rest = {path: found for path, found in rest.items() if path not in kinds}
        told += [self._corpus(path) for path in corpora if not self._is_meant(path)]
        homes: dict[Path, set[Path]] = {}
        for path, found in rest.items():
            if key := missing_key(found[0]):
                path = path if path[-1] == key else (*path, key)
                homes.setdefault(home(path), set()).add(path)
        told += [self._missing_key(*each) for each in homes.items() if not self._is_meant(each[0])]
        return told

    def _other_kind(self, path: Path, errors: list[ErrorDetails]) -> Path | None:
        """The path of a key that other tools have for `kind`, if that is missing in a section."""
        paths = [(*path, word) for word in _WORDS_FOR_KIND if find(self.whole, (*path, word))]
        return paths[0] if paths and errors[0]["type"] == "union_tag_not_found" else None

    def _is_meant(self, path: Path) -> bool:
        """Return whether an unknown key was meant for a missing one, or for something in it."""
        of_the_task = ("task",) in self.meant and path[0] in ("model", "data")
        return of_the_task or any(each[: len(path)] == path for each in self.meant)

    def _other(self, path: Path, errors: list[ErrorDetails]) -> Diagnostic:
        first, node = errors[0], deepest(self.whole, path)
        if first["type"] == "extra_forbidden":
            if path[-2:-1] == ("experts",) and "capacity" in str(path[-1]):
                return capacity(place_of_key(self.whole, path))
            return self._unknown_key(path)
        if first["type"] == "mask":
            return bad_mask(node, first)
        if first["type"] == "union_tag_invalid" and (kind := find(node, ("kind",))):
            path, node = (*path, "kind"), kind
        wanted = " or ".join(dict.fromkeys(expectation(each) for each in errors))
        return Diagnostic(
            code="unknown-value" if choices(first) else "bad-value",
            message=f"expected {wanted}, got {given(node)}",
            span=node.span,
            help=self._value(path, node),
        )

    # Values

    def _value(self, path: Path, node: Node) -> str:
        """The help for a wrong value."""
        at, words = self._written_path(path, node), words_at(path)
        if isinstance(node, Scalar) and node.value is not None:
            if (ours := same_word(node.value, words)) and ours != node.value:
                return self._write({at: ours}, at, node)
            if known := counterpart_of_value(at, node.value, self._kind_of(at[:-1])):
                return self._counterpart(known, at, node)
            if question := did_you_mean(str(node.value), words):
                return question
        while isinstance(at[-1], int):  # an item of a list: the whole of it is shown
            at = at[:-1]
            node = find(self.written, at) or node
        value = mended(at, to_python(node), self.task, self._kind_of(at[:-1]))
        is_example = value is None and not is_section(at)
        if is_example:
            value = example(at, self.task)
            is_content = value is True or isinstance(to_python(node), str)
            if value in words or (is_content and accepts(at, "text")):
                return ""
        line = self._write({at: value}, at, node)
        line += ", for example" if is_example and (words or accepts(at, "text")) else ""
        if isinstance(node, Scalar):
            if value is True and node.value is False:
                return f"{line}, or leave it out"
            return line + (": in quotes it is text" if is_quoted_number(node, value) else "")
        return f"{line}; {_KINDS_OF_LAYERS}" if at[-1] == "layers" else line

    def _counterpart(self, known: Counterpart, at: Path, node: Scalar) -> str:
        because = f" ({known.because})" if known.because else ""
        if not known.settings:
            return f"{quoted(str(node.value))} has no counterpart here: {known.because}"
        return f"{self._write(known.settings, at, node)}{because}"

    # Keys

    def _unknown_key(self, path: Path) -> Diagnostic:
        node, place = deepest(self.whole, path), place_of_key(self.whole, path)
        at, key = self._written_path(path, node), str(path[-1])
        help = foreign_letter(key) + self._known(key, at, node, place)
        return mistake(place, "unknown-key", f"unknown key {quoted(key)}", help)

    def _known(self, key: str, at: Path, node: Node, place: Span) -> str:
        """The help for an unknown key: a key of this section, another tool, or another section."""
        known = keys_at(at[:-1], self._kind_of(at[:-1]))
        if (today := named_today(map(str, at))[-1]) in known and today != key:
            return f"`{key}` is the former name of `{today}`, which is written, too: leave it out"
        if together := run_together(key, node, place, known):
            self.meant.add(home((*at[:-1], together[0])))
            return f"write `{': '.join(together)}`, with a colon and a space"
        if ours := same_word(key, known):
            return self._renamed(at, ours)
        if kinds := kinds_with(at):
            return f"`{key}` is for {' or '.join(f'`kind: {each}`' for each in kinds)}"
        theirs = self._theirs(at, node)
        holders = [_section(each) for each in theirs.settings if each[1:]] if theirs else []
        if regrouped := self._regrouped(at, node, holders):
            holder, settings = regrouped
            there = find(self.written, holder)
            is_own = there is not None and there.span.source is place.source
            if holder[:-1] == at[:-1] and not is_own:
                return self._renamed(at, str(holder[-1]))
            self.meant |= {home(each) for each in settings}
            line = self._lines(settings, at, place.source)
            if holder[-1] == key:
                return f"`{key}` belongs {_below(holder[:-1])}: {line}"
            return f"the keys of {quoted(key)} belong to `{name(holder)}`: {line}"
        if theirs:
            return self._translated(theirs, key, at, place.source)
        path = place_of(key, at, self.task)
        if path and (settings := self._moved(path, node)):
            self.meant.add(path)
            line = self._lines(settings, at, place.source)
            return f"`{key}` belongs {_below(path[:-1])}: {line}"
        if ours := nearest(key, known):
            return self._renamed(at, ours)
        return f"known here: {', '.join(sorted(known))}"

    def _theirs(self, at: Path, node: Node) -> Counterpart | None:
        """The counterpart of another tool's key, in the stack or the layers where that stands."""
        if at[-1] in _WORDS_FOR_KIND and kinds_at(at[:-1]):
            return Counterpart(settings={(*at[:-1], "kind"): to_python(node)})
        found = counterpart_of_key(at, to_python(node), self.task)
        if found is None:
            return None
        settings = {in_part(path, at): value for path, value in found.settings.items()}
        return Counterpart(settings=settings, because=found.because)

    def _regrouped(
        self, at: Path, node: Node, holders: Iterable[Path]
    ) -> tuple[Path, Settings] | None:
        """A section that has all keys of one with an unknown name, and what to write there."""
        places = [in_part(each, at) for each in sections_like(str(at[-1]), self.task)]
        entries = node.entries if isinstance(node, Mapping) else {}
        for holder in (*places, *holders):
            parts = [self._inside((*holder, key), each) for key, each in entries.items()]
            if parts and all(parts) and not is_corpus(holder):
                return holder, {path: value for part in parts for path, value in part.items()}
        return None

    def _inside(self, at: Path, node: Node) -> Settings:
        """The settings of a key in another section; none if it is unknown there."""
        if at[-1] in keys_at(at[:-1], None):
            return {at: to_python(node)}
        theirs = self._theirs(at, node)
        found = theirs.settings if theirs else {}
        is_inside = all(path[: len(at) - 1] == at[:-1] for path in found)
        accepted = (self._accepted(*each, []) for each in found.items() if is_inside)
        return {path: value for each in accepted for path, value in each.items()}

    def _moved(self, path: Path, node: Node) -> Settings:
        """The lines for a value where its key belongs; none if the value does not fit there."""
        value = example(path, self.task) if is_nothing(node) else to_python(node)
        if isinstance(value, dict | list) or accepts(path, value):
            return {path: value}
        if ours := same_word(value, words_at(path)):
            return {path: ours}
        kind = (*path, "kind") if kinds_at(path) else path
        known = counterpart_of_value(kind, value)
        return known.settings if known else {}

    def _renamed(self, at: Path, ours: str) -> str:
        self.meant.add(home((*at[:-1], ours)))
        return f"did you mean `{ours}`?"

    def _translated(self, theirs: Counterpart, key: str, at: Path, source: Source) -> str:
        """The help for a key of another tool: the corresponding settings, with its value."""
        if not theirs.settings:
            return f"{quoted(key)} has no counterpart here: {theirs.because}; remove it"
        settings: dict[Path, object] = {}
        remarks = [theirs.because] if theirs.because else []
        for path, value in theirs.settings.items():
            self.meant.add(path)
            settings |= self._accepted(path, value, remarks)
        because = f" ({'; '.join(remarks)})" if remarks else ""
        places = " and ".join(f"`{name(path)}`" for path in theirs.settings)
        line = self._lines(settings, at, source)
        return f"what other tools call {quoted(key)} is {places} here: {line}{because}"

    def _accepted(self, path: Path, value: object, remarks: list[str]) -> dict[Path, object]:
        """The value of another tool's key in this language, if it has one; else an example."""
        if isinstance(value, dict) and is_corpus(path):
            return {path: corpus(path, value, self.task)}
        if value is None or (isinstance(value, dict) and is_section(path)):
            return {path: value}
        for each in value if isinstance(value, list) else [value]:
            if ours := same_word(each, words_at(path)):
                return {path: ours}
        known = counterpart_of_value((*path, "kind") if kinds_at(path) else path, value)
        if known is not None:
            remarks += [known.because] if known.because else []
            if known.settings:
                return {**known.settings}
        better = value if accepts(path, value) else mended(path, value, self.task)
        return {path: example(path, self.task) if better is None else better}

    def _missing_key(self, at: Path, paths: set[Path]) -> Diagnostic:
        """The diagnostic of a missing key: in its section, or where all layers inherit it."""
        holders = {self._holder(path) for path in paths}
        only = next(iter(holders)) if len(holders) == 1 else None
        at = (*only, at[-1]) if only is not None else at
        value = self._kind(at) if at[-1] == "kind" else example(at, self.task, self.whole)
        place = self._nearest_key(at)
        lines = self._lines({at: value}, (), place.source)
        return mistake(place, "missing-key", f"`{name(at)}` is missing", lines)

    def _kind_of(self, section: Path) -> object:
        """The kind of a section that was written: as written, or by default."""
        holder = find(self.written, section)
        kinds = [each.model_fields.get("kind") for each in sections_of(section)]
        default = next(
            (each.default for each in kinds if each and isinstance(each.default, str)), None
        )
        return word(holder, "kind", default) if isinstance(holder, Mapping) else None

    def _kind(self, at: Path) -> object:
        """The kind of section that takes the keys which are there."""
        holder = find(self.written, at[:-1])
        keys = [*holder.entries] if isinstance(holder, Mapping) else []
        fitting = [set(kinds_with((*at[:-1], key))) for key in keys]
        kinds = kinds_at(at[:-1])
        return next((kind for kind in kinds if all(kind in each for each in fitting)), kinds[0])

    # Texts

    def _corpus_of(self, path: Path) -> Path | None:
        """The path of the text that a path leads into, if it has keys."""
        for length in range(1, len(path) + 1):
            if is_corpus(path[:length]) and (length < len(path) or not self._has_keys(path)):
                is_form = self.errors[path][0]["type"] in ("extra_forbidden", "missing")
                return path[:length] if is_form or length == len(path) else None
        return None

    def _has_keys(self, path: Path) -> bool:
        return isinstance(find(self.whole, path), Mapping)

    def _corpus(self, path: Path) -> Diagnostic:
        """One message for a text whose keys are not those of the task."""
        node = find(self.whole, path)
        wrong = [each for each in self.errors if each[: len(path)] == path]
        unknown = [each for each in wrong if self.errors[each][0]["type"] == "extra_forbidden"]
        if node is None:
            place, code = self._nearest_key(path), "missing-key"
            message = f"`{name(path)}` is missing"
        elif unknown:
            place, code = place_of_key(self.whole, unknown[0]), "unknown-key"
            message = f"unknown key {quoted(str(unknown[0][-1]))}"
        elif isinstance(node, Mapping):
            place, code = place_of_key(self.whole, path), "missing-key"
            message = f"`{name(wrong[0])}` is missing"
        else:
            place, code = node.span, "bad-value"
            message = f"expected keys and values, got {given(node)}"
        value = (
            example(path, self.task) if node is None else corpus(path, to_python(node), self.task)
        )
        inside = (*path, "") if isinstance(node, Mapping) else path
        lines = self._lines({path: value}, unknown[0] if unknown else inside, place.source)
        if records := records_in(to_python(node)) if node else "":
            lines = (
                f"{quoted(records)} has no counterpart here: a task learns from lines of plain "
                f"text, {self.task} from {TASKS[self.task].text}; convert it, and {lines}"
            )
        return mistake(place, code, message, lines)

    # Places

    def _write(self, settings: Settings, at: Path, node: Node) -> str:
        return self._lines(settings, at, node.span.source)

    def _lines(self, settings: Settings, at: Path, source: Source) -> str:
        return to_write(self.written, settings, at, source, self.task)

    def _holder(self, path: Path) -> Path | None:
        """Returns the place of the section that lacks the last key of a path, if it was written."""
        node = find(self.whole, path[:-1])
        at = self._paths.get(id(node)) or self._places.get(node.span if node else None)
        section = [step for step in path[:-1] if isinstance(step, str)]
        is_same = at is not None and [*at[-1:]] == section[-1:]
        return at if is_same else None

    def _written_path(self, path: Path, node: Node) -> Path:
        """The path of a node as its author wrote it."""
        return self._paths.get(id(node), path)

    def _nearest_key(self, path: Path) -> Span:
        """The place of the key of the deepest section on a path that was written."""
        for length in range(len(path) - 1, 0, -1):
            if find(self.written, path[:length]) is not None:
                return place_of_key(self.written, path[:length])
        return self.written.span

    @cached_property
    def _paths(self) -> dict[int, Path]:
        """The path of each node that was written, by its identity."""
        return {id(node): path for path, node in walk(self.written)}

    @cached_property
    def _places(self) -> dict[Span | None, Path]:
        """The path of each section that was written, by its place."""
        return {node.span: path for path, node in walk(self.written) if isinstance(node, Mapping)}


def _below(section: Path) -> str:
    return f"below `{name(section)}`" if section else "to the top level"


def _section(path: Path) -> Path:
    """The section at a path, or the one that holds it."""
    return path if is_section(path) else path[:-1]
