"""Results as tables, and both benchmarks on one page.

python -m benchmarks.report train.json decode.json --out docs/benchmarks.md
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import finish
from benchmarks.goals import decoding_goals, training_goal
from compiler.page.markdown import table
from runtime.errors import UserError

TITLES = {
    "ours": "specformer",
    "marian": "transformers, Marian",
    "torch_transformer": "torch.nn.Transformer",
    "x_transformers": "x-transformers",
    "ctranslate2": "CTranslate2",
    "ours int8": "specformer, int8",
    "ctranslate2 int8": "CTranslate2, int8",
}

FASTEST = "fastest setting of its trials"
"""The heading over the settings with which `benchmarks.trials` found an engine to be fastest."""

HEADINGS = {"train": "Training", "decode": "Decoding"}
INTRODUCTION = """\
# Benchmarks
specformer (ours) beside other people's libraries, in the same run: each engine, which is one of
them, in a process of its own, with the same weights (equal losses are checked first), one engine
after the other in each round. A speed is the median of the rounds, a ratio the median of the ratios
of each round. Where there was a goal it stands below its table, with what bounds a speed that is
missed. Written by `benchmarks/report.py`; how each library is used, and where one differs, stands
in its file in `benchmarks/engines/`."""
EXPLANATIONS = {
    "train": """\
Forward, backward and fused Adam on the same batches of Multi30k, bucketed by length; dropout 0.1 on
the outputs of sub-layers and on embeddings, label smoothing 0.1. Speeds are real target tokens a
second, without padding. Memory is the peak of the process, on a GPU that of its tensors. The share
of the peak is the operations of an update (three times the forward pass, as `specformer explain`
counts them, without padding) against the best of some large matrix products between the rounds.""",
    "decode": """\
The test set or its beginning, longest sentences first, shared by equally many one-thread workers
of each engine. Speeds are output tokens a second, without END; in brackets, how many times as fast
ours is, int8 against int8. \"trained\" has the weights of a run and ends by itself: `generate`
carries a sentence that is done along until its whole batch is, the others drop it. All else has
random weights and a forced length, for which ours makes one step more, that of END.

All divide scores by the length and end a search once as many hypotheses as the beam is wide are
finished. The last column compares ours with `generate` where both search on until no hypothesis can
become better.""",
}
AGAIN = """\
## Again
```
make bench DATA=FOLDER RUN=RUN     # the segmented Multi30k; a run of multi30k-tiny, if there is one
python -m benchmarks.train --help
python -m benchmarks.decode --help
```"""


def main() -> None:
    """Writes the page from the files on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"), metavar="FILE")
    options = parser.parse_args()
    text = page([_read(path) for path in options.results])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, encoding="utf-8")
    print(options.out)


def page(results: Sequence[dict[str, Any]]) -> str:
    """The whole page; every number in it comes out of the results.

    Several results of one benchmark on one machine follow its explanation, one after the other.
    """
    headings = [_heading(each) for each in results]
    sections: list[str] = []
    for number, each in enumerate(results):
        if headings[number] not in headings[:number]:
            sections += [headings[number], EXPLANATIONS[each["benchmark"]]]
        sections += _sections(each)
    return "\n\n".join([INTRODUCTION, *sections, AGAIN]) + "\n"


def training_table(case: dict[str, Any]) -> str:
    """One case of `benchmarks.train`."""
    rows = [
        (
            TITLES[engine["name"]],
            f"{engine['median']:,.0f}",
            _ratio(engine),
            f"{engine['memory_bytes'] / 2**30:.2f}",
            f"{engine['median'] * case['flops_a_token'] / case['peak_flops']:.0%}",
        )
        for engine in case["engines"]
    ]
    head = ("engine", "tokens/s", "times as fast is specformer", "memory, GiB", "share of peak")
    if practices := case.get("practices"):
        head = (*head, FASTEST)
        rows = [
            (*row, practices.get(engine["name"], ""))
            for row, engine in zip(rows, case["engines"], strict=True)
        ]
    return f"**{_training_title(case)}**\n\n{_table(head, rows)}"


