"""Settings of a network that do not go with `documents: apart`."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node
from compiler.spec.paths import at, groups, note
from compiler.spec.spec import Spec


def mixers_of_documents(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse sub-layers that would carry one document into the next."""
    if spec.model.documents != "apart":
        return
    for path, group in groups(spec):
        for name in dict.fromkeys(group.sub_layers):
            if name in group.mixers:
                yield Diagnostic(
                    code="documents-meet",
                    message=f"a {name} would carry one document into the next",
                    span=at(root, *path, name),
                    notes=note("they are to be apart", root, "model", "documents"),
                    help=f"write `documents: joined`, or `self_attention` in place of `{name}`",
                )


def kernel_of_documents(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse FlexAttention, whose block mask does not depend on where documents begin."""
    if spec.model.documents == "apart" and spec.model.kernel == "flex":
        yield Diagnostic(
            code="flex-setting",
            message="`kernel: flex` does not go with `documents: apart`",
            span=at(root, "model", "kernel"),
            notes=note("it keeps documents apart", root, "model", "documents"),
            help="leave `kernel` out",
        )


DOCUMENT_CHECKS = (mixers_of_documents, kernel_of_documents)
