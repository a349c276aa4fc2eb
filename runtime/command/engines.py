"""`--engine` of commands that decode: the generated network, or an export of it to CTranslate2."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from compiler.spec.decoding import Decoding
from compiler.spec.spec import Spec
from runtime.command.options import Engine
from runtime.command.output import report
from runtime.command.specs import written_spec
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.inference.engines.ctranslate2_network import CTranslate2Network
    from runtime.inference.load import Loadable
    from runtime.run import Run

    AnyPredictor = TypeVar("AnyPredictor", bound=Loadable)

OWN = "own"


def load_with(
    kind: "type[AnyPredictor]",
    run: "Run",
    engine: Engine,
    decoding: Decoding,
    settings: dict[str, Any],
    average: int | None = None,
) -> "AnyPredictor":
    """Load a translator or a generator; `settings` are those of `translator_settings`.

    Raises `Rejected` and a UserError where the engine that was named cannot do the same.
    """
    from runtime.inference.load import load_as

    network = chosen_network(run, engine, decoding, settings, average)
    if network is None:
        return load_as(kind, run, average=average, decoding=decoding, **settings)
    spec = run.package.spec.model_copy(update={"decoding": decoding})
    return kind.of_run(run, network, spec, settings["workers"])


def chosen_network(
    run: "Run",
    engine: Engine,
    decoding: Decoding,
    settings: dict[str, Any],
    average: int | None = None,
) -> "CTranslate2Network | None":
    """Return the network of CTranslate2 that an engine stands for; None for our own."""
    if engine == OWN:
        return None
    spec = run.package.spec.model_copy(update={"decoding": decoding})
    if engine == "auto":
        return _opened_if_possible(run, spec, settings, average)
    _refuse(settings)
    return _opened(run, spec, settings, average)


def _opened_if_possible(
    run: "Run", spec: Spec, settings: dict[str, Any], average: int | None
) -> "CTranslate2Network | None":
    """Return the network of CTranslate2, or None; say on standard error which, and why."""
    from runtime.export.engine import NoPlace

    network, reason = None, _why_not(run, spec, settings)
    if not reason:
        try:
            network = _opened(run, spec, settings, average)
        except NoPlace as error:
            reason = f"{error}"
    report(f"engine: own, since {reason}" if reason else "engine: ctranslate2")
    return network


def _opened(
    run: "Run", spec: Spec, settings: dict[str, Any], average: int | None
) -> "CTranslate2Network":
    from runtime.export.engine import opened_network
    from runtime.inference.engines.ctranslate2_decoder import refuse_not_honoured

    refuse_not_honoured(spec)
    loaded = written_spec(str(run.folder))
    given = {"int8": settings["int8"], "workers": settings["workers"]}
    return opened_network(run, loaded, spec, average=average, **given)


def _refuse(settings: dict[str, Any]) -> None:
    """Refuse options of our own engine."""
    if settings["precision"] is not None:
        raise UserError(
            "--precision is for --engine own", help="leave it out; --int8 rounds weights"
        )
    if settings["device"] != "cpu":
        raise UserError("--engine ctranslate2 decodes on the CPU", help="add --device cpu")


def _why_not(run: "Run", spec: Spec, settings: dict[str, Any]) -> str:
    """Return the reason for which `auto` takes our own engine; nothing if it does not."""
    from compiler.export.ctranslate2 import CTRANSLATE2
    from compiler.export.target import refusals
    from compiler.spec.ctranslate2_search import not_honoured, words_of
    from runtime.export.exporter import why_not_imported

    if settings["device"] != "cpu":
        return f"{settings['device']} decodes sooner"
    if settings["precision"] is not None:
        return "--precision was given"
    if find_spec("ctranslate2") is None:
        return "CTranslate2 is not installed"
    if broken := why_not_imported("ctranslate2"):
        return broken
    if reasons := words_of(not_honoured(spec)):
        return f"CTranslate2 cannot honour {reasons[0]}"
    refused = refusals(CTRANSLATE2, written_spec(str(run.folder)))
    return refused[0].message if refused else ""
