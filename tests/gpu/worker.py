"""A process with a pretended GPU that answers requests: `python -m tests.gpu.worker LIBRARY`.

A request is a line of JSON, `[probe, arguments ...]`, and so is the answer: `{"result": ...}`, or
`{"error": ..., "waits": ...}`, in which `waits` names the operation, if any, for whose result the
host would have waited.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.gpu import pretend_cuda

MOST_OF_AN_ERROR = 6000


def answer(probes: dict[str, Callable[..., Any]], request: list[Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    from torch._subclasses.fake_tensor import (
        DataDependentOutputException,
        DynamicOutputShapeException,
    )

    name, *arguments = request
    try:
        return {"result": probes[name](*arguments)}
    except (DataDependentOutputException, DynamicOutputShapeException) as error:
        return {"error": _text(error), "waits": str(error.func)}
    except Exception as error:
        return {"error": _text(error), "waits": None}


def _text(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-MOST_OF_AN_ERROR:]


def main() -> None:
    """Answer the requests of standard input until it ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    pretend_cuda.load(Path(sys.argv[1]))
    import torch

    from tests.gpu import fake_tensors
    from tests.gpu.decoding import decode, search
    from tests.gpu.roofline import estimate
    from tests.gpu.sharing import share
    from tests.gpu.update import captured_update, update

    torch.set_num_threads(1)
    fake_tensors.mend()
    warnings.simplefilter("error")
    # `copy.deepcopy` of a module looks at the addresses of its tensors.
    warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")
    probes = {
        "estimate": estimate,
        "update": update,
        "captured_update": captured_update,
        "share": share,
        "decode": decode,
        "search": search,
    }
    for line in sys.stdin:
        print(json.dumps(answer(probes, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
