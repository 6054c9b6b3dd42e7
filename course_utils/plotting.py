"""One look for every figure: colour-blind safe, readable from the last row of a lecture hall.

The functions return the figure. In a notebook it appears once, whether or not the call is the last line of its cell.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from cycler import cycler
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from .training import History

# M. Okabe, K. Ito, "Color Universal Design", 2002; grey is added.
COLORS: dict[str, str] = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#808080",
}
_CYCLE = ["blue", "vermillion", "green", "orange", "purple", "sky", "black"]
_MARKERS = "os^DvPX*"


def use_style() -> None:
    """Set the style of the course for all figures that follow. Calling it again changes nothing."""
    plt.rcParams.update(
        {
            "figure.figsize": (9, 5),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "figure.titlesize": 20,
            "font.size": 15,
            "axes.titlesize": 18,
            "axes.labelsize": 16,
            "axes.prop_cycle": cycler(color=[COLORS[name] for name in _CYCLE]),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "lines.linewidth": 2.5,
            "lines.markersize": 8,
            "legend.fontsize": 14,
            "legend.frameon": False,
            "image.cmap": "gray",
            "image.interpolation": "nearest",
        }
    )


class NotebookFigure(Figure):
    """A figure of pyplot that a notebook shows once.

    The inline backend shows every open figure at the end of a cell, and again if the cell's last value is the figure.
    This one closes itself when it is shown, after those of its kind that were made before it.
    """

    def _ipython_display_(self) -> None:
        from IPython.display import display

        opened = [plt.figure(number) for number in plt.get_fignums()]
        before = opened[: opened.index(self)] if self in opened else []
        for figure in before:
            if isinstance(figure, NotebookFigure):
                display(figure)
        plt.close(self)
        png = io.BytesIO()
        self.savefig(png, format="png", bbox_inches="tight")
        display({"image/png": png.getvalue(), "text/plain": f"<figure: {self._words()}>"}, raw=True)

    def _words(self) -> str:
        """What the figure says it is, for readers who do not see it."""
        titles = [self.get_suptitle(), *(axis.get_title() for axis in self.axes)]
        return ", ".join(dict.fromkeys(title for title in titles if title)) or "without a title"


def show_images(
    images: Tensor | np.ndarray,
    titles: Sequence[object] | None = None,
    columns: int = 8,
    title: str | None = None,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Images in a grid, `columns` a row, each below its title.

    images: (N, height, width), (N, 1, height, width) or (N, 3, height, width).
    limits: the values shown as the darkest and the brightest colour; by default the lowest and the highest of all.
    Raises ValueError for another shape, no images, or another number of titles.
    """
    grid = torch.as_tensor(images).detach().cpu().float()
    if grid.ndim == 3:
        grid = grid.unsqueeze(1)
    if grid.ndim != 4 or grid.shape[1] not in (1, 3) or len(grid) == 0:
        raise ValueError(
            "images must be (N, height, width), (N, 1, height, width) or (N, 3, height, width), "
            f"got {tuple(images.shape)}."
        )
    if titles is not None and len(titles) != len(grid):
        raise ValueError(f"{len(grid)} images and {len(titles)} titles.")
    columns = min(columns, len(grid))
    rows = -(-len(grid) // columns)
    low, high = limits or (grid.min().item(), grid.max().item())
    width = max(1.3 * columns, 4.0)
    height = width / columns * rows * (1.3 if titles is not None else 1.05) + (0.6 if title else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, FigureClass=NotebookFigure)
    for axis in axes.flat:
        axis.set_axis_off()
    for i, (axis, image) in enumerate(zip(axes.flat, grid, strict=False)):
        axis.imshow(image.permute(1, 2, 0).squeeze(-1).numpy(), cmap=cmap, vmin=low, vmax=high)
        if titles is not None:
            axis.set_title(str(titles[i]), fontsize=13)
    if title:
        figure.suptitle(title)
    return figure


def plot_history(*histories: History, labels: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """Loss, and accuracy where there is one, of each epoch: training dashed, validation solid, one colour a history.

    Raises ValueError without a history, or with another number of labels.
    """
    if not histories:
        raise ValueError("plot_history needs at least one History.")
    if labels is not None and len(labels) != len(histories):
        raise ValueError(f"{len(histories)} histories and {len(labels)} labels.")
    panels = ["loss"] + ["accuracy"] * any(history.train_accuracy for history in histories)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(6.5 * len(panels), 4.8), squeeze=False, FigureClass=NotebookFigure
    )
    for axis, quantity in zip(axes[0], panels, strict=True):
        for i, history in enumerate(histories):
            color = COLORS[_CYCLE[i % len(_CYCLE)]]
            name = f"{labels[i]}, " if labels is not None else ""
            for part, line in (("train", "--"), ("val", "-")):
                values = getattr(history, f"{part}_{quantity}")
                if values:
                    label = name + {"train": "training", "val": "validation"}[part]
                    marker = "o" if len(values) == 1 else None  # a line through one point is invisible
                    axis.plot(range(1, len(values) + 1), values, line, color=color, label=label, marker=marker)
        axis.set(xlabel="epoch", ylabel=quantity, title=quantity.capitalize())
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if quantity == "accuracy":
            axis.set_ylabel("accuracy (%)")
            axis.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes[0, 0].legend()
    if title:
        figure.suptitle(title)
    return figure


def plot_boundary(
    predict_fn: Callable[[Tensor], Any],
    x: Tensor | np.ndarray,
    y: Tensor | np.ndarray,
    title: str,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
) -> Figure:
    """What a classifier of the plane answers everywhere, and the points it should have learned.

    predict_fn: from points (N, 2) to scores (N, classes), or to class labels (N,).
    x: (N, 2). y: (N,) class labels from 0. labels: names of the two axes.
    """
    points, targets = torch.as_tensor(x).detach().cpu(), torch.as_tensor(y).detach().cpu().long().flatten()
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(targets):
        raise ValueError(f"x must be (N, 2) and y (N,), got {tuple(points.shape)} and {tuple(targets.shape)}.")
    margin = 0.1 * (points.amax(0) - points.amin(0)).clamp(min=1e-3)
    low, high = points.amin(0) - margin, points.amax(0) + margin
    sides = [torch.linspace(float(low[i]), float(high[i]), 300, dtype=points.dtype) for i in range(2)]
    across, down = torch.meshgrid(*sides, indexing="xy")
    with torch.no_grad():
        answers = torch.as_tensor(predict_fn(torch.stack([across.flatten(), down.flatten()], dim=1))).cpu()
    regions = (answers.argmax(dim=1) if answers.ndim == 2 else answers).long().reshape(across.shape).numpy()

    classes = max(int(regions.max()), int(targets.max())) + 1
    colors = [COLORS[_CYCLE[i % len(_CYCLE)]] for i in range(classes)]
    figure, axis = plt.subplots(figsize=(7, 6), FigureClass=NotebookFigure)
    edges = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    axis.imshow(
        regions,
        cmap=ListedColormap(colors),
        vmin=-0.5,
        vmax=classes - 0.5,
        alpha=0.25,
        extent=edges,
        origin="lower",
        aspect="auto",
    )
    for label in range(classes):
        mine = points[targets == label].numpy()
        axis.scatter(
            mine[:, 0],
            mine[:, 1],
            color=colors[label],
            marker=_MARKERS[label % len(_MARKERS)],  # shape as well as colour tells the classes apart
            edgecolor="white",
            linewidth=0.6,
            s=45,
            label=f"class {label}",
        )
    axis.grid(False)
    axis.set(title=title, xlabel=labels[0], ylabel=labels[1])
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def confusion(
    y: Tensor | np.ndarray, predicted: Tensor | np.ndarray, classes: Sequence[str], title: str = "Confusion matrix"
) -> Figure:
    """How often each class (row) was taken for each other (column). y, predicted: (N,) indices into `classes`."""
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (np.asarray(torch.as_tensor(y).cpu()), np.asarray(torch.as_tensor(predicted).cpu())), 1)
    side = max(5.0, 0.6 * len(classes) + 1.5)
    figure, axis = plt.subplots(figsize=(side, side), FigureClass=NotebookFigure)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.argwhere(counts):
        axis.text(j, i, str(counts[i, j]), ha="center", va="center", color="white" if shares[i, j] > 0.5 else "black")
    axis.set_xticks(range(len(classes)), classes, rotation=90 if max(map(len, classes)) > 2 else 0)
    axis.set_yticks(range(len(classes)), classes)
    axis.grid(False)
    axis.set(title=title, xlabel="predicted class", ylabel="true class")
    return figure
