"""One spec beside the formats of other programs, setting by setting."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.export.target import Target
from compiler.export.verdict import Status, Verdict, said
from compiler.page.model import Cell, Document, Paragraph, Section, Table, columns
from compiler.source.node import steps_of
from compiler.spec.fields import home
from compiler.spec.load import Loaded
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK

SIGNS: dict[Status, str] = {
    "unsupported": "no",
    "converted": "converted",
    "left out": "call",
    "supported": "yes",
    "ignored": "ignored",
}
"""The sign of each status in tables, the one that matters most first."""
ORDER = [*SIGNS]
EXPLAINED = [each for each in SIGNS if each not in ("supported", "ignored")]
"""The statuses whose words are shown."""
LEAD = (
    "yes: the setting is supported. converted: it becomes other numbers or other settings of the "
    "same network. call: the folder does not hold it; whoever makes texts may give it. no: it is "
    "unsupported. ignored: it changes nothing that a trained network computes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a spec, or several of one name, and what each format makes of it."""

    name: str
    paths: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    """One of each format, in their order."""

    @property
    def statuses(self) -> tuple[Status, ...]:
        return tuple(each.status for each in self.verdicts)

    @property
    def rank(self) -> list[int]:
        """The key by which what is unsupported comes first."""
        return sorted(ORDER.index(each) for each in self.statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A spec beside some formats."""

    name: str
    targets: tuple[Target, ...]
    settings: tuple[Setting, ...]

    def words(self, target: Target, status: Status) -> dict[str, list[str]]:
        """Return the words of a format on settings with a status, each with their names."""
        number, found = self.targets.index(target), dict[str, list[str]]()
        for setting in self.settings:
            verdict = setting.verdicts[number]
            if verdict.status == status:
                found.setdefault(verdict.words, []).append(setting.name)
        return found

    def converted(self, target: Target) -> list[str]:
        """Return what becomes other numbers or settings in a format, a line for each way."""
        found = self.words(target, "converted").items()
        return [f"{', '.join(dict.fromkeys(names))}: {words}" for words, names in found]


def converted(loaded: Loaded, target: Target) -> tuple[str, ...]:
    """Return what becomes other numbers or settings in one format, a line for each way."""
    return tuple(report_on(loaded, [target]).converted(target))


def report_on(loaded: Loaded, targets: Sequence[Target]) -> Report:
    """Return what formats make of a spec."""
    by_target = [each.verdicts(loaded) for each in targets]
    paths = [*dict.fromkeys(path for verdicts in by_target for path in verdicts)]
    found: dict[tuple[str, tuple[Verdict, ...]], list[str]] = {}
    for path in _without_those_above(paths):
        verdicts = tuple(_at(each, path) for each in by_target)
        found.setdefault((general_name(path), verdicts), []).append(path)
    names = _told_apart([(name, own) for (name, _), own in found.items()])
    settings = tuple(
        Setting(name=name, paths=tuple(own), verdicts=verdicts)
        for name, ((_, verdicts), own) in zip(names, found.items(), strict=True)
    )
    return Report(name=loaded.spec.name, targets=tuple(targets), settings=settings)


def _without_those_above(paths: Sequence[str]) -> Iterator[str]:
    """Yield paths but for those of sections into which another format looks."""
    above = {path[:end] for path in paths for end in range(len(path)) if path[end] == "."}
    yield from (path for path in paths if path not in above)


def _at(verdicts: Mapping[str, Verdict], path: str) -> Verdict:
    """Return the verdict on a setting, or on the section that holds it.

    A section that is not there needs none: a format that does not speak of it says so.
    """
    while path and path not in verdicts:
        path = path.rpartition(".")[0]
    return verdicts[path] if path else said()


def general_name(path: str) -> str:
    """Return the name of a setting where it is mostly written: `attention.heads`."""
    steps = [str(each) for each in home(steps_of(path))]
    return ".".join(steps[1:] if steps[0] == "model" and steps[1:] else steps)


def _told_apart(settings: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return the names of settings; those of one name have the parts of the network behind it.

    Stacks come first, then attentions and layers where stacks do not tell settings apart.
    """
    names = [name for name, _ in settings]
    for parts in (EVERY_STACK, (*EVERY_STACK, *ATTENTIONS), (*EVERY_STACK, *ATTENTIONS, "layers")):
        several = {each for each in names if names.count(each) > 1}
        names = [
            f"{plain} ({_parts(paths, parts)})" if name in several else name
            for name, (plain, paths) in zip(names, settings, strict=True)
        ]
    return names


def _parts(paths: Sequence[str], parts: Sequence[str]) -> str:
    """Return the parts of the network that settings belong to, in words."""
    steps = {each for path in paths for each in path.split(".")}
    kinds = [each for each in parts if each in steps]
    return ", ".join(kinds).replace("_", "-") or paths[0]


def page_of(report: Report) -> Document:
    """Return the page: a table of settings and formats, then the words of each format."""
    settings = sorted(report.settings, key=lambda each: each.rank)
    sections = [Section(parts=(Paragraph(text=LEAD), _table(report, settings)))]
    for target in report.targets:
        title = f"{target.title}, {target.option}"
        words = _words(report, target)
        able = () if report.words(target, "unsupported") else (Paragraph(text=ABLE),)
        sections.append(Section(title=title, parts=(*able, *([words] if words.rows else []))))
    return Document(title=f"{report.name} in formats of other programs", sections=tuple(sections))


ABLE = "It supports this spec."


def _table(report: Report, settings: Sequence[Setting]) -> Table:
    """Return a table with a row for all settings that have the same statuses."""
    together: dict[tuple[Status, ...], list[str]] = {}
    for each in settings:
        together.setdefault(each.statuses, []).append(each.name)
    rows: list[tuple[str | Cell, ...]] = [
        (*map(_cell, statuses), ", ".join(dict.fromkeys(names)))
        for statuses, names in together.items()
    ]
    return Table(columns=columns((*map(_head, report.targets), "settings")), rows=tuple(rows))


def _head(target: Target) -> str:
    return target.name.replace("huggingface", "HF").replace("-", " ")


def _cell(status: Status) -> Cell:
    return Cell(text=SIGNS[status], tone="bad" if status == "unsupported" else "")


def _words(report: Report, target: Target) -> Table:
    """Return a table of what a format does not support, converts, and leaves out."""
    rows = [
        (_cell(status), name, words)
        for status in EXPLAINED
        for words, names in report.words(target, status).items()
        for name in names
    ]
    return Table(columns=columns(("", "setting", "how")), rows=tuple(rows))


def reasons(loaded: Loaded, targets: Sequence[Target]) -> dict[str, tuple[str, ...]]:
    """Return why each format does not support a spec, by its options; () where it does."""
    report = report_on(loaded, targets)
    return {each.option: tuple(report.words(each, "unsupported")) for each in targets}
