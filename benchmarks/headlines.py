"""The headline figures of the decks beside ours.

    python benchmarks/headlines.py                       every row
    python benchmarks/headlines.py --list                the names of the rows
    python benchmarks/headlines.py --only mnist          the rows whose name contains "mnist"
    python benchmarks/headlines.py --only lecture-05     every figure of the decks that lecture 05 touches

MNIST comes from the cache, the mirror (COURSE_DATA_MIRROR) or the network, see docs/data.md; where it cannot be had,
its rows say so and the others run. Learning rates and epochs were chosen on a validation part cut from the training
images, on which the nets never train; the test images are used once, for the figure that is printed.
The decks: G = Grisel, Neurospin 2017; V = Lidy and Schlüter, Vienna 2016; K = Kuzovkin, Tartu 2016; N = Neverova,
Lyon 2015.

There are two kinds of rows. Those of ROWS are trained here, at the size of the decks; such a row is a function without
arguments that returns an `Outcome`. The others stand in the lectures: a lecture notes in its `ledger` what a deck says
and what the cell beside it computed, and the rows lecture-NN execute the notebook and print that list. What rests on
larger data (Shakespeare, War and Peace, film reviews, English) is in it where the data are in the cache or the mirror.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import course
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.stats import binomtest
from torch import Tensor, nn
from torchvision import models, transforms
from torchvision.models import squeezenet1_0

from course_utils import data, device, training
from course_utils.data import DataError, ImageSet

DEVICE = torch.device("cpu")  # replaced in main()


@dataclass(frozen=True)
class Outcome:
    """What we got, as it is printed, and the device that did it."""

    ours: str
    device: str


@dataclass(frozen=True)
class Row:
    """One line of the table: `name` selects it, `figure` is what the deck prints."""

    name: str
    deck: str
    what: str
    figure: str
    run: Callable[[], Outcome]


# The worked example: two inputs, two hidden units, two outputs (deck K, from M. Mazur's "Step by step
# backpropagation example", 2015).


def worked_example(steps: int, hidden_first: bool = True) -> float:
    """Squared error after `steps` gradient steps at learning rate 0.5; the biases are never updated.

    hidden_first: take both layers' gradients at the same weights, as backpropagation does. False repeats the slip
    behind the deck's figures: the hidden deltas are taken with output weights that have already moved.
    """
    x = torch.tensor([0.05, 0.10], dtype=torch.float64)
    target = torch.tensor([0.01, 0.99], dtype=torch.float64)
    w1 = torch.tensor([[0.15, 0.20], [0.25, 0.30]], dtype=torch.float64)
    w2 = torch.tensor([[0.40, 0.45], [0.50, 0.55]], dtype=torch.float64)
    b1, b2, lr = 0.35, 0.60, 0.5

    for _ in range(steps):
        hidden = torch.sigmoid(w1 @ x + b1)
        output = torch.sigmoid(w2 @ hidden + b2)
        delta2 = (output - target) * output * (1 - output)
        moved = w2 - lr * torch.outer(delta2, hidden)
        delta1 = ((w2 if hidden_first else moved).T @ delta2) * hidden * (1 - hidden)
        w1 = w1 - lr * torch.outer(delta1, x)
        w2 = moved

    output = torch.sigmoid(w2 @ torch.sigmoid(w1 @ x + b1) + b2)
    return 0.5 * ((target - output) ** 2).sum().item()


def example_row(steps: int, hidden_first: bool = True, form: str = ".9f") -> Callable[[], Outcome]:
    """The worked example as a row; always on the CPU, in double precision."""
    return lambda: Outcome(f"{worked_example(steps, hidden_first):{form}}", "cpu")


# Images: one layer, one hidden layer, the "modern" net.


def softmax_regression(pixels: int) -> nn.Module:
    """One matrix from pixels to ten classes."""
    return nn.Linear(pixels, 10)


def one_hidden_layer(pixels: int) -> nn.Module:
    """The deck's width, 625, with the sigmoid of its source (A. Radford's tutorial)."""
    return nn.Sequential(nn.Linear(pixels, 625), nn.Sigmoid(), nn.Linear(625, 10))


def modern_net(pixels: int) -> nn.Module:
    """Two hidden layers of 625 with batch norm, ReLU and dropout."""
    layers: list[nn.Module] = []
    for inputs in (pixels, 625):
        layers += [nn.Linear(inputs, 625, bias=False), nn.BatchNorm1d(625), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(625, 10))


def convolutional_net(pixels: int) -> nn.Module:
    """Three times a 3×3 convolution, batch norm, ReLU and pooling; then dropout and a linear layer."""
    side = round(pixels**0.5)
    layers: list[nn.Module] = [nn.Unflatten(1, (1, side, side))]
    for n_in, n_out in ((1, 24), (24, 48), (48, 64)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * (side // 8) ** 2, 10))


def wobble(images: Tensor, pixels: float = 2.0, degrees: float = 12.0, scale: float = 0.1) -> Tensor:
    """Move, turn and scale each image at random. images: (batch, height * width). Returns the same shape."""
    batch, side = len(images), round(images.shape[1] ** 0.5)
    draw = torch.rand(4, batch, device=images.device) * 2 - 1
    angle = draw[0] * degrees * torch.pi / 180
    size = 1 + draw[1] * scale
    shift = draw[2:] * pixels * 2 / side  # affine_grid measures the picture from -1 to 1
    rows = [
        torch.stack([size * angle.cos(), -size * angle.sin(), shift[0]], dim=1),
        torch.stack([size * angle.sin(), size * angle.cos(), shift[1]], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), [batch, 1, side, side], align_corners=False)
    return F.grid_sample(images.view(batch, 1, side, side), grid, align_corners=False).view(batch, -1)


@dataclass(frozen=True)
class Recipe:
    """How a net is made and trained. The learning rate falls to 0 along a cosine; `patience` stops earlier."""

    make: Callable[[int], nn.Module]
    epochs: int
    lr: float
    batch_size: int
    augment: Callable[[Tensor], Tensor] | None = None
    patience: int | None = None


def train(images: ImageSet, recipe: Recipe, n_validation: int, seed: int) -> nn.Module:
    """A trained net. The last `n_validation` training images tell when to stop, if `patience` is set."""
    x, y = images.x_train[:-n_validation], images.y_train[:-n_validation]
    held_out = images.x_train[-n_validation:], images.y_train[-n_validation:]
    training.seed_everything(seed)
    model = recipe.make(x.shape[1]).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    training.fit(
        model,
        x,
        y,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimizer=optimizer,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs),
        validation=held_out,
        patience=recipe.patience,
        augment=recipe.augment,
        seed=seed,
    )
    return model


@cache
def trained(images: Callable[[], ImageSet], recipe: Recipe, n_validation: int, seed: int) -> nn.Module:
    """`train`, once for each seed: the members of a committee are tested alone as well."""
    return train(images(), recipe, n_validation, seed)


def train_and_test(images: Callable[[], ImageSet], recipe: Recipe, n_validation: int, seed: int) -> float:
    """Accuracy of a trained net on the test images."""
    return training.accuracy(trained(images, recipe, n_validation, seed), images().x_test, images().y_test)


def committee(images: Callable[[], ImageSet], recipe: Recipe, n_validation: int, members: int) -> Outcome:
    """Accuracy of nets from different seeds whose probabilities are averaged, and the mean of their own."""
    alone, total = [], torch.zeros(1, device=DEVICE)
    for seed in range(members):
        alone.append(train_and_test(images, recipe, n_validation, seed))
        model = trained(images, recipe, n_validation, seed)
        total = total + training.predict(model, images().x_test).to(DEVICE).softmax(dim=1)
    accuracy = (total.argmax(dim=1) == images().y_test).float().mean().item()
    return Outcome(f"{accuracy:.2%} ({members} nets; alone {statistics.mean(alone):.2%})", str(DEVICE))


@cache
def mnist() -> ImageSet:
    """MNIST as rows of 784 pixels, read once."""
    return data.mnist().flat().to(DEVICE)


@cache
def digits() -> ImageSet:
    """The embedded 8×8 digits as rows of 64 pixels."""
    return data.digits().flat().to(DEVICE)


def if_mnist(run: Callable[[], Outcome]) -> Callable[[], Outcome]:
    """The row, or what is missing."""

    def checked() -> Outcome:
        try:
            mnist()
        except DataError as error:
            return Outcome("no MNIST here: " + str(error).splitlines()[0], "-")
        return run()

    return checked


def mnist_row(recipe: Recipe) -> Callable[[], Outcome]:
    """One seed on the 10,000 test images: one image is 0.01 %."""
    return if_mnist(lambda: Outcome(f"{train_and_test(mnist, recipe, n_validation=5000, seed=0):.2%}", str(DEVICE)))


def mnist_committee(recipe: Recipe, members: int = 5) -> Callable[[], Outcome]:
    """A committee on the same images."""
    return if_mnist(lambda: committee(mnist, recipe, n_validation=5000, members=members))


def digits_row(recipe: Recipe, seeds: int = 5) -> Callable[[], Outcome]:
    """Mean and standard deviation over seeds on the 360 test images: one image is 0.28 %."""

    def run() -> Outcome:
        results = [train_and_test(digits, recipe, n_validation=360, seed=seed) for seed in range(seeds)]
        return Outcome(f"{statistics.mean(results):.1%} ± {statistics.stdev(results):.1%} ({seeds} seeds)", str(DEVICE))

    return run


def little_wobble(images: Tensor) -> Tensor:
    """`wobble` for images of 8×8, where two pixels would be a quarter of the picture."""
    return wobble(images, pixels=0.5)


# Convolutional nets: what can be counted or computed by hand.


def prewitt() -> Outcome:
    """Deck K's patch under the Prewitt kernel, by cross-correlation and by true convolution."""
    patch = torch.tensor([[40.0] * 3] * 2 + [[10.0] * 3] * 3)[None, None]
    kernel = torch.tensor([[1.0] * 3, [0.0] * 3, [-1.0] * 3])[None, None]
    edge, beside = (int(value) for value in F.conv2d(patch, kernel).flatten()[[0, 2]])
    true = int(F.conv2d(patch, kernel.flip(2, 3)).flatten()[0])
    return Outcome(f"{edge}, {beside}; true convolution {true}", "cpu")


