"""A published folder whose config.json and tensors disagree, told by the keys that say so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.source.diagnostic import Diagnostic, Rejected, mistake, quoted
from compiler.source.node import Path, walk
from compiler.source.read import read
from compiler.weights.assignment import parts, tensors
from compiler.weights.config import REFUSED, Config
from compiler.weights.map import ImportMap
from compiler.weights.names import bindings, starred
from compiler.weights.parameters import NamedParameter
from compiler.weights.shape import Shape, Stored, shape_of, words

Origins = Mapping[str, str]
"""The key of config.json that a setting of the spec comes from, by the dotted key of the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A parameter that gets nothing, or something of another shape, or a tensor without place."""

    name: str
    """The parameter; the tensor where there is no place for it."""
    wanted: Shape = ()
    got: Shape = ()

    @property
    def words(self) -> str:
        if self.wanted and self.got:
            return f"{quoted(self.name)} takes {words(self.wanted)}, not {words(self.got)}"
        has = "gets nothing" if self.wanted else "has no place in the network"
        return f"{quoted(self.name)} {has}"


def disagreements(
    map: ImportMap, parameters: Sequence[NamedParameter], files: Mapping[str, Stored]
) -> list[Misfit]:
    """Return the parameters and tensors that do not fit, the first of each layer alone."""
    found = [*_unfit(map, parameters, files), *_left(map, parameters, files)]
    once = {(starred(each.name), each.wanted, each.got): each for each in reversed(found)}
    return list(reversed(once.values()))


def _unfit(
    map: ImportMap, parameters: Sequence[NamedParameter], files: Mapping[str, Stored]
) -> Iterator[Misfit]:
    by_name = {each.name: each for each in parameters}
    for entry in map.entries:
        for name, binding in bindings(entry.pattern, by_name):
            wanted = dict(parts(by_name[name])).get(f"{name}[{entry.slice}]", by_name[name].shape)
            try:
                got = shape_of(entry.expression(binding), files)
            except Rejected:  # a tensor is missing, or those that are put together differ
                yield Misfit(name=name, wanted=wanted)
            else:
                if got not in ((), wanted):
                    yield Misfit(name=name, wanted=wanted, got=got)


def _left(
    map: ImportMap, parameters: Sequence[NamedParameter], files: Iterable[str]
) -> Iterator[Misfit]:
    names = [each.name for each in parameters]
    used = {
        tensor
        for entry in map.entries
        for _, binding in bindings(entry.pattern, names)
        for tensor in tensors(entry.expression(binding))
    }
    ignored = [each for each in map.ignored if not each.parts]
    for name in files:
        if name not in used and not any(each.matches(name) for each in ignored):
            yield Misfit(name=name)


def at_their_keys(config: Config, origins: Origins, found: Sequence[Misfit]) -> list[Diagnostic]:
    """Return a mistake for each key that the misfits disagree with; one at the file for others."""
    by_key: dict[str | None, list[Misfit]] = {}
    for each in found:
        by_key.setdefault(_key_of(each, config, origins), []).append(each)
    if len(by_key) > 1:  # the keys explain the others, too
        by_key.pop(None, None)
    return [_mistake(config, *each) for each in by_key.items()]


def _key_of(misfit: Misfit, config: Config, origins: Origins) -> str | None:
    """Return the key whose number the misfit disagrees with, if one of them is."""
    if misfit.wanted and misfit.got:
        pairs = zip(misfit.wanted, misfit.got, strict=False)
        differ = [wanted for wanted, got in pairs if wanted != got]
        return next((key for key in origins.values() if config.get(key) in differ), None)
    layers = {path: key for path, key in origins.items() if path.endswith(".layers")}
    if starred(misfit.name) == misfit.name:  # in no layer
        return None
    own = (key for path, key in layers.items() if path.split(".")[1] in misfit.name)
    return next(own, next(iter(layers.values()), None))


def _mistake(config: Config, key: str | None, found: Sequence[Misfit]) -> Diagnostic:
    more = f", and so on for {len(found) - 1} more" if len(found) > 1 else ""
    told = f"{found[0].words}{more}"
    help = "take config.json and the files of weights from one and the same model"
    if key is None:
        message = f"the tensors are not those of this config.json: {told}"
        return mistake(config.root.span, REFUSED, message, help)
    message = f"`{key}: {config.get(key)}` is not what the tensors have: {told}"
    return mistake(config.place((key,)), REFUSED, message, help)


def located(config: Config, origins: Origins, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return mistakes of the spec that was written, at the keys of config.json they come from."""
    return [_at_its_key(config, origins, each) for each in found]


def _at_its_key(config: Config, origins: Origins, found: Diagnostic) -> Diagnostic:
    path = ".".join(map(str, _path_at(found)))
    keys = [key for setting, key in origins.items() if _is_near(setting, path)]
    place = config.place((keys[0],)) if keys else config.root.span
    help = f"it becomes `{path}` of the spec" if keys else ""
    return mistake(place, REFUSED, f"no spec can say this: {found.message}", help)


def _path_at(found: Diagnostic) -> Path:
    """Return the path of the setting at the place of a mistake."""
    at = found.span
    places = [(path, node.span) for path, node in walk(read(at.source))]
    before = [(span.line, span.column, path) for path, span in places if span.line <= at.line]
    here = [each for each in before if each[:2] <= (at.line, at.column)]
    return max(here, key=lambda each: (each[:2], len(each[2])), default=(1, 1, ()))[2]


def _is_near(setting: str, path: str) -> bool:
    """Return whether a setting is the one at a path, or a part of it, or holds it."""
    return f"{setting}.".startswith(f"{path}.") or f"{path}.".startswith(f"{setting}.")