def decoding_table(cases: Sequence[dict[str, Any]]) -> str:
    """Cases of `benchmarks.decode`: a row each, with the speed of each engine."""
    names = _engine_names(cases)
    speeds = [
        [case["case"], f"{case['sentences']:,}", *(_speed(case, name) for name in names)]
        for case in cases
    ]
    equal = [
        [case["case"], *(_equal(case, name) for name in names[1:]), _searching_on(case)]
        for case in cases
    ]
    titles = [TITLES[name] for name in names]
    last = "searching on: transformers"
    return "\n\n".join(
        (
            _table(["case", "sentences", *titles], speeds),
            "Sentences whose translation is the same as ours:",
            _table(["case", *titles[1:], last], equal),
        )
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """All columns but the first to the right."""
    return table(heads, rows, right=range(1, len(heads)))


def _read(path: Path) -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} holds no results: {error}", help="`make bench` makes them"
        ) from error
    return results


def _heading(results: dict[str, Any]) -> str:
    return f"## {HEADINGS[results['benchmark']]}, on {_machine(results['machine'])}"


def _sections(results: dict[str, Any]) -> list[str]:
    facts = "; ".join(_facts(results)) + "."
    cases, has_goals = results["cases"], _has_goals(results["command"])
    if results["benchmark"] == "train":
        parts: list[str] = []
        for case in cases:
            goal = training_goal(case) if has_goals else None
            parts += [training_table(case), *([goal] if goal else [])]
        return [facts, *parts]
    goals = list(decoding_goals(cases)) if has_goals else []
    lines = ["\n".join(["Goals:", "", *goals])] if goals else []
    return [facts, decoding_table(cases), *lines]


def _has_goals(command: dict[str, Any]) -> bool:
    """Tell whether goals are for a run: on a CPU, the others with memory as fast as ours."""
    return command["device"] == "cpu" and not command.get("plain_memory")


def _machine(machine: dict[str, Any]) -> str:
    return machine.get("GPU") or f"{machine['cores']} cores with {machine['instruction set']}"


def _facts(results: dict[str, Any]) -> Iterator[str]:
    """What a run was like, in words."""
    command, machine = results["command"], results["machine"]
    yield ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    yield f"{command['rounds']} rounds"
    if "workers" in command:
        yield f"workers: {command['workers']}"
    else:
        yield f"threads: {machine['threads']}"
    if command["device"] == "cuda":
        yield "bfloat16"
    if command["random_text"]:
        yield f"random sentences from {command['random_text']:,} tokens"
    if command.get("peers_compiled"):
        yield "the other libraries through torch.compile"
    if command.get("plain_memory"):
        yield "the other libraries as installed, without our setting that keeps freed memory"
    yield from command.get("settings", [])


def _training_title(case: dict[str, Any]) -> str:
    return (
        f"{case['size']}, {case['parameters'] / 1e6:.1f} million parameters, batches of "
        f"{case['batch_tokens']:,} tokens, attention dropout {case['attention_dropout']:g}; "
        f"peak {case['peak_flops'] / 1e9:,.0f} GFLOP/s"
    )


def _engine_names(cases: Sequence[dict[str, Any]]) -> list[str]:
    """All that any case has, in the order of TITLES."""
    found = {engine["name"] for case in cases for engine in case["engines"]}
    return [name for name in TITLES if name in found]


def _engine(case: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((engine for engine in case["engines"] if engine["name"] == name), None)


def _speed(case: dict[str, Any], name: str) -> str:
    engine = _engine(case, name)
    if engine is None:
        return ""
    ratio = _ratio(engine)
    return f"{engine['median']:,.0f}" + (f" ({ratio})" if ratio else "")


def _ratio(engine: dict[str, Any]) -> str:
    return "" if engine["name"].startswith("ours") else f"{engine['ours_to_this']:.2f}x"


def _equal(case: dict[str, Any], name: str) -> str:
    engine = _engine(case, name)
    return "" if engine is None else f"{engine['equal']:.1%}"


def _searching_on(case: dict[str, Any]) -> str:
    share = case["equal_where_generate_searches_on"]
    return "" if share is None else f"{share:.1%}"


if __name__ == "__main__":
    finish(main)
