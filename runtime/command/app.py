"""`specformer`: all commands, and how each ends when it cannot go on."""

import sys
from collections.abc import Callable
from typing import NoReturn

import typer
from rich.markup import escape

from runtime.command.ablate import ablate
from runtime.command.attend import attend
from runtime.command.authoring import check, list_specs, new, schema, show
from runtime.command.command_line import (
    INTERRUPTED,
    Command,
    exit_code,
    prepare_streams,
    refuse_bytes,
)
from runtime.command.conform import conform
from runtime.command.corpus import corpus
from runtime.command.diff import diff
from runtime.command.draw import draw
from runtime.command.embed import embed
from runtime.command.encoders import classify, fill
from runtime.command.evaluate import evaluate
from runtime.command.explain import explain_spec
from runtime.command.export import export
from runtime.command.generate import generate
from runtime.command.import_folder import import_
from runtime.command.import_weights import import_weights
from runtime.command.packages import compile_specs, eject, verify
from runtime.command.plot import plot
from runtime.command.runs import runs
from runtime.command.score import score
from runtime.command.train import train
from runtime.command.transfer import transfer
from runtime.command.translate import translate
from runtime.command.view import view
from runtime.command.where import where
from runtime.system.terminal import guarded_streams

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Specs": (
        *(list_specs, new, check, show, explain_spec, diff, draw, conform, where, view),
        *(compile_specs, eject, verify, schema),
    ),
    "Models": (
        *(train, translate, generate, fill, classify, embed, evaluate),
        *(runs, attend, plot, ablate, import_, import_weights, transfer, export),
    ),
    "Text": (corpus, score),
}

EXAMPLES = """\
Examples:

    specformer explain transformer-base
    specformer diff transformer-base transformer-big
    specformer compile demo
    specformer corpus data/demo
    specformer train demo
    specformer train demo --set training.steps=3000 --out runs/longer
    specformer evaluate runs/demo
    specformer ablate specs/ablations/table3-small.yaml --dry-run
    echo "We thanked the policeman." | specformer translate runs/demo
    specformer generate runs/language-model --prompt "The old man"
"""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group, commands in GROUPS.items():
    for command in commands:
        name = command.__name__.removesuffix("_specs").removesuffix("_spec").strip("_")
        name = name.replace("_", "-")
        app.command(name, cls=Command, rich_help_panel=group)(command)


@app.callback(invoke_without_command=True, epilog=escape(EXAMPLES))
def specformer(context: typer.Context) -> None:
    """Compiles Transformer specs to PyTorch code, trains the models, uses and scores them."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> NoReturn:
    """Runs the command line and ends the process; mistakes of its user get no traceback."""
    prepare_streams()
    with guarded_streams():
        try:
            refuse_bytes(sys.argv[1:])
            code = app(prog_name="specformer", standalone_mode=False)
            sys.stdout.flush()
            if code == INTERRUPTED:  # typer has turned Ctrl-C into this
                raise KeyboardInterrupt
        except BaseException as error:
            code = exit_code(error)
            if code is None:
                raise
    sys.exit(code)
