"""The verdict of a format of other programs on one setting of a spec."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["said", "said otherwise", "left out", "no effect", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The status of a setting in a format, and words about it.

    `said`: the format has the setting, or means it. `said otherwise`: the same function, by other
    numbers or other settings; the words tell which. `left out`: the folder does not hold it, and
    texts are made without it, unless a call gives it; the words tell how. `no effect`: the setting
    changes nothing that a trained network computes. `refused`: the format cannot say it; the words
    are a predicate, of which the format is the subject: "has no mixture of experts".
    """

    status: Status
    words: str = ""

    @property
    def is_refused(self) -> bool:
        """Return whether the format cannot say the setting."""
        return self.status == "refused"

    @property
    def is_about_all_below(self) -> bool:
        """Return whether the verdict on a section is the verdict on all that it holds."""
        return self.status in ("no effect", "refused")


def said(words: str = "") -> Verdict:
    """Return the verdict that a format has a setting."""
    return Verdict(status="said", words=words)


def said_otherwise(words: str) -> Verdict:
    """Return the verdict that a format says a setting by other numbers or settings."""
    return Verdict(status="said otherwise", words=words)


def left_out(words: str) -> Verdict:
    """Return the verdict that a folder does not hold a setting, which a call may give."""
    return Verdict(status="left out", words=words)


def without_effect(words: str = "") -> Verdict:
    """Return the verdict that a setting changes nothing that a trained network computes."""
    return Verdict(status="no effect", words=words)


def refused(words: str) -> Verdict:
    """Return the verdict that a format cannot say a setting."""
    return Verdict(status="refused", words=words)
