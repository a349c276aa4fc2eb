"""Files from an address: whole and with the right checksum, or an error that says why not."""

import hashlib
import http.client
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from runtime.corpora.catalogue import PublishedFile
from runtime.data.lines import file_digest
from runtime.errors import UserError

AT_ONCE = 2**18
"""Bytes that are read from a connection at a time."""
PATIENCE = 60.0
"""Seconds without a byte after which a connection counts as broken."""

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far something is: its name and size, and then how much more is done."""


def silent(_what: str, _total: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show no progress."""
    return nullcontext(lambda _done: None)


def address(name: str, file: PublishedFile) -> str:
    """Return the address of a file: its own, or its name in the folder that is given."""
    return file.url + name if file.url.endswith("/") else file.url


def fetch(name: str, file: PublishedFile, target: Path, progress: Progress = silent) -> None:
    """Write the file at an address to `target`. Raises a UserError if it is not there, or broken.

    What was written of a file that breaks off is removed.
    """
    url = address(name, file)
    try:
        with _answer(url) as answer, target.open("wb") as out:
            size = int(answer.headers.get("Content-Length") or 0)
            with progress(name, size) as advance:
                while chunk := _chunk(answer, url):
                    out.write(chunk)
                    advance(len(chunk))
            if size and out.tell() != size:
                raise _broken(url, f"{out.tell():,} of {size:,} bytes came")
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check(path: Path, file: PublishedFile, earlier: str | None = None) -> str:
    """Return the SHA-256 of a file. Raises a UserError if it is not the published one.

    `earlier` is the SHA-256 of the same file when it was fetched before, for files of which no
    checksum is published.
    """
    digest = file_digest(path)
    if file.sha256 and digest != file.sha256:
        raise _other(path, "SHA-256", digest, file.sha256, file.checked_by)
    if file.md5 and (found := _md5(path)) != file.md5:
        raise _other(path, "MD5", found, file.md5, file.checked_by)
    if not file.checked_by and earlier and digest != earlier:
        raise UserError(
            f"{path.name} is not the file that was fetched before: its SHA-256 is {digest}, and "
            f"corpus.json has {earlier}",
            help="no checksum of it is published: look which of the two is right; a new folder "
            "takes the new one",
        )
    return digest


def _answer(url: str) -> http.client.HTTPResponse:
    host = urlsplit(url).hostname
    try:
        return urlopen(Request(url, headers={"User-Agent": "specformer"}), timeout=PATIENCE)
    except HTTPError as error:
        error.close()
        raise UserError(
            f"{host} answers {error.code} ({error.reason}) for {url}",
            help="the file may have moved: fetch it by other means, and name it by --from",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) if isinstance(error, URLError) else error
        raise no_connection(str(host), f"{reason}") from error


def _chunk(answer: http.client.HTTPResponse, url: str) -> bytes:
    try:
        return answer.read(AT_ONCE)
    except (OSError, http.client.HTTPException) as error:
        raise _broken(url, f"{error}" or type(error).__name__) from error


def no_connection(host: str, reason: str) -> UserError:
    """Return the error of a machine that has no network, or none to this host."""
    return UserError(
        f"no connection to {host}: {reason}",
        help="try again with a network, or fetch the files on another machine, copy them here, "
        "and name them by --from",
    )


def _broken(url: str, reason: str) -> UserError:
    return UserError(
        f"the connection to {urlsplit(url).hostname} broke off: {reason}",
        help="nothing was kept of it: try again",
    )


def _other(path: Path, kind: str, found: str, published: str, checked_by: str) -> UserError:
    return UserError(
        f"{path.name} is not the published file: its {kind} is {found}, and that of {checked_by} "
        f"is {published}",
        help="it is damaged, or has changed: fetch it again; other versions of the text come in as "
        "plain text by --from",
    )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
