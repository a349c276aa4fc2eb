"""The page that `specformer diff --behaviour` adds."""

from compiler.diff.document import Section
from runtime.behaviour import BehaviourDifference


def behaviour_section(difference: BehaviourDifference) -> Section:
    """Equal, or the first op that is not, with its line."""
    raise NotImplementedError
