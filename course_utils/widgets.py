"""Explorers: a function that draws a figure, with a control for each of its arguments.

Where nobody can move a control (a notebook that runs without a front end, a web page) the figure of the default values
stands alone, with a line that says where it moves; the live version is offered only where a front end has been seen.

While a control is dragged no queue of old values builds up: ipywidgets' front end sends the next change of a control
only when the kernel is done with the last one, and then the latest value. JupyterLab 4.4 or newer lets a thread of its
own take the changes (a subshell). The picture is drawn in the main thread all the same, and the other one waits for it:
pyplot and the redirection of what is printed know only one thread. After each change, in whichever thread, the inline
backend shows and closes the figures that it finds; those of an explorer are kept out of its sight.
"""

import contextlib
import html
import inspect
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

WIDGET = "application/vnd.jupyter.widget-view+json"
LABEL_WIDTH = "15em"
WORDS = "white-space: pre-wrap; line-height: 1.4; padding: 4px 0"  # their colour is the theme's
PATIENCE = 3600.0  # seconds that a change waits for the main thread, which may be running a cell
FOCUS = (
    "<style>.explorer :is(.noUi-handle, button, select, input):focus-visible "
    "{ outline: 3px solid #E69F00 !important; outline-offset: 2px }</style>"
)  # JupyterLab draws no ring around a slider, a menu or a text, and a faint one around the others; orange is seen on
# black and white
ALERT = "line-height: 1.4; padding: 4px 8px; background: #FFF3E8; color: #7A2E00; font-weight: bold"
Control = tuple[float, ...] | list[Any] | bool | str | Any
MANY = 6  # controls: more than these are set beside each other
FAST = 0.5  # seconds: a function that draws faster follows the slider, a slower one waits for its release