def vgg_memory() -> Outcome:
    """Values that VGG-16 keeps for one picture, the picture and the pooled maps among them, as deck F counts them."""
    with torch.device("meta"):
        net = models.vgg16()
    values = [3 * 224 * 224]
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.Linear):
            layer.register_forward_hook(lambda _layer, _inputs, output: values.append(output.numel()))
    net(torch.empty(1, 3, 224, 224, device="meta"))
    return Outcome(f"{sum(values):,} values, {sum(values) * 4 / 1e6:.1f} MB", "cpu")


def vgg_parameters() -> Outcome:
    with torch.device("meta"):
        parameters = dict(models.vgg16().named_parameters())
    weights = sum(value.numel() for name, value in parameters.items() if name.endswith("weight"))
    return Outcome(f"{weights:,}; with biases {sum(value.numel() for value in parameters.values()):,}", "cpu")


def inception_parameters() -> Outcome:
    """GoogLeNet without and with its auxiliary heads, and AlexNet."""
    with torch.device("meta"):
        net, alexnet = models.googlenet(aux_logits=True, init_weights=False), models.alexnet()
    size = {name: sum(value.numel() for value in part.parameters()) for name, part in net.named_children()}
    heads = sum(count for name, count in size.items() if name.startswith("aux"))
    everything, old = sum(size.values()), sum(value.numel() for value in alexnet.parameters())
    return Outcome(f"{(everything - heads) / 1e6:.1f} M ({everything / 1e6:.1f}), AlexNet {old / 1e6:.1f} M", "cpu")


