"""A tqdm progress bar that leaves one line behind, in a terminal and in a notebook alike.

tqdm's notebook bar is a widget, which a notebook that was run without a front end keeps frozen at 0 %. This one is text
in one output that is replaced in place, so that a saved notebook shows the last state.
"""

import io
from typing import Any

from tqdm import tqdm


def bar(total: int | None, description: str, *, enabled: bool = True, **options: Any) -> "tqdm[Any]":
    """A tqdm bar over `total` steps, invisible if not `enabled`, and where the output goes to a file or a pipe.

    `options` (`unit`, `bar_format`) go to tqdm.
    """
    if enabled and _in_notebook():
        options.update(file=_OutputLine(), ascii=False, mininterval=0.25)
        return tqdm(total=total, desc=description, **options)
    return tqdm(total=total, desc=description, disable=None if enabled else True, **options)


def _in_notebook() -> bool:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


class _OutputLine(io.StringIO):
    """A text file whose last line is what one output of the running cell shows."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: Any = None

    def write(self, text: str) -> int:
        line = text.replace("\r", "").strip()
        if line:
            from IPython.display import display

            content = {"text/plain": line}
            if self.handle is None:
                self.handle = display(content, raw=True, display_id=True)
            else:
                self.handle.update(content, raw=True)
        return len(text)