class Explorer:
    """What `explore` returns. `controls` holds the ipywidgets by argument name; setting `.value` draws anew.

    values: the arguments of the picture shown. png: that picture. text: what the function printed.
    error: the exception of the last call, or None; the picture of the last good call stays.
    """

    def __init__(
        self, function: Callable[..., Any], controls: Mapping[str, Control], labels: Mapping[str, str]
    ) -> None:
        self.function = function
        self.values = {name: _default(function, name, control) for name, control in controls.items()}
        self.png, self.text, self.seconds = b"", "", 0.0
        self.error: Exception | None = None
        self._specifications, self._labels = dict(controls), dict(labels)
        self._widgets: dict[str, Any] = {}
        self._picture: Any = None
        self._message: Any = None
        self._drawn = 0

    @property
    def controls(self) -> dict[str, Any]:
        """The ipywidgets by argument name, made when first asked for: without a front end they would be left in the
        notebook as dead state."""
        if not self._widgets:
            self._build()
        return self._widgets

    def draw(self) -> None:
        """Call the function with `values`, and keep its picture and what it printed. Its exceptions pass through."""
        start = time.perf_counter()
        printed = io.StringIO()
        before = set(plt.get_fignums())
        try:
            with contextlib.redirect_stdout(printed):
                result = self.function(**self.values)
            figure = result if isinstance(result, Figure) else _new_figure(before)
            if figure is None:
                raise TypeError(f"{_name(self.function)} drew no figure and returned {type(result).__name__}.")
            self.png, self.text = _png(figure), printed.getvalue()
        finally:
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
        self.seconds = time.perf_counter() - start

    def _build(self) -> None:
        import ipywidgets

        self._picture = ipywidgets.Image(value=self.png, format="png")
        self._picture.layout.max_width = "100%"
        self._picture.layout.height = "auto"
        self._picture.layout.align_self = "flex-start"  # its own size: the box would stretch it to its width
        self._message = ipywidgets.HTML()
        for name, control in self._specifications.items():
            widget = _widget(control, self.values[name], self._label(name))
            if widget.has_trait("tooltip"):  # ipywidgets 8, which else shows "null"
                widget.tooltip = self._label(name)
            widget.observe(self._changed, names="value")
            self._widgets[name] = widget
        self._pace()
        self._tell()

    def _label(self, name: str) -> str:
        return self._labels.get(name, name.replace("_", " "))

    def _changed(self, change: Any) -> None:
        loop = getattr(_kernel(), "io_loop", None)
        if loop is None or threading.current_thread() is threading.main_thread():
            self._redraw()
            return
        drawn = threading.Event()

        def redraw() -> None:
            try:
                self._redraw()
            finally:
                drawn.set()

        loop.add_callback(redraw)
        drawn.wait(PATIENCE)

    def _redraw(self) -> None:
        self.values = {name: widget.value for name, widget in self._widgets.items()}
        self._drawn += 1
        # The inline backend does not see figures that are made while matplotlib is not interactive. Not so for the
        # first picture: its first figure of all is what sets the backend up, which makes matplotlib interactive.
        interactive = matplotlib.is_interactive()
        matplotlib.interactive(False)
        try:
            self.draw()
            self.error = None
        except Exception as error:
            self.error = error
        else:
            self._picture.value = self.png
        finally:
            matplotlib.interactive(interactive)
        self._pace()
        self._tell()

    def _pace(self) -> None:
        for name, widget in self._widgets.items():
            if hasattr(widget, "continuous_update") and not isinstance(self._specifications[name], str):
                widget.continuous_update = self.seconds < FAST

    def _tell(self) -> None:
        if self.error is not None:
            call = f"{_name(self.function)}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"
            words = f"{call} raised {type(self.error).__name__}: {self.error}. The picture is the one before."
            role, style = "alert", ALERT
        else:
            role, style, words = "status", WORDS, self.text.strip()
        # The number changes even if the words do not: whoever waits for a drawing (a test) sees that it is done.
        attributes = f'role="{role}" style="{style}" data-drawn="{self._drawn}"'
        self._message.value = f"{FOCUS}<div {attributes}>{html.escape(words)}</div>"

    def _where_it_moves(self) -> str:
        names = [self._label(name) for name in self.values]
        shown = names if len(names) <= 4 else [*names[:2], f"{len(names) - 2} more"]
        listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
        return f"Run in JupyterLab, this picture can be moved: by {listed}."

    def _ipython_display_(self) -> None:
        """Nothing: `explore` has displayed it, and as the last value of a cell it would appear again."""

    def show(self) -> None:
        """Display: the controls with the picture where there is a front end, else the picture alone."""
        from IPython.display import display

        bundle: dict[str, Any] = {"image/png": self.png, "text/plain": f"<figure of {_name(self.function)}>"}
        live = has_front_end()
        if live:
            import ipywidgets

            rows = [_row(control, self._label(name)) for name, control in self.controls.items()]
            if len(rows) > MANY:
                rows = _beside_each_other(rows)
            box = ipywidgets.VBox([*rows, self._message, self._picture])
            box.layout.overflow = "visible"  # else the ring around a control that has the focus is cut off
            box.add_class("explorer")
            # Beside the picture, which is for viewers without widgets, such as GitHub.
            bundle[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
        elif self.text:
            print(self.text, end="")
        display(bundle, raw=True)
        if not live:
            moves = self._where_it_moves()
            display({"text/markdown": f"*{moves}*", "text/plain": moves}, raw=True)


def explore(function: Callable[..., Any], *, labels: Mapping[str, str] | None = None, **controls: Control) -> Explorer:
    """Show `function(**defaults)` with a control for each keyword.

    function: draws a figure with pyplot or returns one, and takes each control as a keyword argument. Its default for
        an argument is where the control starts, else the lowest or first value. What it prints appears with the figure.
    controls: (lowest, highest) or (lowest, highest, step): a slider, of integers if all are; a list: buttons, or a menu
        if it is long; a bool: a checkbox, which starts there; a str: a field for text, which starts with it. What is
        typed there counts when Enter is pressed or the field is left; the function gets it as it stands, so it should
        answer any text with a picture and a line in words.
    labels: what is written beside a control, by argument name; by default the name.

    An exception of the first call is raised. Later ones are shown in words above the last good picture.
    Raises ValueError or TypeError for a control that makes no sense or a label without a control.
    """
    labels = labels or {}
    unknown = set(labels) - set(controls)
    if unknown:
        raise ValueError(f"labels for no control: {', '.join(sorted(unknown))}.")
    explorer = Explorer(function, controls, labels)
    explorer.draw()
    if _kernel() is not None:
        explorer.show()
    return explorer


def has_front_end() -> bool:
    """Whether somebody can move a control. COURSE_WIDGETS ("live" or "static") decides, else what has been seen:

    Colab; VS Code; a widget manager that has spoken to the kernel (JupyterLab and Notebook do when they open a
    notebook); an execution request that names its cell, which front ends send and nbclient does not.
    """
    setting = os.environ.get("COURSE_WIDGETS", "")
    if setting:
        if setting not in ("live", "static"):
            raise ValueError(f'COURSE_WIDGETS must be "live" or "static", not {setting!r}.')
        return setting == "live"
    kernel = _kernel()
    if kernel is None:
        return False
    if "google.colab" in sys.modules or "VSCODE_PID" in os.environ:
        return True
    from ipywidgets import Widget

    if getattr(Widget, "_control_comm", None) is not None:
        return True
    return "cellId" in kernel.get_parent("shell").get("metadata", {})


def _kernel() -> Any:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


def _default(function: Callable[..., Any], name: str, control: Control) -> Any:
    """Where a control starts. Raises TypeError for a control of no known kind, ValueError for an impossible one."""
    parameters = inspect.signature(function).parameters
    if name not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise TypeError(f"{_name(function)} has no argument {name!r}.")
    default: Any = parameters[name].default if name in parameters else inspect.Parameter.empty
    given = default is not inspect.Parameter.empty
    if isinstance(control, bool | str):
        return control
    if isinstance(control, list):
        if not control:
            raise ValueError(f"{name}: the list of choices is empty.")
        if given and default not in control:
            raise ValueError(f"{name}: the default {default!r} is none of {control!r}.")
        return default if given else control[0]
    if isinstance(control, tuple) and len(control) in (2, 3):
        low, high = control[:2]
        if not low < high or (len(control) == 3 and control[2] <= 0):
            raise ValueError(f"{name}: {control!r} is not (lowest, highest, step).")
        if given and not low <= default <= high:
            raise ValueError(f"{name}: the default {default!r} is not between {low!r} and {high!r}.")
        return default if given else low
    raise TypeError(f"{name}: {control!r} is neither (lowest, highest, step), nor a list of choices, a bool or a text.")


def _widget(control: Control, value: Any, label: str) -> Any:
    import ipywidgets

    common: dict[str, Any] = {
        "value": value,
        "description": label,
        "style": {"description_width": LABEL_WIDTH},
        "layout": {"width": "min(100%, 40em)"},
    }
    if isinstance(control, bool):
        return ipywidgets.Checkbox(**common)
    if isinstance(control, str):
        return ipywidgets.Text(continuous_update=False, **common)  # a half-typed word is not a word
    if isinstance(control, list):
        short = len(control) <= 5 and sum(len(str(choice)) for choice in control) <= 40
        options = [(str(choice), choice) for choice in control]
        if not short:
            return ipywidgets.Dropdown(options=options, **common)
        return ipywidgets.ToggleButtons(
            options=options, value=value, style={"button_width": "auto"}, tooltips=[label] * len(options)
        )
    low, high = control[:2]
    common |= {"min": low, "max": high}
    if all(isinstance(number, int) for number in (*control, value)):
        return ipywidgets.IntSlider(step=control[2] if len(control) == 3 else 1, **common)
    step = control[2] if len(control) == 3 else (high - low) / 100
    return ipywidgets.FloatSlider(step=step, readout_format=_format(step), **common)


def _row(control: Any, label: str) -> Any:
    """The control with its label at the left, which toggle buttons would put above themselves."""
    import ipywidgets

    if not isinstance(control, ipywidgets.ToggleButtons):
        return control
    layout = {"width": LABEL_WIDTH, "display": "flex", "justify_content": "flex-end"}
    return ipywidgets.HBox([ipywidgets.Label(label, layout=layout), control])


def _beside_each_other(rows: list[Any]) -> list[Any]:
    """The sliders three in a row, below the rest: one below the other, many would push the picture out of sight."""
    import ipywidgets

    sliders = [row for row in rows if isinstance(row, ipywidgets.IntSlider | ipywidgets.FloatSlider)]
    for slider in sliders:
        slider.layout.width, slider.style.description_width = "min(100%, 32%)", "initial"
    together = ipywidgets.HBox(sliders, layout={"flex_flow": "row wrap", "overflow": "visible"})
    return [*(row for row in rows if row not in sliders), together]


def _format(step: float) -> str:
    """Enough decimals to tell two neighbouring positions apart."""
    decimals = 0
    while decimals < 8 and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f".{decimals}f"


def _new_figure(before: set[int]) -> Figure | None:
    new = set(plt.get_fignums()) - before
    return plt.figure(max(new)) if new else None


def _png(figure: Figure) -> bytes:
    """The whole figure, not cropped to what is in it: a picture of another size would make the page jump in a drag."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 3})
    return buffer.getvalue()


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))