# History: one person and one net on 1,500 images of the ImageNet challenge (decks G, V, N).


def human_and_machine() -> Outcome:
    """Error rates from the printed table, whose fourth cell follows from 1,500, and McNemar's exact test."""
    both_right, human_only, both_wrong = 1352, 72, 30
    machine_only = 1500 - both_right - human_only - both_wrong
    machine, human = human_only + both_wrong, machine_only + both_wrong
    p = binomtest(human_only, human_only + machine_only).pvalue
    return Outcome(f"{machine / 1500:.1%}, {human / 1500:.1%}, p = {p:.3f}", "cpu")


# Adversarial examples: the panda figure (deck N, from Goodfellow and others, 2015) on a net and a picture at hand.

EPSILON = 0.007
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def panda() -> Outcome:
    """SqueezeNet 1.0 on a photograph of a dog, before and after one step of FGSM; both from the mirror."""
    mirror = os.environ.get("COURSE_DATA_MIRROR")
    if not mirror or not (Path(mirror) / "imagenet").is_dir():
        return Outcome("no imagenet/ in COURSE_DATA_MIRROR", "-")
    folder = Path(mirror) / "imagenet"
    stored = np.load(folder / "squeezenet1_0_torchvision_layout.npz")
    net = squeezenet1_0()
    net.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    net.eval().to(DEVICE)
    names = (folder / "imagenet_classes.txt").read_text().splitlines()
    photo = Image.open(folder / "photos" / "hub_dog.jpg").convert("RGB")
    crop = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()])
    picture = crop(photo).unsqueeze(0).requires_grad_(True)

    def read(images: Tensor) -> tuple[int, str, Tensor]:
        logits = net(((images - MEAN) / STD).to(DEVICE))
        best = int(logits.argmax())
        return best, f"{names[best]} {logits.softmax(1)[0, best].item():.1%}", logits

    label, before, logits = read(picture)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, torch.tensor([label], device=DEVICE)), picture)
    after = read((picture.detach() + EPSILON * gradient.sign()).clamp(0, 1))[1]
    return Outcome(f"{before} -> {after}", str(DEVICE))


