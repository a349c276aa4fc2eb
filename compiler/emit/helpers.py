"""The functions and small classes that a generated file begins with.

Each has a template of its own, which is found by its name and knows only how it is called: a
parameter that no call gives is left out, and one that every call gives has no default. A template
says itself what it needs: `needs` names helpers and imports, `call` writes the call of a helper.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from compiler.emit.calls import Given, calls_in
from compiler.emit.imports import modules_of
from compiler.emit.layout import docstring, lay, signature
from compiler.emit.marks import mark
from compiler.emit.template import fill, helper_names
from compiler.ir.causes import Paths, united
from compiler.ops.expression import (
    Attribute,
    Call,
    Const,
    Expression,
    Helper,
    Hyperparameter,
    Name,
    parts,
)
from compiler.vocabulary.symbols import BEGIN

Calls = dict[str, tuple[Call, ...]]
Keywords = tuple[tuple[str, Expression], ...]

SYMBOLS = {"BEGIN": BEGIN}
"""The numbers of symbols that a file defines where one of its helpers needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpers:
    """The helpers of a file: texts by their names, what they import, and those of another file.

    Of each helper, `needed` are the names of the others that it needs, and `asked` the attributes
    on whose use in the file its text depends.
    """

    texts: dict[str, str]
    imports: frozenset[str]
    elsewhere: frozenset[str]
    needed: Mapping[str, Collection[str]]
    asked: Mapping[str, Collection[str]]

    @property
    def symbols(self) -> list[str]:
        """The names in SYMBOLS that a helper needs."""
        return [name for name in SYMBOLS if any(name in each for each in self.needed.values())]

    def marked(self, causes: Mapping[str, Paths]) -> dict[str, str]:
        """Return the texts with the settings that they come from, by those of who calls them."""
        known = {
            name: dict.fromkeys(united(causes.get(each, ()) for each in (name, *attributes)))
            for name in self.texts
            for attributes in [[f".{each}" for each in self.asked[name]]]
        }
        for name in reversed(self.texts) if causes else ():  # each stands after what it needs
            for need in self.needed[name]:
                if need in known and need not in causes:
                    known[need].update(known[name])
        return {
            name: mark(known[name], ends=bool(causes)) + text for name, text in self.texts.items()
        }


def helpers_of(
    expressions: Iterable[Expression],
    needs: Iterable[str] = (),
    elsewhere: Collection[str] = (),
) -> Helpers:
    """Return the helpers that expressions call, and those that these or a file need besides.

    They stand in the order of their first use, but each after those that it needs. Those that
    another file defines, `elsewhere`, are not written. The imports are all that the expressions,
    the helpers and `needs` ask for.
    """
    pieces = [part for each in expressions for part in parts(each)]
    attributes = {each.name for each in pieces if isinstance(each, Attribute)}
    needed, own = list(needs), calls_in(pieces)
    handed_on = (each.name for each in pieces if isinstance(each, Helper))
    for name in filter(_is_helper, (*needed, *handed_on)):
        own.setdefault(name, ())
    called, written = own, dict[str, _Helper]()
    while True:
        names = [name for name in called if _is_helper(name) and name not in elsewhere]
        written = {
            name: before
            if (before := written.get(name)) and before.called == called[name]
            else _Helper(name, called[name], attributes)
            for name in names
        }
        last, called = called, _joined(own, written.values())
        if called == last:
            break
    ordered = dict[str, str]()
    for name in written:
        _place(name, written, ordered)
    needed += [need for each in written.values() for need in each.needed]
    outside = (each for each in needed if not _is_helper(each) and each not in SYMBOLS)
    imports = modules_of(pieces).union(outside)
    known = frozenset(name for name in called if name in elsewhere)
    return Helpers(
        texts=ordered,
        imports=frozenset(imports),
        elsewhere=known,
        needed={name: tuple(each.needed) for name, each in written.items()},
        asked={name: tuple(sorted(each.asked)) for name, each in written.items()},
    )


def _is_helper(name: str) -> bool:
    return name in helper_names()


def _joined(own: Calls, helpers: Iterable["_Helper"]) -> Calls:
    """Return the calls of the model and of its helpers; one that is needed may have none."""
    found = dict(own)
    for helper in helpers:
        for name in filter(_is_helper, helper.needed):
            found.setdefault(name, ())
        for each in helper.calls:
            assert isinstance(each.function, Name)
            found[each.function.text] = (*found.get(each.function.text, ()), each)
    return found


def _place(name: str, written: dict[str, "_Helper"], ordered: dict[str, str]) -> None:
    for need in written[name].needed:
        if need in written and need not in ordered:
            _place(need, written, ordered)
    ordered[name] = written[name].text


@dataclass(slots=True)
class _Helper:
    """One helper, written for the calls that a file has, with what its template has declared."""

    name: str
    called: tuple[Call, ...]
    attributes: set[str]
    needed: dict[str, None] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    arguments: Given = field(init=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        names: dict[str, Callable[..., object]] = {
            "define": self.define,
            "needs": self.needs,
            "call": self.call,
            "uses": self.uses,
            "doc": lambda *paragraphs: "\n".join(docstring(list(paragraphs), 1)),
        }
        self.arguments = Given(self.called)
        template = f"helpers/{self.name}.py.jinja"
        self.text = fill(template, given=self.arguments, **names).strip("\n")

    def define(self, *parameters: str, result: str) -> str:
        """Return the line or lines of the `def`; a parameter that no call gives is empty.

        Before a star, those with a default come last, as Python demands.
        """
        given = [each for each in parameters if each]
        star = next((place for place, each in enumerate(given) if each[0] == "*"), len(given))
        placed = sorted(given[:star], key=lambda each: " = " in each)
        named = [] if given[star:] == ["*"] else given[star:]
        return "\n".join(signature(self.name, [*placed, *named], result, 0))

    def certain(self, keywords: Keywords) -> Keywords:
        """Return the keywords whose value is no parameter that only some calls give."""
        return tuple(
            (name, value)
            for name, value in keywords
            if not isinstance(value, Name) or not self.arguments[value.text].sometimes
        )

    def uses(self, name: str) -> bool:
        """Tell whether some code has an attribute of this name."""
        self.asked.add(name)
        return name in self.attributes

    def needs(self, *names: str) -> None:
        """Declare helpers and SYMBOLS by their names, imports by their paths, as `typing.Any`."""
        self.needed.update(dict.fromkeys(names))

    def call(self, head: str, function: str, *inputs: str, depth: int = 1, **keywords: str) -> str:
        """Return `head function(inputs, keyword=value)`; a keyword without a value is left out.

        A parameter of this helper that only some calls give is handed on as if by such calls.
        """
        given = tuple((name, _value(value)) for name, value in keywords.items() if value)
        whole = Call(Name(function), tuple(_value(each) for each in inputs if each), given)
        self.needs(*modules_of([whole.function]))
        if _is_helper(function):
            self.needs(function)
            self.calls += [whole, replace(whole, keywords=self.certain(given))]
        return "\n".join(lay(f"{head} ", whole, _unnamed, depth))


def _value(text: str) -> Expression:
    return Const(text == "True") if text in ("True", "False") else Name(text)


def _unnamed(number: Hyperparameter) -> str:
    raise AssertionError(f"a helper has no numbers of the spec: {number}")
