"""One spec beside the formats of other programs, setting by setting."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.export.target import Target
from compiler.export.verdict import Status, Verdict
from compiler.page.model import Cell, Document, Paragraph, Part, Section, Table, columns
from compiler.source.node import steps_of
from compiler.spec.fields import home
from compiler.spec.load import Loaded
from compiler.spec.tasks import EVERY_STACK

SIGNS: dict[Status, str] = {
    "said": "yes",
    "said otherwise": "otherwise",
    "no effect": "-",
    "refused": "no",
}
LEAD = (
    "yes: the format has the setting; otherwise: the same network, by other numbers; no: the "
    "format cannot say it. Settings that change nothing in a trained network are named at the end."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a spec, or several of one name, and what each format makes of it."""

    name: str
    paths: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    """One of each format, in their order."""

    def is_plain(self, status: Status) -> bool:
        """Return whether the setting has this status in every format."""
        return all(each.status == status for each in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A spec beside some formats."""

    name: str
    targets: tuple[Target, ...]
    settings: tuple[Setting, ...]

    def refused(self, target: Target) -> list[str]:
        """Return the reasons for which a format cannot say the spec, each once."""
        return self._words(target, "refused")

    def otherwise(self, target: Target) -> list[str]:
        """Return what a format says by other numbers or settings, each once."""
        return self._words(target, "said otherwise")

    def _words(self, target: Target, status: Status) -> list[str]:
        number = self.targets.index(target)
        own = (each.verdicts[number] for each in self.settings)
        return [*dict.fromkeys(each.words for each in own if each.status == status)]


def report_on(loaded: Loaded, targets: Sequence[Target]) -> Report:
    """Return what formats make of a spec."""
    by_target = [each.verdicts(loaded) for each in targets]
    paths = [*dict.fromkeys(path for verdicts in by_target for path in verdicts)]
    found: dict[tuple[str, tuple[Verdict, ...]], list[str]] = {}
    for path in paths:
        verdicts = tuple(_at(each, path) for each in by_target)
        found.setdefault((general_name(path), verdicts), []).append(path)
    names = [name for name, _ in found]
    return Report(
        name=loaded.spec.name,
        targets=tuple(targets),
        settings=tuple(
            Setting(
                name=name if names.count(name) == 1 else f"{name} ({_stacks(own)})",
                paths=tuple(own),
                verdicts=verdicts,
            )
            for (name, verdicts), own in found.items()
        ),
    )


def _at(verdicts: Mapping[str, Verdict], path: str) -> Verdict:
    """Return the verdict on a setting, or on the section that holds it."""
    steps = path.split(".")
    above = (".".join(steps[:end]) for end in range(len(steps), 0, -1))
    found = next((verdicts[each] for each in above if each in verdicts), None)
    if found is None:  # another format has a verdict on a section that this one looks into
        below = [each for name, each in verdicts.items() if name.startswith(f"{path}.")]
        found = max(below, key=lambda each: [*SIGNS].index(each.status))
    return found


def general_name(path: str) -> str:
    """Return the name of a setting where it is mostly written: `attention.heads`."""
    steps = home(steps_of(path))
    return ".".join(map(str, steps[1:] if steps[:1] == ("model",) and steps[1:] else steps))


def _stacks(paths: Sequence[str]) -> str:
    """Return the parts of the network that settings belong to, in words."""
    stacks = dict.fromkeys(each for path in paths for each in EVERY_STACK if each in path)
    kinds = dict.fromkeys(
        each.replace("_", "-")
        for path in paths
        for each in ("self_attention", "cross_attention")
        if each in path
    )
    return ", ".join([*stacks, *kinds]) or paths[0]


def page_of(report: Report) -> Document:
    """Return the page: a table of the settings on which formats differ, then words on each."""
    told = [each for each in report.settings if not _is_quiet(each)]
    parts: list[Part] = [Paragraph(text=LEAD), *([_table(report, told)] if told else [])]
    sections = [Section(parts=tuple(parts))]
    for target in report.targets:
        words = tuple(Paragraph(text=each) for each in _about(report, target))
        sections.append(Section(title=f"{target.title} ({target.option})", parts=words))
    quiet = [each for each in report.settings if _is_quiet(each)]
    sections.append(Section(parts=tuple(_quiet_paragraphs(quiet))))
    return Document(title=f"{report.name} in formats of other programs", sections=tuple(sections))


def _is_quiet(setting: Setting) -> bool:
    return setting.is_plain("said") or setting.is_plain("no effect")


def _table(report: Report, settings: Sequence[Setting]) -> Table:
    heads = columns(("setting", *(each.name for each in report.targets)))
    rows: list[tuple[str | Cell, ...]] = [
        (each.name, *map(_cell, each.verdicts)) for each in settings
    ]
    return Table(columns=heads, rows=tuple(rows))


def _cell(verdict: Verdict) -> Cell:
    return Cell(text=SIGNS[verdict.status], tone="bad" if verdict.is_refused else "")


def _about(report: Report, target: Target) -> Iterator[str]:
    refused, otherwise = report.refused(target), report.otherwise(target)
    if refused:
        yield f"No: it {'; it '.join(refused)}."
    else:
        yield "It can say this spec."
    if otherwise:
        yield f"Otherwise: {'; '.join(otherwise)}."


def _quiet_paragraphs(settings: Sequence[Setting]) -> Iterator[Paragraph]:
    for status, words in (("said", "Said by each"), ("no effect", "Without effect")):
        names = [each.name for each in settings if each.verdicts[0].status == status]
        if names:
            yield Paragraph(text=f"{words}: {', '.join(dict.fromkeys(names))}.")
