"""Text alternatives for the figures of notebooks: an IPython extension that the book's build loads into each kernel.

A figure tells its title, its axes and its legend when it is drawn, and a picture that is displayed gets that text in
its metadata, under the key "alt", which nbconvert and the book's Sphinx extension read.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

MOST_PANELS, MOST_NAMES = 6, 8  # a grid of sixty pictures is told by its first ones and their number
SPOKEN = {r"\hat": "", r"\log": "log", r"\cdot": "·", r"\times": "×", r"\pm": "±", r"\partial": "∂", r"\nabla": "∇",
          r"\eta": "η", r"\epsilon": "ε", r"\varepsilon": "ε", r"\theta": "θ", r"\sigma": "σ", r"\lambda": "λ",
          r"\mu": "μ", r"\beta": "β", r"\alpha": "α", r"\delta": "δ", r"\tau": "τ", r"\rho": "ρ", r"\infty": "∞",
          r"\kappa": "κ", r"\psi": "ψ", r"\Delta": "Δ", r"\Sigma": "Σ", r"\leq": "≤", r"\le": "≤", r"\geq": "≥",
          r"\ge": "≥", r"\to": "→", r"\sqrt": "√", r"\approx": "≈", r"\odot": "⊙"}


def plain(text: str) -> str:
    """A label without TeX: what is between dollars keeps its letters."""
    def spoken(match: re.Match[str]) -> str:
        inner = match[1]
        for command, word in SPOKEN.items():
            inner = re.sub(re.escape(command) + r"(?![a-zA-Z])", word, inner)
        inner = re.sub(r"\\[,;! ]", " ", inner)
        return re.sub(r"\\[a-zA-Z]+|[{}\\]", "", inner)

    return " ".join(re.sub(r"\$([^$]*)\$", spoken, text).split())


def describe(figure: Figure) -> str:
    """One or more sentences: titles, axes with their labels, names in legends. Never empty."""
    panels = [_panel(ax) for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
    told = list(dict.fromkeys(panel for panel in panels if panel))
    parts = [plain(figure.get_suptitle())] if figure.get_suptitle() else []
    if len(panels) > 1:
        parts.append(f"{len(panels)} panels")
    parts += told[:MOST_PANELS]
    if len(told) > MOST_PANELS:
        parts.append("and so on")
    return "Figure: " + ". ".join(part.rstrip(".") for part in parts) + "." if parts else "Figure without a title."


def _panel(ax: Axes) -> str:
    parts = [plain(ax.get_title() or ax.get_title("left"))]
    if ax.axison:
        across, up = plain(ax.get_xlabel()), plain(ax.get_ylabel())
        axes = [f"{where} axis {label}" for where, label in (("horizontal", across), ("vertical", up)) if label]
        if axes:
            parts.append(", ".join(axes))
    legend = ax.get_legend()
    names = [plain(text.get_text()) for text in legend.get_texts()] if legend else []
    if names:
        parts.append("legend " + ", ".join(names[:MOST_NAMES]) + (" and others" if len(names) > MOST_NAMES else ""))
    return "; ".join(part for part in parts if part)


def load_ipython_extension(shell: Any) -> None:
    """Remember what each picture shows while it is drawn, and say it where the picture is displayed."""
    known: dict[str, str] = {}
    draw = FigureCanvasBase.print_figure

    def print_figure(self: FigureCanvasBase, filename: Any, *args: Any, **kwargs: Any) -> Any:
        result = draw(self, filename, *args, **kwargs)
        if isinstance(filename, io.BytesIO):
            known[hashlib.sha256(filename.getvalue()).hexdigest()] = describe(self.figure)
        return result

    def add(message: dict[str, Any]) -> dict[str, Any]:
        content = message.get("content", {})
        picture = content.get("data", {}).get("image/png")
        if picture:
            # Explorers hand over bytes, matplotlib's own display base64.
            data = picture if isinstance(picture, bytes) else base64.b64decode(picture)
            text = known.get(hashlib.sha256(data).hexdigest())
            if text:
                content["metadata"].setdefault("image/png", {})["alt"] = text
        return message

    FigureCanvasBase.print_figure = print_figure  # type: ignore[method-assign]
    shell.display_pub.register_hook(add)
