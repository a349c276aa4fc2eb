"""Folders of ablations as training leaves them, without any training."""

import hashlib
import json
import math
import random
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from compiler.analysis.cost import count_parameters
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.lock import LOCK, lock_text
from compiler.spec.training import Evaluation
from runtime.ablation.consistency import lock
from runtime.ablation.record import Failure, Queue, Queued, Result
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.scoring.score import score

WORDS = [f"w{number:03}" for number in range(200)]
COLUMNS = ("params", "train_steps", "valid_ppl", "test_bleu", "tokens_per_second")
VERSIONS = {"python": "3.11.7", "specformer": "0.1.0", "torch": "2.13.0", "numpy": "2.4.0"}
DIVERGED = Failure(
    has_diverged=True,
    reason="the loss or its gradient is not finite in update 300",
    help="lower training.schedule.peak, or lengthen its warm-up",
)
DIFFERENCE = (
    "<section><h3>Architecture</h3><p>model.<wbr>attention.<wbr>heads: 4 → {}</p></section>"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A row: what it sets, and the share of words that its translations have right."""

    name: str
    group: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    right: float = 0.8


PLANS = (
    Plan(name="base"),
    Plan(name="a-h1", group="A", settings={"model.attention.heads": "1"}, right=0.6),
    Plan(name="a-h8", group="A", settings={"model.attention.heads": "8"}, right=0.8),
    Plan(name="b-dk8", group="B", settings={"model.attention.d_k": "8"}, right=0.78),
    Plan(
        name="c-n1",
        group="C",
        settings={"model.encoder.layers": "1", "model.decoder.layers": "1"},
        right=0.7,
    ),
    Plan(name="e-learned", group="E", settings={"model.embedding.position": "learned"}),
)
BASE = {
    "model.encoder.layers": "2",
    "model.decoder.layers": "2",
    "model.d_model": "128",
    "model.feed_forward.d_ff": "512",
    "model.attention.heads": "4",
    "model.attention.d_k": "32",
    "model.attention.d_v": "32",
    "model.dropout": "0.1",
    "training.label_smoothing": "0.1",
    "model.embedding.position": "sinusoidal",
}


@cache
def compile_row(reference: str, overrides: tuple[str, ...]) -> CompiledPackage:
    return compile_spec(reference, overrides)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Makes folders on a text of its own."""

    folder: Path
    reference: str = "demo"
    sentences: int = 40

    @property
    def text(self) -> Path:
        return self.folder.parent / "text"

    def write(
        self,
        plans: Collection[Plan] = PLANS,
        *,
        seeds: Collection[int] = (1, 2),
        columns: tuple[str, ...] = COLUMNS,
        failures: Mapping[str, Failure] | None = None,
        missing: Collection[str] = (),
    ) -> Path:
        """`failures` and `missing` are told by the names of runs."""
        references = self._write_text()
        queued = [self._queue(plan, seed) for plan in plans for seed in seeds]
        set_somewhere = {key for plan in plans for key in plan.settings}
        self._json(
            self.folder / "ablation.json",
            Queue(
                ablation="table3",
                base="base",
                columns=columns,
                varied={key: value for key, value in BASE.items() if key in set_somewhere},
                queued=tuple(queued),
            ),
        )
        rights = {plan.name: plan.right for plan in plans}
        for each in queued:
            failure = (failures or {}).get(each.name)
            if each.name in missing:
                continue
            self._run(each, rights[each.row], references, failure)
        return self.folder

    def place(self, name: str) -> Path:
        return self.folder / "rows" / name

    def change(self, path: str, **values: object) -> None:
        """Changes keys of a JSON file, by its place in the folder."""
        file = self.folder / path
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    def _write_text(self) -> list[str]:
        draw = random.Random(0)
        lines = [
            " ".join(draw.choices(WORDS, k=draw.randint(6, 18))) for _ in range(self.sentences)
        ]
        self.text.mkdir(parents=True, exist_ok=True)
        for split in ("train", "valid", "test"):
            for side in ("en", "de"):
                (self.text / f"{split}.{side}").write_text("".join(f"{line}\n" for line in lines))
        return lines

    def _compile(self, settings: Mapping[str, str]) -> CompiledPackage:
        data = {"data.folder": str(self.text), "data.tokenizer": "{kind: segmented}"}
        given = data | dict(settings)
        return compile_row(self.reference, tuple(f"{key}={value}" for key, value in given.items()))

    def _queue(self, plan: Plan, seed: int) -> Queued:
        package = self._compile(plan.settings)
        training = package.spec.training.model_copy(update={"seed": seed})
        spec = package.spec.model_copy(update={"training": training})
        files = {**package.files, LOCK: lock_text(spec)}
        queued = Queued(
            row=plan.name,
            group=plan.group,
            seed=seed,
            settings=dict(plan.settings),
            locked=lock(spec, {name: text.encode() for name, text in files.items()}, _hash("data")),
            parameters=count_parameters(package.model),
            flops=1_000_000 * count_parameters(package.model),
        )
        place = self.place(queued.name)
        (place / "package").mkdir(parents=True)
        for name, text in files.items():
            (place / "package" / name).write_text(text)
        number = plan.settings.get("model.attention.heads", "4")
        (place / "difference.html").write_text(DIFFERENCE.format(number))
        return queued

    def _run(
        self, queued: Queued, right: float, references: list[str], failure: Failure | None
    ) -> None:
        place = self.place(queued.name)
        run = place / "run"
        files = {path.name: path.read_bytes() for path in (place / "package").iterdir()}
        (run / "package").mkdir(parents=True)
        for name, content in files.items():
            (run / "package" / name).write_bytes(content)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        (run / "run.json").write_text(json.dumps({"versions": VERSIONS, "package": hashes}))
        draw = random.Random(queued.name)
        self._metrics(run, 2.0 - right, draw, diverges=failure is not None)
        if failure is not None:
            self._json(place / "failure.json", failure)
            return
        SegmentedTokenizer(WORDS, joiner="@@").save(run / "tokenizers" / "source")
        self._json(place / "result.json", self._result(run, right, references, draw))

    def _metrics(self, run: Path, floor: float, draw: random.Random, *, diverges: bool) -> None:
        lines = []
        for step in range(50, 1001, 50):
            nll = floor + 4 * math.exp(-step / 150) + draw.gauss(0, 0.01)
            if diverges and step > 300:
                nll = math.nan
            lines.append({"kind": "train", "step": step, "nll": nll, "loss": nll + 0.3})
            lines.append({"kind": "valid", "step": step, "nll": nll, "loss": nll + 0.3})
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _result(
        self, run: Path, right: float, references: list[str], draw: random.Random
    ) -> Result:
        bleu, signature = {}, ""
        for split in ("valid", "test"):
            hypotheses = [_corrupt(line, right, draw) for line in references]
            (run / f"evaluation-{split}.txt").write_text("".join(f"{x}\n" for x in hypotheses))
            scores = score(hypotheses, references, Evaluation(average_last=1, metric="bleu"))
            bleu[f"{split}_bleu"], signature = scores.bleu, scores.bleu_signature
        loss = 2.0 - right + draw.gauss(0, 0.01)
        return Result(
            scores={
                **{"train_steps": 1000.0, "valid_loss": loss, "valid_ppl": math.exp(loss)},
                **bleu,
                **{"tokens_per_second": draw.gauss(5000, 100), "minutes": draw.gauss(2, 0.1)},
            },
            signatures=dict.fromkeys(bleu, signature),
            versions=VERSIONS,
        )

    def _json(self, path: Path, record: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(record)))  # type: ignore[call-overload]


def _corrupt(line: str, right: float, draw: random.Random) -> str:
    return " ".join(word if draw.random() < right else draw.choice(WORDS) for word in line.split())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
