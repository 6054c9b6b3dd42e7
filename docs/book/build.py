"""The book (a static site) and the slides, both from lectures that are executed once.

    python docs/book/build.py html       # build/book/html/index.html
    python docs/book/build.py slides     # build/slides/index.html

Everything lies below build/ (or --build DIR):

    build/book/cache/     executed lectures, kept by jupyter-cache while neither their code nor what it runs on changes
    build/book/vendor/    packages of npm, see vendor.py
    build/book/source/    what Sphinx sees: guides, executed lectures, labs as released. Nothing of solutions/ or tests/
                          is ever copied there, so nothing of them can get into the site
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

sys.path.insert(0, str(Path(__file__).parent))  # these scripts are no package
import vendor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS_FOR_A_CELL = 900  # for a loaded machine; on an idle one no lecture takes more than 60
# Explorers as pictures, no progress bars, and the same results whatever the machine has.
KERNEL = {"COURSE_WIDGETS": "static", "TQDM_DISABLE": "1", "COURSE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}


def environment_key() -> str:
    """Changes with all that a lecture's output depends on besides its own code."""
    digest = hashlib.sha256()
    data = [path for kind in ("*.py", "*.txt") for path in sorted((ROOT / "course_utils").rglob(kind))]
    for path in [HERE / "alt_text.py", *data]:
        digest.update(path.read_bytes())
    digest.update(repr(KERNEL).encode())
    versions = sorted(f"{package.name}=={package.version}" for package in distributions())
    digest.update("\n".join([sys.version, *versions]).encode())
    return digest.hexdigest()[:16]


@contextmanager
def kernels_that_describe(folder: Path) -> Iterator[None]:
    """Within, kernels load alt_text.py and have the settings of KERNEL."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(
        "c = get_config()\nc.InteractiveShellApp.extensions = ['alt_text']\n"
        "c.HistoryManager.enabled = False\nc.IPKernelApp.log_level = 'ERROR'\n")
    changes = KERNEL | {"IPYTHONDIR": str(folder), "PYTHONPATH": os.pathsep.join(
        filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def execute(lectures: list[Path], target: Path, work: Path) -> None:
    """Write the executed `lectures` to `target`; from the cache where they are in it.

    Raises SystemExit with the traceback of the cell where a lecture fails.
    """
    folder = work / "cache" / environment_key()
    for old in (work / "cache").glob("*"):
        if old != folder:
            shutil.rmtree(old)
    cache = get_cache(str(folder))
    pending = []
    for lecture in lectures:
        try:
            cache.match_cache_notebook(nbformat.read(lecture, as_version=4))
        except KeyError:
            pending.append(cache.add_nb_to_project(str(lecture)).pk)
    if pending:
        print(f"Executing {len(pending)} lectures (a minute each, once) ...", flush=True)
        with kernels_that_describe(work / "ipython"):
            result = load_executor("temp-parallel", cache).run_and_cache(
                filter_pks=pending, timeout=SECONDS_FOR_A_CELL)
        for uri in (*result.excepted, *result.errored):
            record = cache.get_project_record(uri)
            sys.exit(f"{uri} failed:\n{record.traceback or 'see above'}")
    target.mkdir(parents=True, exist_ok=True)
    for lecture in lectures:
        try:
            _, notebook = cache.merge_match_into_notebook(nbformat.read(lecture, as_version=4))
        except KeyError:
            sys.exit(f"{lecture} was changed while it was executed. Run this command again.")
        write(target / lecture.name, nbformat.writes(notebook).encode())


def write(path: Path, content: bytes) -> None:
    """Leave a file alone that has this content already: Sphinx reads again what has a new time."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def stage(source: Path) -> None:
    """Copy guides and released labs to where Sphinx reads, and remove what is no longer there."""
    files = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/images/*"), *ROOT.glob("labs/*/*")]
    files += [ROOT / name for name in ("README.md", "LICENSE", "LICENSE-TEXT", "environment.yml")]
    wanted = {path.relative_to(ROOT): path for path in files if path.is_file()}
    for path in source.rglob("*"):
        inside = path.relative_to(source)
        if path.is_file() and inside not in wanted and inside.parts[0] != "lectures":
            path.unlink()
    for inside, path in wanted.items():
        write(source / inside, path.read_bytes())


def html(work: Path, target: Path, lectures: list[Path]) -> None:
    """The site in `target`, which is emptied first of pages that no longer exist. A warning is an error."""
    source = work / "source"
    stage(source)
    for path in (source / "lectures").glob("*"):
        if path.name not in {lecture.name for lecture in lectures}:
            path.unlink()
    execute(lectures, source / "lectures", work)
    vendor.install(vendor.BOOK, work / "static" / "vendor", work / "vendor")
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "sphinx", "--quiet", "--fresh-env", "--fail-on-warning", "--keep-going",
                    "-c", HERE, "-d", work / "doctrees", source, target], check=True,
                   env=os.environ | {"BOOK_STATIC": str(work / "static")})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["html", "slides"])
    parser.add_argument("--build", type=Path, default=ROOT / "build", metavar="DIR")
    options = parser.parse_args()
    build = options.build.resolve()
    lectures = sorted((ROOT / "lectures").glob("[0-9]*.ipynb"))
    try:
        if options.what == "html":
            html(build / "book", build / "book" / "html", lectures)
            print(f"The book: {build / 'book' / 'html' / 'index.html'}")
        else:
            import slides

            executed = build / "book" / "executed"
            execute(lectures, executed, build / "book")
            slides.write_decks(sorted(executed.glob("*.ipynb")), build / "slides", build / "book" / "vendor")
            print(f"The slides: {build / 'slides' / 'index.html'}")
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    except vendor.IntegrityError as error:
        sys.exit(f"A package of npm is not the one that docs/book/vendor.json names. {error}")
    except OSError as error:
        sys.exit(f"{error}\nThe first build needs a network, for packages of npm. Later ones do not.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
