"""The verdict of a format of other programs on one setting of a spec."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["supported", "converted", "left out", "ignored", "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The status of a setting in a format, and words about it.

    `supported`: the format has the setting, or means it. `converted`: the same function, by other
    numbers or other settings; the words tell which. `left out`: the folder does not hold it, and
    texts are made without it, unless a call gives it; the words tell how. `ignored`: the setting
    changes nothing that a trained network computes. `unsupported`: the format has no such thing;
    the words are a predicate, of which the format is the subject: "has no mixture of experts".
    """

    status: Status
    words: str = ""

    @property
    def is_refused(self) -> bool:
        """Return whether the format does not support the setting."""
        return self.status == "unsupported"

    @property
    def is_about_all_below(self) -> bool:
        """Return whether the verdict on a section is the verdict on all that it holds."""
        return self.status in ("ignored", "unsupported")


def said(words: str = "") -> Verdict:
    """Return the verdict that a format has a setting."""
    return Verdict(status="supported", words=words)


def said_otherwise(words: str) -> Verdict:
    """Return the verdict that a format has a setting by other numbers or settings."""
    return Verdict(status="converted", words=words)


def left_out(words: str) -> Verdict:
    """Return the verdict that a folder does not hold a setting, which a call may give."""
    return Verdict(status="left out", words=words)


def without_effect(words: str = "") -> Verdict:
    """Return the verdict that a setting changes nothing that a trained network computes."""
    return Verdict(status="ignored", words=words)


def refused(words: str) -> Verdict:
    """Return the verdict that a format does not support a setting."""
    return Verdict(status="unsupported", words=words)
