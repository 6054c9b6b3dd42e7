"""A small course of one lecture and one lab, in a temporary folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from course_staff.paths import Course

ROOT = Path(__file__).parents[2]

LECTURE = """\
# %% [markdown] slide="slide"
# # A lecture
#
# with $maths$

# %% tags=["setup"]
# %matplotlib inline
import torch

# %%
torch.arange(3)
"""

LAB = '''\
# %% [markdown]
# # A small lab

# %% tags=["setup"]
import torch

from course_utils import checks

# %% answer="softmax"
def softmax(logits):
    """Probabilities (batch, classes) from logits (batch, classes)."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    exp = shifted.exp()
    return exp / exp.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %% test="softmax" points=3
import torch

from course_utils import checks

checks.close(softmax(torch.zeros(1, 2)), torch.full((1, 2), 0.5), "softmax")
checks.passed("softmax")
### BEGIN HIDDEN TESTS
with checks.hidden():
    checks.close(softmax(torch.full((1, 20), 900.0)), torch.full((1, 20), 0.05), "softmax of large logits")
### END HIDDEN TESTS

# %% answer="loss"
def loss(logits, labels):
    """Mean cross-entropy."""
    ### BEGIN SOLUTION
    return -softmax(logits)[torch.arange(len(labels)), labels].log().mean()
    ### END SOLUTION


# %% needs=["softmax"] test="loss" points=2.5 seconds=5
import torch

from course_utils import checks

expected = torch.nn.functional.cross_entropy(torch.eye(3), torch.arange(3))
checks.close(loss(torch.eye(3), torch.arange(3)), expected, "loss")
checks.passed("loss")

# %%
curve = [float(loss(torch.eye(3) * scale, torch.arange(3))) for scale in range(5)]

# %% slide="skip"
print(curve)

# %%
print("nothing to do with an answer")

# %% [markdown]
# ## Experiment

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# The loss falls because the logits of the right class grow.
# ### END SOLUTION
'''


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """The small course, not built yet."""
    (tmp_path / "lectures").mkdir()
    (tmp_path / "lectures" / "01_small.py").write_text(LECTURE)
    (tmp_path / "solutions" / "01_small").mkdir(parents=True)
    (tmp_path / "solutions" / "01_small" / "01_small.py").write_text(LAB)
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return Course(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
