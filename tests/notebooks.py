"""Running notebooks headlessly, as CI and the tests of the course do."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbclient
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "lectures").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
LABS = sorted((ROOT / "labs").glob("*/*.ipynb"))


def run(path: Path, folder: Path, seconds: int = 400) -> NotebookNode:
    """Execute a copy of the notebook alone in an empty folder, going on past errors, and return it with its outputs.

    The kernel inherits this process's environment: no network, CPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / path.name
    shutil.copy(path, copy)
    notebook = nbformat.read(copy, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=seconds, kernel_name="python3", allow_errors=True,
                                     resources={"metadata": {"path": str(folder)}})
    return client.execute()


def errors(notebook: NotebookNode) -> list[str]:
    """Errors and everything on stderr, one line each, with the cell they belong to."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(f"{cell.id}: {output.ename}: {output.evalue}")
            elif output.output_type == "stream" and output.name == "stderr":
                found.append(f"{cell.id}: stderr: {output.text[:300]}")
    return found
