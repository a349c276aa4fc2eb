"""The settings that each line of generated code comes from, found by compiling a spec once more."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from compiler.emit.find_causes import with_causes
from compiler.emit.marks import unmarked
from compiler.emit.package import package_files
from compiler.ir.causes import Paths, SettingSpan, fields_of, united
from compiler.pipeline import build, passes
from compiler.source.node import Mapping, Path, Sequence, find, steps_of
from compiler.source.span import Span
from compiler.spec.defaults import follows, width_taken_by
from compiler.spec.inherit import written_at
from compiler.spec.load import Loaded

MOST = 4
"""Settings that are named for one line; where there are more, their section stands for several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that code comes from, in all places that have it from where it was written.

    `span` is where it was written, None for a default; `name` is its most general key. A default
    `follows` the settings that give it its value, and a stack follows the width of the model.
    """

    name: str
    span: Span | None
    paths: Paths
    follows: tuple["Setting", ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Return where it was written, or the settings that a default follows from."""
        if self.span:
            return (self.span,)
        return tuple(span for each in self.follows for span in each.spans)

    def covers(self, path: str) -> bool:
        """Tell whether a path of the complete spec is this setting, or lies in this section."""
        own = any(path == each or path.startswith(f"{each}.") for each in self.paths)
        return own or any(each.covers(path) for each in self.follows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMap:
    """The files of a package and, for each of their lines, the settings that it comes from."""

    loaded: Loaded
    files: dict[str, str]
    lines: dict[str, list[tuple[Setting, ...]]]


def source_map(loaded: Loaded) -> SourceMap:
    """Return the source map of a complete spec; raises `Rejected` like its compilation."""

    def origin(path: str) -> Span:
        span = loaded.origin(path)
        return SettingSpan(**fields_of(span), path=path)

    model = with_causes(build(loaded, passes(), origin), loaded.spec)
    settings = _KnownSettings(loaded)
    files, lines = dict[str, str](), dict[str, list[tuple[Setting, ...]]]()
    for name, text in package_files(loaded.spec, model).items():
        files[name], causes = unmarked(text)
        written = zip(files[name].split("\n"), causes, strict=True)
        lines[name] = [settings.of(paths) if line.strip() else () for line, paths in written]
    return SourceMap(loaded=loaded, files=files, lines=lines)


class _KnownSettings:
    """The settings that an author knows, by their paths in the complete spec."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.known: dict[Paths, tuple[Setting, ...]] = {}

    def of(self, paths: Paths) -> tuple[Setting, ...]:
        """Return the settings at paths, at most `MOST`."""
        if paths not in self.known:
            self.known[paths] = self._few(paths)
        return self.known[paths]

    def _few(self, paths: Paths) -> tuple[Setting, ...]:
        found = self._joined(paths)
        while len(found) > MOST:
            paths = _without_one(paths, found)
            found = self._joined(paths)
        return found

    def _joined(self, paths: Iterable[str]) -> tuple[Setting, ...]:
        found: dict[object, Setting] = {}
        for path in paths:
            span = self._written(steps_of(path))
            name = general(path)
            key = (span.source.name, span.line, span.column) if span else name
            before = found.get(key)
            own = (*before.paths, path) if before else (path,)
            found[key] = Setting(name=before.name if before else name, span=span, paths=own)
        return tuple(map(self._with_followed, found.values()))

    def _written(self, steps: Path) -> Span | None:
        """Return the place where a setting was written, of a section its key; None if nowhere."""
        *above, last = steps
        holder = find(self.loaded.tree, tuple(above))
        if isinstance(holder, Sequence) and self.loaded.written(tuple(above)):
            item = find(holder, (last,))
            return item.span if item else None
        span = self.loaded.written(steps)
        if span is None or not isinstance(holder, Mapping):
            return None
        is_section = isinstance(holder.entries[str(last)], Mapping)
        return holder.keys[str(last)] if is_section else span

    def _with_followed(self, setting: Setting) -> Setting:
        """Return a setting with those that give it its value where nobody wrote it."""
        known = [width_taken_by, *([] if setting.span else [follows])]
        followed = united(each(self.loaded.spec, path) for path in setting.paths for each in known)
        return replace(setting, follows=self._joined(followed)) if followed else setting


def _without_one(paths: Paths, found: tuple[Setting, ...]) -> Paths:
    """Return paths with the last setting left out that a section among them has, or widened."""
    for setting in reversed(found):
        others = [each for each in found if each is not setting]
        if all(any(other.covers(path) for other in others) for path in setting.paths):
            return tuple(path for path in paths if path not in setting.paths)
    if "task" in paths:  # a change of the task changes stacks as well
        return tuple(path for path in paths if path != "task")
    widest = max(found, key=lambda each: _depth(each.paths))
    above = {path: _above(path) for path in widest.paths}
    if _depth(widest.paths) == 0:
        above = {path: "model" for path in paths if path.startswith("model.")}
    return tuple(dict.fromkeys(above.get(path, path) for path in paths))


def _depth(paths: Paths) -> int:
    """Return how many sections lie above the deepest of some settings, none above a section of
    the model.
    """
    return max(path.count(".") - path.startswith("model.") for path in paths)


def _above(path: str) -> str:
    """Return the section that holds a setting; a part of the model has none."""
    above = path.rpartition(".")[0]
    above = above.rpartition(".")[0] if above.rpartition(".")[2] == "layers" else above
    return path if above in ("", "model") else above


def general(path: str) -> str:
    """Return the most general key at which a setting of a complete spec may be written."""
    steps = tuple(step for step in path.split(".") if not step.isdecimal())
    return ".".join(written_at(steps)[0])