CONVOLUTION = Recipe(convolutional_net, 15, 3e-3, 128, wobble)
CONVOLUTION_DIGITS = Recipe(convolutional_net, 40, 3e-3, 64, little_wobble)

ROWS = [
    Row("human-machine", "GVN", "1,500 images: machine, human, differ?", "6.7 %, 5.1 % (E12)", human_and_machine),
    Row("example-0", "K", "2-2-2 example, error at the start", "0.298371109", example_row(0)),
    Row("example-1", "K", "2-2-2 example, after 1 step", "0.291027924 (E4)", example_row(1)),
    Row(
        "example-10000", "K", "2-2-2 example, after 10,000 steps", "0.000035085 (E4)", example_row(10_000, form=".10f")
    ),
    Row("example-1-slip", "K", "the same with the deck's slip, 1 step", "0.291027924", example_row(1, False)),
    Row("example-10000-slip", "K", "the same, 10,000 steps", "0.000035085", example_row(10_000, False)),
    Row(
        "mnist-softmax",
        "K",
        "MNIST, softmax regression",
        "92.5 %",
        mnist_row(Recipe(softmax_regression, 20, 2e-3, 256)),
    ),
    Row(
        "mnist-hidden",
        "K",
        "MNIST, one hidden layer (625)",
        "98.2 %",
        mnist_row(Recipe(one_hidden_layer, 20, 5e-3, 128)),
    ),
    Row("mnist-modern", "K", 'MNIST, "modern" net', "99.0 %", mnist_row(Recipe(modern_net, 20, 3e-3, 256, wobble))),
    Row("digits-softmax", "-", "digits, softmax regression", "-", digits_row(Recipe(softmax_regression, 60, 1e-2, 64))),
    Row(
        "digits-hidden", "-", "digits, one hidden layer (625)", "-", digits_row(Recipe(one_hidden_layer, 60, 1e-2, 64))
    ),
    Row("digits-modern", "-", 'digits, "modern" net', "-", digits_row(Recipe(modern_net, 60, 3e-3, 64, little_wobble))),
    Row("prewitt", "K", "Prewitt kernel on the patch of 40 and 10", "90, 0 (E27)", prewitt),
    Row("vgg-memory", "F", "VGG-16, values kept for one picture", "24M, 93 MB (E5)", vgg_memory),
    Row("vgg-parameters", "F", "VGG-16, parameters", "138M", vgg_parameters),
    Row("inception", "G", "GoogLeNet (with heads), parameters", '"monster" (E15)', inception_parameters),
    Row("mnist-convolution", "K", "MNIST, convolutional net", "99.50 %", mnist_row(CONVOLUTION)),
    Row("mnist-committee", "K", "MNIST, committee of five (deck: 35)", "99.77 %", mnist_committee(CONVOLUTION)),
    Row("digits-convolution", "-", "digits, convolutional net", "-", digits_row(CONVOLUTION_DIGITS)),
    Row("digits-committee", "-", "digits, committee of five", "-",
        lambda: committee(digits, CONVOLUTION_DIGITS, n_validation=360, members=5)),
    Row("panda", "N", f"one step of FGSM, epsilon {EPSILON}", "panda -> gibbon", panda),
]
LINE = "{:<19} {:<4} {:<38} {:<18} {:<34} {:>8}  {}"
LECTURES = {f"lecture-{path.stem}": path for path in sorted((course.ROOT / "lectures").glob("*.ipynb"))}


