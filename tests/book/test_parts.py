"""What the book is made with: packages of npm, text alternatives."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from tests.book.conftest import vendor


def test_a_package_that_is_not_the_pinned_one_is_refused() -> None:
    vendor.check(b"abc", "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==")
    with pytest.raises(vendor.IntegrityError, match="expected sha512-"):
        vendor.check(b"abd", "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==")


def test_every_package_has_a_version_and_a_strong_hash() -> None:
    for package in vendor.PACKAGES.values():
        assert package["version"][0].isdigit() and package["integrity"].startswith("sha512-")


def test_a_figure_is_described_by_its_title_axes_and_legend() -> None:
    from alt_text import describe

    figure, axes = plt.subplots(1, 2)
    axes[0].plot([0, 1], label="$y = 0$")
    axes[0].set(title="Cross-entropy", xlabel=r"output $\hat y$", ylabel="loss $L$")
    axes[0].legend()
    axes[1].imshow([[0, 1]])
    axes[1].set_title("A picture")
    axes[1].axis("off")
    assert describe(figure) == ("Figure: 2 panels. Cross-entropy; horizontal axis output y, vertical axis loss L; legend y = 0. A picture.")
    plt.close(figure)
