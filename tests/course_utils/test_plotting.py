import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_utils import plotting
from course_utils.training import History


@pytest.fixture(autouse=True)
def clean():
    with matplotlib.rc_context():
        yield
    plt.close("all")


def titles(figure):
    return [axis.get_title() for axis in figure.axes]


def labels(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_the_style_is_the_same_after_the_second_call():
    plotting.use_style()
    once = dict(matplotlib.rcParams)
    plotting.use_style()
    assert dict(matplotlib.rcParams) == once
    assert once["font.size"] >= 14 and once["axes.labelsize"] >= 14


def test_the_colours_of_lines_are_the_palette():
    plotting.use_style()
    _, axis = plt.subplots()
    drawn = [to_hex(axis.plot([0, 1])[0].get_color()).upper() for _ in range(7)]
    assert len(set(drawn)) == 7 and set(drawn) <= set(plotting.COLORS.values())
    assert set(plotting.COLORS) == {
        *("blue", "orange", "green", "vermillion", "sky", "purple", "yellow", "black", "grey"),
    }


@pytest.mark.parametrize("shape", [(10, 6, 5), (10, 1, 6, 5), (10, 3, 6, 5)])
def test_show_images_lays_them_out_in_rows(shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    figure = plotting.show_images(images, titles=range(10), columns=4, title="Ten")
    assert isinstance(figure, Figure) and figure.get_suptitle() == "Ten"
    assert len(figure.axes) == 12
    assert titles(figure)[:10] == [str(i) for i in range(10)]
    assert [len(axis.images) for axis in figure.axes] == [1] * 10 + [0] * 2
    shown = figure.axes[7].images[0].get_array()
    expected = images[7].numpy().squeeze() if shape[1] != 3 else images[7].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(shown, expected)


def test_images_of_one_figure_share_their_greys():
    images = np.stack([np.zeros((4, 4)), np.ones((4, 4)), np.full((4, 4), 0.5)])
    assert {image.get_clim() for axis in plotting.show_images(images).axes for image in axis.images} == {(0.0, 1.0)}
    figure = plotting.show_images(images, limits=(-1, 1))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)


def test_images_that_need_gradients_can_be_shown():
    plotting.show_images(torch.rand(2, 4, 4, requires_grad=True))


@pytest.mark.parametrize("shape", [(4,), (4, 4), (2, 2, 4, 4), (0, 4, 4)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"images must be \(N, height, width\)"):
        plotting.show_images(torch.zeros(shape))


def test_each_image_has_its_title():
    with pytest.raises(ValueError, match="3 images and 2 titles"):
        plotting.show_images(torch.zeros(3, 4, 4), titles=["a", "b"])


def history(n=3, validation=True, labels=True):
    values = [1 / (i + 1) for i in range(n)]
    return History(
        train_loss=values,
        train_accuracy=values if labels else [],
        val_loss=values if validation else [],
        val_accuracy=values if labels and validation else [],
        seconds=values,
    )


def test_plot_history_has_a_panel_each_for_loss_and_accuracy():
    figure = plotting.plot_history(history(), history(), labels=["SGD", "Adam"], title="Two optimisers")
    loss, accuracy = figure.axes
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "loss", "accuracy (%)")
    assert labels(loss) == ["SGD, training", "SGD, validation", "Adam, training", "Adam, validation"]
    np.testing.assert_allclose(loss.lines[0].get_xydata(), [[1, 1], [2, 1 / 2], [3, 1 / 3]])
    assert loss.lines[0].get_color() == loss.lines[1].get_color() != loss.lines[2].get_color()
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()


def test_plot_history_leaves_out_what_there_is_not():
    figure = plotting.plot_history(history(validation=False, labels=False))
    assert titles(figure) == ["Loss"] and labels(figure.axes[0]) == ["training"]


def test_one_epoch_is_visible():
    assert plotting.plot_history(history(n=1)).axes[0].lines[0].get_marker() == "o"


def test_plot_history_refuses_none_and_a_wrong_number_of_labels():
    with pytest.raises(ValueError, match="at least one"):
        plotting.plot_history()
    with pytest.raises(ValueError, match="1 histories and 2 labels"):
        plotting.plot_history(history(), labels=["a", "b"])


@pytest.mark.parametrize("answer", ["scores", "labels", "numpy labels"])
def test_plot_boundary_colours_each_side_as_the_classifier_answers(answer):
    x = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    y = torch.tensor([0, 0, 1, 1])

    def predict(points):
        right = points[:, 0] > 0
        if answer == "scores":
            return torch.stack([~right, right], dim=1).float().requires_grad_()
        return right.long() if answer == "labels" else right.numpy()

    figure = plotting.plot_boundary(predict, x, y, "Left and right", labels=("width (cm)", "height (cm)"))
    axis = figure.axes[0]
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("Left and right", "width (cm)", "height (cm)")
    regions = axis.images[0]
    left, right, bottom, top = regions.get_extent()
    assert left < -1 and right > 1 and bottom < -1 and top > 1
    np.testing.assert_array_equal(regions.get_array()[:, :140], 0)
    np.testing.assert_array_equal(regions.get_array()[:, 160:], 1)
    assert labels(axis) == ["class 0", "class 1"]
    markers = [collection.get_paths()[0].vertices.shape for collection in axis.collections]
    assert markers[0] != markers[1]  # told apart without colour


def test_plot_boundary_is_not_upside_down():
    x = torch.tensor([[0.0, -1], [0, 1], [1, 0]])
    figure = plotting.plot_boundary(lambda points: points[:, 1] > 0, x, torch.tensor([0, 1, 1]), "Up")
    image = figure.axes[0].images[0]
    assert image.origin == "lower" and image.get_array()[-1].min() == 1 and image.get_array()[0].max() == 0


def test_plot_boundary_refuses_points_that_are_not_of_the_plane():
    with pytest.raises(ValueError, match=r"x must be \(N, 2\)"):
        plotting.plot_boundary(lambda points: points[:, 0], torch.zeros(4, 3), torch.zeros(4), "")


def test_confusion_counts_rows_as_truth():
    figure = plotting.confusion(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 1, 1]), ["cat", "dog"])
    axis = figure.axes[0]
    found = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axis.texts}
    assert found == {(0, 0): "1", (0, 1): "2", (1, 1): "1"}
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted class", "true class")