def print_lecture(name: str, path: Path) -> None:
    """Execute a lecture and print its ledger: what a deck says, and below it what the lecture computed.

    Raises RuntimeError with the error of the cell where the lecture fails.
    """
    seconds, ledger, error = course.run(path, "import json as _json\nprint(_json.dumps(ledger))")
    if error:
        raise RuntimeError(f"{path.name}: {error}")
    print(f"\n{name}, {seconds:.0f} s")
    for number, (deck, says, computed) in enumerate(json.loads(ledger), start=1):
        print(f"{path.stem[:2]}.{number:<4} {deck:<8} {says}\n{'':16}-> {computed}", flush=True)


def main() -> int:
    """Run the rows that the command line selects and print the table, a line as soon as it is known.

    Returns 1 where a lecture fails; the others are run all the same.
    """
    global DEVICE
    parser = argparse.ArgumentParser(description="The headline figures of the decks beside ours.")
    parser.add_argument("--only", nargs="+", default=[""], metavar="PART", help="rows whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args()
    rows = [row for row in ROWS if any(part in row.name for part in options.only)]
    lectures = {name: path for name, path in LECTURES.items() if any(part in name for part in options.only)}
    if not rows and not lectures:
        parser.error("no row is selected; the names are: " + ", ".join([*(row.name for row in ROWS), *LECTURES]))
    if options.list:
        print("\n".join([*(row.name for row in rows), *lectures]))
        return 0

    DEVICE = device.pick_device()
    if rows:
        print(LINE.format("row", "deck", "what", "deck's figure", "ours", "seconds", "device"))
    for row in rows:
        start = time.perf_counter()
        outcome = row.run()
        seconds = time.perf_counter() - start
        print(
            LINE.format(row.name, row.deck, row.what, row.figure, outcome.ours, f"{seconds:.1f}", outcome.device),
            flush=True,
        )
    failed = 0
    for name, path in lectures.items():
        try:
            print_lecture(name, path)
        except RuntimeError as error:
            failed += 1
            print(f"\nFAILED {name}: {error}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
