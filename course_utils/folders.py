"""Where data sets lie. Apart from `course_utils.data`, so that who asks only this needs no torch."""

from __future__ import annotations

import os
from pathlib import Path

import pooch


def cache_folder() -> Path:
    """COURSE_DATA_DIR, or the folder for caches of the user (on Linux ~/.cache/deep-learning-course)."""
    return Path(os.environ.get("COURSE_DATA_DIR") or pooch.os_cache("deep-learning-course")).expanduser()


def mirror_folder() -> Path | None:
    """COURSE_DATA_MIRROR, or None where it is unset.

    Raises FileNotFoundError, with a message for people, if it is set and no such folder exists.
    """
    setting = os.environ.get("COURSE_DATA_MIRROR")
    if not setting:
        return None
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"COURSE_DATA_MIRROR is {setting!r}, and there is no such folder. Correct it, or "
                                "unset it.")
    return folder
