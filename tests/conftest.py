"""For all tests: no network, one thread a process, the same device everywhere."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

OFFLINE = Path(__file__).parent / "offline"

# Set before anything is imported, and inherited by kernels and other child processes.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH", "")]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("COURSE_DEVICE", "cpu")
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
runpy.run_path(str(OFFLINE / "sitecustomize.py"))
