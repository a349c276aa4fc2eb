"""The base of ops by which positions meet without attention, with their step and prefill."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import Mask
from compiler.ops.expression import Expression, method
from compiler.ops.op import CarriesState, Memory, Op, State, Stored, Untraceable
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixer(Op):
    """x [batch, position, inputs] -> [batch, position, outputs], or several such inputs.

    A last input, [batch, 1, 1, position], is a mask of padding where positions read later ones.
    In decoding, an object of the class `memory` holds what each hypothesis has read, in the field
    `field` of the state of its block: its `advance` reads the newest position, its `fill` the
    first ones. Both are given the module of the mixer, if it has parameters.
    """

    field: ClassVar[str] = "memory"

    @property
    @abstractmethod
    def mask(self) -> Mask:
        """The positions that a position depends on."""

    @property
    @abstractmethod
    def memory(self) -> str:
        """The helper class that holds what each hypothesis has read."""

    @property
    def memory_arguments(self) -> tuple[Expression, ...]:
        """The arguments that make an empty memory."""
        return ()

    @property
    @abstractmethod
    def carried(self) -> int:
        """The number of numbers in the memory of one hypothesis."""

    @property
    @abstractmethod
    def memory_tensors(self) -> tuple[Stored, ...]:
        """The tensors of the memory."""

    def untraceable_step(self) -> Untraceable | None:
        """Return why a step cannot be recorded for any number of hypotheses, if it cannot."""
        return None

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (self.mask,) * inputs

    def state(self, decoded: tuple[bool, ...]) -> State:
        memory = Memory(annotation=self.memory, name=self.field, arguments=self.memory_arguments)
        return CarriesState(
            step=MixerStep(mixer=self), prefill=MixerPrefill(mixer=self), memory=memory
        )

    def held(self, this: Expression) -> tuple[Expression, ...]:
        """Return the module as an argument, if there is one."""
        return (this,) if self.parameters() else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MixerStep(Op):
    """x [batch, beam, inputs], the memory, parent [batch, beam] -> [batch, beam, outputs]"""

    mixer: Mixer

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return self.mixer.shape(inputs)[:1]

    def state_size(self, inputs: tuple[Shape, ...]) -> int:
        return self.mixer.carried

    def stored(self, inputs: tuple[Shape, ...]) -> tuple[Stored, ...]:
        return self.mixer.memory_tensors

    def traceable(self) -> Op | Untraceable:
        return self.mixer.untraceable_step() or self

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        *given, memory, parent = inputs
        return method(memory, "advance", *self.mixer.held(this), *given, parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixerPrefill(MixerStep):
    """x [batch, position, inputs], an empty memory -> [batch, position, outputs]"""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        *given, memory = inputs
        return method(memory, "fill", *self.mixer.held(this), *given)

    def traceable(self) -> Op | Untraceable:
        form = self.mixer.traceable()
        return form if isinstance(form, Untraceable) else self
