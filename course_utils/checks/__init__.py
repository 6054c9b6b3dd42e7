"""Checks for the labs: comparisons that say what was expected, what came, and the likely slip.

A test cell calls these, in the student's notebook and in the examiner alike; docs/authors.md is the guide.
"""

from course_utils.checks.compare import close, describe, equal, raises, shape, that, unchanged
from course_utils.checks.errors import CheckFailed, Unanswered, hidden, passed
from course_utils.checks.world import forbids, gradients, handle, inout, rng, seed_all

__all__ = [
    "CheckFailed", "Unanswered", "close", "describe", "equal", "forbids", "gradients", "handle", "hidden", "inout",
    "passed", "raises", "rng", "seed_all", "shape", "that", "unchanged",
]
