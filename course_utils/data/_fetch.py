"""Files that are not part of the course: the cache, a read-only mirror, the network, asked in that order.

A file is read into memory, and its SHA-256 compared, before anything else sees it. Only a file that passed is given its
name in the cache, by `os.replace`, so that nobody ever reads half a file, however many processes fetch it.
"""

import contextlib
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import pooch

from .. import folders, progress
from ..checks.errors import Plain
from ..folders import cache_folder

REACH_SECONDS = 5.0  # within which a server must answer at all
STALL_SECONDS = 20.0  # for which a download may pause
NO_ANSWER, UNREACHABLE = "no answer in time", "not reachable (no network?)"
ABANDONED_SECONDS = 24 * 3600.0  # after which a part of a download belongs to a process that was killed


class DataError(Plain, RuntimeError):
    """A data set cannot be had. The message says where it was looked for, and what to use instead."""


class Refused(Exception):
    """One place does not have the file, or has a wrong one. The text is the reason."""


@dataclass(frozen=True)
class RemoteFile:
    """A file by its path below the cache and the mirror, its size in bytes, its SHA-256, and its addresses.

    Where the addresses have another file, `convert` makes this one of the one downloaded. No addresses: cache and
    mirror only.
    """

    path: str
    size: int
    sha256: str
    urls: tuple[str, ...]
    convert: Callable[[Path], bytes] | None = None


def mirror_folder() -> Path | None:
    """COURSE_DATA_MIRROR, or None where it is unset. Raises DataError if it is set and no such folder exists."""
    try:
        return folders.mirror_folder()
    except FileNotFoundError as error:
        raise DataError(f"{error}") from None


def read(file: RemoteFile) -> bytes:
    """The verified bytes of a file, from the first place that has them. What comes from the network is cached.

    Raises DataError with the reason of each place.
    """
    mirror = mirror_folder()
    reasons = []
    try:
        return _from_cache(file)
    except Refused as refused:
        reasons.append(f"cache {cache_folder()}: {refused}")
    if mirror is None:
        reasons.append("mirror: COURSE_DATA_MIRROR is not set")
    else:
        try:
            return _verified(mirror / file.path, file)
        except Refused as refused:
            reasons.append(f"mirror {mirror}: {refused}")
    if not file.urls:
        reasons.append("network: no address has this file, which was put together from several sources")
    refusals: dict[str, list[str]] = {}
    for url in file.urls:
        try:
            return _download(url, file)
        except Refused as refused:
            silent = str(refused) in (NO_ANSWER, UNREACHABLE)  # then the rest of the address does not matter
            refusals.setdefault(str(refused), []).append(urlsplit(url).hostname or url if silent else url)
    reasons += [f"network {', '.join(dict.fromkeys(asked))}: {refusal}" for refusal, asked in refusals.items()]
    lines = [f"{file.path} was not found:", *(f"  {reason}" for reason in reasons)]
    if refusals and set(refusals) <= {NO_ANSWER, UNREACHABLE}:
        lines.append("With a network, run the cell again: it is downloaded once, and kept.")
    raise DataError("\n".join(lines))


def _from_cache(file: RemoteFile) -> bytes:
    path = cache_folder() / file.path
    try:
        return _verified(path, file)
    except Refused as refused:
        if path.is_file():
            path.unlink(missing_ok=True)
            print(f"Deleted {path}: {refused}.")
            raise Refused(f"{refused}, now deleted") from None
        raise


def _verified(path: Path, file: RemoteFile) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise Refused("not there") from None
    except OSError as error:
        raise Refused(f"not readable ({error.strerror})") from None
    if len(content) < file.size:
        raise Refused(f"truncated ({len(content):,} of {file.size:,} bytes)")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Refused("wrong content (its SHA-256 is not the known one)")
    return content


def _download(url: str, file: RemoteFile) -> bytes:
    _reach(url)
    target = cache_folder() / file.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        # In the same folder, because os.replace is atomic only within one file system.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise Refused(f"cannot write to the cache ({error}); set COURSE_DATA_DIR to a folder of yours") from None
    part = Path(name)
    try:
        _transfer(url, part, file.size)
        if file.convert is not None:
            _convert(part, file.convert)
        content = _verified(part, file)
        part.chmod(0o644)  # mkstemp makes it private; a cache may be shared
        # On Windows this fails while another process reads the same file, which is then already there.
        with contextlib.suppress(PermissionError):
            os.replace(part, target)
        return content
    finally:
        part.unlink(missing_ok=True)


def _convert(part: Path, convert: Callable[[Path], bytes]) -> None:
    try:
        content = convert(part)
    except Exception as error:  # whatever a damaged archive provokes
        raise Refused(f"wrong content ({type(error).__name__}: {error})") from None
    part.write_bytes(content)


def sweep(folder: Path) -> None:
    """Remove the parts of files whose writers were killed long ago."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()


def _transfer(url: str, part: Path, size: int) -> None:
    with progress.bar(size, url.rsplit("/", 1)[-1], unit="B", unit_scale=True) as bar:
        downloader = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=2**16,
            timeout=(REACH_SECONDS, STALL_SECONDS),
            headers={"Accept-Encoding": "identity"},  # else a server may unpack the .gz on the way
        )
        try:
            downloader(url, str(part), None)
        except OSError as error:  # every error of requests is one
            raise Refused(_words(error)) from None


def _reach(url: str) -> None:
    """Ask the server for a sign of life. In a thread, because neither a slow name server nor eight dead addresses
    one after the other count against the time limit of a request."""
    import requests

    answers: SimpleQueue[Exception | None] = SimpleQueue()

    def ask() -> None:
        try:
            requests.head(url, timeout=REACH_SECONDS, allow_redirects=True)
            answers.put(None)
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answers.get(timeout=REACH_SECONDS)
    except Empty:
        error = TimeoutError()
    if error is not None:
        raise Refused(_words(error))


def _words(error: Exception) -> str:
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if isinstance(error, TimeoutError | requests.Timeout):
        return NO_ANSWER
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return UNREACHABLE
    return f"{type(error).__name__}: {error}"
