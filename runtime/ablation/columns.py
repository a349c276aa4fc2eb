"""The columns of the table: the settings that vary, and what was asked for."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from runtime.ablation.collect import Ablation, Row
from runtime.errors import UserError

SHORT_NAMES = {
    "model.encoder.layers": "N_enc",
    "model.decoder.layers": "N_dec",
    "model.d_model": "d_model",
    "model.feed_forward.d_ff": "d_ff",
    "model.attention.heads": "h",
    "model.attention.d_k": "d_k",
    "model.attention.d_v": "d_v",
    "model.dropout": "P_drop",
    "training.label_smoothing": "ε_ls",
    "model.embedding.position": "position",
}
"""As Table 3 of the paper (Vaswani et al. 2017) has them; its row E varies the position."""

LAYERS = ("model.encoder.layers", "model.decoder.layers")


def group_label(group: str) -> str:
    """Letters in brackets, as in the paper; words as they are."""
    return f"({group})" if len(group) == 1 else group


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A column of settings, under the keys that it stands for."""

    keys: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A column of numbers: its `name`, and how it is written.

    A number is written in units of `unit`, which `name` tells, with `digits` after the point.
    A `compared` column is followed by one of differences to the base; a `repeated` column is, like
    a setting, blank where it equals the base's.
    """

    key: str
    name: str
    digits: int
    unit: float = 1.0
    compared: bool = False
    repeated: bool = False

    def fitting(self, numbers: Collection[float]) -> "Measure":
        """The column in the largest unit in which the smallest number keeps two digits."""
        least = min((abs(each) for each in numbers if each), default=math.inf)
        units = ((name, unit) for name, unit in UNITS.get(self.key, ()) if least >= unit / 10)
        name, unit = next(units, (self.name, self.unit))
        return replace(self, name=name, unit=unit)

    @property
    def is_size(self) -> bool:
        """Tell whether the number is known before the row has run."""
        return self.key in ("params", "flops")


_SCORES = (
    ("loss", "loss", 3),
    ("ppl", "PPL", 2),
    ("accuracy", "accuracy", 3),
    ("macro_f1", "macro F1", 3),
    ("bleu", "BLEU", 2),
    ("chrf", "chrF", 2),
)
MEASURES = {
    measure.key: measure
    for measure in (
        Measure(key="params", name="params ×10⁶", digits=2, unit=1e6, repeated=True),
        Measure(key="flops", name="FLOPs ×10¹⁵", digits=2, unit=1e15, repeated=True),
        Measure(key="train_steps", name="train steps", digits=0, repeated=True),
        Measure(key="tokens_per_second", name="tokens/s", digits=0),
        Measure(key="minutes", name="minutes", digits=1),
        *(
            Measure(key=f"{split}_{key}", name=f"{split} {name}", digits=digits, compared=True)
            for split in ("train", "valid", "test")
            for key, name, digits in _SCORES
        ),
    )
}


UNITS = {
    "params": (("params ×10⁶", 1e6), ("params ×10³", 1e3), ("params", 1.0)),
    "flops": tuple(
        (f"FLOPs ×10{power}", unit)
        for power, unit in (("¹⁵", 1e15), ("¹²", 1e12), ("⁹", 1e9), ("⁶", 1e6), ("³", 1e3))
    ),
    "minutes": (("minutes", 1.0), ("seconds", 1 / 60)),
}
"""What the numbers of a column may be written in, the largest first."""


def setting_columns(ablation: Ablation) -> tuple[Setting, ...]:
    """In the paper's order where it has them, then as the file has them."""
    varied = list(ablation.queue.varied)
    joined = [LAYERS] if set(LAYERS) <= set(varied) and _agree(ablation.rows, LAYERS) else []
    keys = [*joined, *((key,) for key in varied if not joined or key not in LAYERS)]
    names = {each: "N" if each == LAYERS else _name(each[0], varied) for each in keys}
    order = ["N", *SHORT_NAMES.values()]
    return tuple(
        Setting(keys=each, name=names[each])
        for each in sorted(
            keys, key=lambda each: order.index(names[each]) if names[each] in order else len(order)
        )
    )


def _agree(rows: Iterable[Row], keys: tuple[str, ...]) -> bool:
    """Tell whether no row has different values of two settings."""
    return all(len({row.settings.get(key) for key in keys}) == 1 for row in rows)


def _name(key: str, varied: list[str]) -> str:
    return SHORT_NAMES.get(key) or _last_words(key, varied)


def _last_words(key: str, others: Iterable[str]) -> str:
    """The last word of a key with what it is of, and more where others end alike.

    `model.attention.bias` is `attention bias`, `training.steps` is `steps`.
    """
    words = key.split(".")
    ends = (words[-count:] for count in range(1 if len(words) < 3 else 2, len(words) + 1))
    taken = [other.split(".") for other in others if other != key]
    free = (end for end in ends if all(other[-len(end) :] != end for other in taken))
    return " ".join(next(free, words))


def measured_columns(asked: Iterable[str]) -> tuple[Measure, ...]:
    """Raises a UserError for a name that nothing is measured under."""
    unknown = [key for key in asked if key not in MEASURES]
    if unknown:
        help = f"there are: {', '.join(MEASURES)}"
        raise UserError(f"there is no column {unknown[0]}", help=help)
    return tuple(MEASURES[key] for key in asked)
