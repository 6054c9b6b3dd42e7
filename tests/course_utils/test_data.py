import gzip
import hashlib
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils import data
from course_utils.data import DataError, _fetch, _glyphs, _mnist
from tests.course_utils.conftest import CONTENT, files_in, wait_for

needs_mirror = pytest.mark.skipif(
    not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set: no copy of MNIST to read"
)


def digest(*tensors):
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()


# --- the shape of every set


def check_shape(images, side, classes):
    for x, y in ((images.x_train, images.y_train), (images.x_test, images.y_test)):
        assert x.shape == (len(y), 1, side, side)
        assert x.dtype == torch.float32 and y.dtype == torch.int64
        assert x.min() == 0 and x.max() == 1
        assert set(y.tolist()) == set(range(classes))
    assert len(images.classes) == classes


def small():
    x = torch.arange(24.0).view(6, 1, 2, 2) / 24
    y = torch.arange(6) % 3
    return data.ImageSet("small", x, y, x[:4], y[:4], ("a", "b", "c"))


def test_flat_keeps_the_pixels_in_order():
    flat = small().flat()
    assert flat.x_train.shape == (6, 4) and flat.x_test.shape == (4, 4)
    assert torch.equal(flat.x_train[1], torch.tensor([4.0, 5, 6, 7]) / 24)
    assert flat.classes == small().classes and torch.equal(flat.y_train, small().y_train)


def test_subset_draws_without_repetition_and_keeps_pairs_together():
    original = small()
    subset = original.subset(4, 2, seed=1)
    assert len(subset.x_train) == len(subset.y_train) == 4 and len(subset.x_test) == 2
    rows = [(original.x_train == image).flatten(1).all(1).nonzero().item() for image in subset.x_train]
    assert len(set(rows)) == 4
    assert torch.equal(original.y_train[rows], subset.y_train)
    assert torch.equal(original.subset(4, 2, seed=1).x_train, subset.x_train)
    assert any(not torch.equal(original.subset(4, seed=seed).x_train, subset.x_train) for seed in range(2, 6))
    assert torch.equal(original.subset(4).x_test, original.x_test)


def test_subset_that_is_too_large():
    with pytest.raises(ValueError, match="7 training images asked for; the set has 6"):
        small().subset(7)


def test_to_moves_every_tensor():
    moved = small().to("meta")
    assert {getattr(moved, name).device.type for name in ("x_train", "y_train", "x_test", "y_test")} == {"meta"}


def test_repr_is_one_line():
    assert repr(small()) == "ImageSet small: 6 training and 4 test images of 1×2×2, 3 classes, on cpu"


def test_an_image_set_cannot_be_changed():
    with pytest.raises(AttributeError):
        small().name = "other"


# --- digits


def test_digits_shape_and_split():
    digits = data.digits()
    check_shape(digits, side=8, classes=10)
    assert (len(digits.x_train), len(digits.x_test)) == (1437, 360)
    from sklearn.datasets import load_digits

    original = load_digits()
    order = np.random.RandomState(0).permutation(1797)
    np.testing.assert_array_equal(digits.x_test.squeeze(1), (original.images / 16)[order[:360]])
    np.testing.assert_array_equal(digits.y_train, original.target[order[360:]])


def test_digits_are_the_same_for_everybody_for_ever():
    digits = data.digits()
    known = "d52690acc2c2a6ddf4acefcfadcf5a35b9e91827d49af42400b9f8e3d8886713"
    assert digest(digits.x_train, digits.y_train, digits.x_test, digits.y_test) == known


# --- glyphs


def test_glyphs_shape_and_balance():
    glyphs = data.glyphs(n_train=360, n_test=72)
    check_shape(glyphs, side=28, classes=36)
    assert torch.equal(torch.bincount(glyphs.y_train), torch.full((36,), 10))
    assert glyphs.classes[0] == "0" and glyphs.classes[-1] == "Z"


def test_glyphs_classes_and_test_set_do_not_depend_on_each_other():
    few, many = data.glyphs(20, 30, classes="xyz"), data.glyphs(50, 30, classes=["x", "y", "z"])
    assert few.classes == ("x", "y", "z") and set(few.y_train.tolist()) == {0, 1, 2}
    assert torch.equal(few.x_test, many.x_test) and torch.equal(few.y_test, many.y_test)
    assert not torch.equal(few.x_test[:20], few.x_train)


def test_glyphs_of_the_same_seed_are_the_same_bytes_in_any_process_with_any_number_of_threads():
    code = """
        import hashlib, sys, torch
        torch.set_num_threads(int(sys.argv[1]))
        from course_utils import data
        glyphs = data.glyphs(n_train=1500, n_test=10, seed=4)
        print(hashlib.sha256(glyphs.x_train.numpy().tobytes() + glyphs.y_train.numpy().tobytes()).hexdigest())
    """
    runs = [
        subprocess.run([sys.executable, "-c", textwrap.dedent(code), n], capture_output=True, text=True, timeout=120)
        for n in ("1", "2")
    ]
    here = data.glyphs(n_train=1500, n_test=10, seed=4)
    assert {run.stdout.strip() for run in runs} == {digest(here.x_train, here.y_train)}, runs[0].stderr
    other = data.glyphs(n_train=1500, n_test=10, seed=5)
    assert digest(other.x_train) != digest(here.x_train)


def still(n):
    """Maps that leave characters as they are."""
    return np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (n, 1, 1))


def test_drawn_glyphs_follow_their_maps():
    plain = data.draw_glyphs("AB", ["cmr10", "DejaVuSans-Bold"], still(2))
    check = plain[0, 0]
    assert plain.shape == (2, 1, 28, 28) and plain.dtype == torch.float32 and plain.min() >= 0 and plain.max() <= 1
    moved, turned = still(2)
    moved[0, 2], turned[:] = -4 / 14, -turned  # four pixels to the right; half a turn
    images = data.draw_glyphs("AA", ["cmr10"] * 2, np.stack([moved, turned]))
    assert torch.allclose(images[0, 0, :, 4:], check[:, :-4], atol=0.005) and not torch.equal(images[0, 0], check)
    assert torch.allclose(images[1, 0], check.flip(0, 1), atol=0.02)
    assert data.draw_glyphs("", [], still(0)).shape == (0, 1, 28, 28)


@pytest.mark.parametrize(("characters", "fonts", "n", "words"), [
    ("AB", ["cmr10"], 2, "one character, one font and one map"),
    ("A", ["Comic Sans"], 1, "no font Comic Sans; there are: DejaVuSans"),
    ("é", ["cmr10"], 1, "printable ASCII"),
])
def test_what_cannot_be_drawn_is_refused(characters, fonts, n, words):
    with pytest.raises(ValueError, match=words):
        data.draw_glyphs(characters, fonts, still(n))


def test_glyphs_show_what_their_label_says():
    """The unwarped characters, as nearest neighbours, name most of the warped ones; chance is 10 %."""
    glyphs = data.glyphs(n_train=10, n_test=500, classes="ABCDEFGHKM")
    pairs = [(name, font) for name in glyphs.classes for font in data.GLYPH_FONTS]
    templates = data.draw_glyphs([name for name, _ in pairs], [font for _, font in pairs], still(len(pairs)))
    nearest = torch.cdist(glyphs.x_test.flatten(1), templates.flatten(1)).argmin(dim=1) // len(data.GLYPH_FONTS)
    assert (nearest == glyphs.y_test).float().mean() > 0.6


def test_each_font_draws_every_character_differently_and_inside_the_frame():
    for font in data.GLYPH_FONTS:
        drawn = torch.stack([_glyphs._template(font, name) for name in _glyphs.CLASSES])
        assert len({digest(image) for image in drawn}) == len(_glyphs.CLASSES), font
        assert drawn.flatten(1).mean(dim=1).min() > 0.01, font
        border = torch.cat([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]], dim=1)
        assert border.max() == 0, font


@pytest.mark.parametrize("classes", ["", "AA", ["AB"], "é", " ", "A\n"])
def test_glyphs_refuse_impossible_classes(classes):
    with pytest.raises(ValueError):
        data.glyphs(10, 10, classes=classes)


def test_glyphs_are_quick():
    """Ten thousand in some 1.2 s on one core; ten times that would mean that the warp is no longer vectorised."""
    start = time.perf_counter()
    data.glyphs(10_000, 100)
    assert time.perf_counter() - start < 15


# --- load


def test_load_by_name():
    assert repr(data.load("digits")) == repr(data.digits())
    assert len(data.load("glyphs", n_train=7, n_test=3).x_train) == 7
    with pytest.raises(ValueError, match="'cifar'; there are: digits, glyphs, mnist, fashion_mnist"):
        data.load("cifar")


# --- cache, mirror, network


def remote(server, content=CONTENT):
    return _fetch.RemoteFile(
        "set/file.gz", len(content), hashlib.sha256(content).hexdigest(), (server.url + "set/file.gz",)
    )


def put(folder, content):
    path = folder / "set" / "file.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_good_file_is_downloaded_once_and_then_cached(server, places, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert _fetch.read(remote(server)) == CONTENT
    assert files_in(places.cache) == ["set/file.gz"]
    assert (places.cache / "set/file.gz").read_bytes() == CONTENT
    bar = capsys.readouterr().err
    assert "file.gz" in bar and "100%" in bar
    assert _fetch.read(remote(server)) == CONTENT
    assert server.requests == ["/set/file.gz"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("cut off", "broke off|truncated"),
        ("short without a length", r"truncated \(256,000 of 512,000 bytes\)"),
        ("other content", "wrong content"),
        ("missing", "the server answered 404"),
    ],
)
def test_what_a_bad_server_sends_is_refused_and_not_kept(server, places, trouble, reason):
    server.trouble = trouble
    with pytest.raises(DataError, match=reason):
        _fetch.read(remote(server))
    assert files_in(places.cache) == []
    server.trouble = ""
    assert _fetch.read(remote(server)) == CONTENT


def test_a_longer_file_with_the_right_beginning_is_refused(server, places):
    server.files["/set/file.gz"] = CONTENT + b"more"
    with pytest.raises(DataError, match="wrong content"):
        _fetch.read(remote(server))
    assert files_in(places.cache) == []


def test_the_second_address_is_asked_when_the_first_fails(server, places):
    file = remote(server)
    file = replace(file, urls=(server.url + "nothing/file.gz", *file.urls))
    assert _fetch.read(file) == CONTENT
    assert server.requests == ["/nothing/file.gz", "/set/file.gz"]


def test_a_dead_server_is_reported_in_seconds(server, places):
    file = remote(server)
    server.shutdown()
    server.server_close()
    start = time.perf_counter()
    with pytest.raises(DataError, match="not reachable"):
        _fetch.read(file)
    assert time.perf_counter() - start < 3


def test_a_server_that_never_answers_is_given_up(server, places, monkeypatch):
    monkeypatch.setattr(_fetch, "REACH_SECONDS", 0.5)
    server.trouble = "silent"
    start = time.perf_counter()
    with pytest.raises(DataError, match="no answer in time"):
        _fetch.read(remote(server))
    assert time.perf_counter() - start < 3


def test_a_name_server_that_never_answers_is_given_up(places, monkeypatch):
    """No time limit of a request covers the look-up of the name."""
    import requests

    monkeypatch.setattr(_fetch, "REACH_SECONDS", 0.5)
    monkeypatch.setattr(requests, "head", lambda *args, **kwargs: time.sleep(20))
    start = time.perf_counter()
    with pytest.raises(DataError, match="no answer in time"):
        _fetch.read(_fetch.RemoteFile("set/file.gz", 1, "0" * 64, ("http://nowhere.example/file.gz",)))
    assert time.perf_counter() - start < 3


def test_a_download_that_stalls_is_given_up(server, places, monkeypatch):
    monkeypatch.setattr(_fetch, "STALL_SECONDS", 0.5)
    server.gate.clear()
    with pytest.raises(DataError, match=r"no answer in time|not reachable|broke off"):
        _fetch.read(remote(server))
    assert files_in(places.cache) == []


@pytest.mark.parametrize(("content", "reason"), [(CONTENT[:100], "truncated"), (bytes(len(CONTENT)), "wrong content")])
def test_a_bad_file_in_the_cache_is_deleted_and_replaced(server, places, capsys, content, reason):
    path = put(places.cache, content)
    assert _fetch.read(remote(server)) == CONTENT
    assert path.read_bytes() == CONTENT
    assert f"Deleted {path}: {reason}" in capsys.readouterr().out


def test_a_bad_file_in_the_cache_is_deleted_even_if_nothing_replaces_it(server, places):
    put(places.cache, b"half")
    server.trouble = "missing"
    with pytest.raises(DataError, match=r"truncated .*, now deleted"):
        _fetch.read(remote(server))
    assert files_in(places.cache) == []


def test_the_cache_goes_before_the_mirror_and_the_mirror_before_the_network(server, places):
    put(places.mirror, CONTENT)
    assert _fetch.read(remote(server)) == CONTENT
    assert server.requests == [] and not places.cache.exists()  # read in place, nothing copied
    other = b"also right" * 100
    put(places.cache, other)
    assert _fetch.read(remote(server, other)) == other


def test_the_mirror_is_never_written_to(server, places):
    path = put(places.mirror, bytes(len(CONTENT)))
    before = path.stat().st_mtime_ns
    assert _fetch.read(remote(server)) == CONTENT  # from the network
    assert files_in(places.mirror) == ["set/file.gz"]
    assert path.read_bytes() == bytes(len(CONTENT)) and path.stat().st_mtime_ns == before


def test_the_error_names_the_reason_of_every_place(server, places):
    put(places.mirror, b"half")
    server.trouble = "missing"
    with pytest.raises(DataError) as error:
        _fetch.read(remote(server))
    cache, mirror, network = str(error.value).splitlines()[1:]
    assert str(places.cache) in cache and "not there" in cache
    assert str(places.mirror) in mirror and "truncated" in mirror
    assert server.url in network and "404" in network


def test_a_cache_that_cannot_be_written_is_named(server, places):
    places.cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="set COURSE_DATA_DIR to a folder of yours"):
        _fetch.read(remote(server))


def test_parts_of_killed_downloads_are_swept_when_they_are_old(server, places):
    folder = places.cache / "set"
    folder.mkdir(parents=True)
    old, young = folder / ".file.gz-old.part", folder / ".file.gz-young.part"
    for part in (old, young):
        part.write_bytes(b"half")
    long_ago = time.time() - 2 * _fetch.ABANDONED_SECONDS
    os.utime(old, (long_ago, long_ago))
    _fetch.read(remote(server))
    assert files_in(places.cache) == ["set/.file.gz-young.part", "set/file.gz"]


FETCH = """
    import sys
    from course_utils.data import _fetch
    path, size, sha256, url = sys.argv[1:]
    content = _fetch.read(_fetch.RemoteFile(path, int(size), sha256, (url,)))
    print(len(content))
"""


def start_fetch(file):
    arguments = [file.path, str(file.size), file.sha256, *file.urls]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(FETCH), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_that_fetch_at_once_do_not_harm_each_other(server, places):
    server.gate.clear()
    processes = [start_fetch(remote(server)) for _ in range(2)]
    # Both are in the middle of the same file, and neither has given it its name.
    wait_for(lambda: len(server.requests) == 2)
    wait_for(lambda: len(list(places.cache.rglob("*.part"))) == 2)
    assert not (places.cache / "set/file.gz").exists()
    assert len(files_in(places.cache)) == 2
    server.gate.set()
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and out.strip() == str(len(CONTENT)), err
    assert files_in(places.cache) == ["set/file.gz"]
    assert (places.cache / "set/file.gz").read_bytes() == CONTENT


def test_a_killed_download_leaves_no_file_of_that_name(server, places):
    server.gate.clear()
    process = start_fetch(remote(server))
    wait_for(lambda: any(path.stat().st_size for path in places.cache.rglob("*.part")))
    process.kill()
    process.communicate(timeout=60)
    assert not (places.cache / "set/file.gz").exists()
    server.gate.set()
    assert _fetch.read(remote(server)) == CONTENT


# --- the sets that are downloaded


def idx(array):
    return gzip.compress(
        bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    )


@pytest.fixture
def tiny_mnist(server, places, monkeypatch):
    """A server that has a MNIST of 12 and 5 images, and a registry that knows it."""
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte.gz": rng.integers(256, size=(12, 28, 28), dtype=np.uint8),
        "train-labels-idx1-ubyte.gz": rng.integers(10, size=12, dtype=np.uint8),
        "t10k-images-idx3-ubyte.gz": rng.integers(256, size=(5, 28, 28), dtype=np.uint8),
        "t10k-labels-idx1-ubyte.gz": rng.integers(10, size=5, dtype=np.uint8),
    }
    contents = {name: idx(array) for name, array in arrays.items()}
    server.files = {f"/{name}": content for name, content in contents.items()}
    registry = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in contents.items()}
    monkeypatch.setitem(_mnist.FILES, "MNIST", registry)
    monkeypatch.setitem(_mnist.ADDRESSES, "MNIST", (server.url,))
    return SimpleNamespace(arrays=arrays, contents=contents, server=server, **vars(places))


def test_mnist_comes_from_the_network_into_the_cache(tiny_mnist):
    mnist = data.mnist()
    for part, x, y in (("train", mnist.x_train, mnist.y_train), ("t10k", mnist.x_test, mnist.y_test)):
        images = tiny_mnist.arrays[f"{part}-images-idx3-ubyte.gz"]
        np.testing.assert_array_equal((x * 255).round().squeeze(1), images)
        assert x.shape == (len(images), 1, 28, 28) and x.max() <= 1
        np.testing.assert_array_equal(y, tiny_mnist.arrays[f"{part}-labels-idx1-ubyte.gz"])
    assert mnist.classes == tuple("0123456789")
    assert files_in(tiny_mnist.cache) == sorted(f"MNIST/raw/{name}" for name in tiny_mnist.contents)


def test_torchvision_reads_the_same_cache(tiny_mnist, monkeypatch):
    mnist = data.mnist()
    from torchvision.datasets import MNIST

    def no_download(*args, **kwargs):
        raise AssertionError("torchvision wants to download what the cache has")

    md5 = [(name, hashlib.md5(content).hexdigest()) for name, content in tiny_mnist.contents.items()]
    monkeypatch.setattr(MNIST, "resources", md5)
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", no_download)
    theirs = MNIST(data.cache_folder(), train=True, download=True)
    assert torch.equal(theirs.data.unsqueeze(1) / 255, mnist.x_train)
    assert torch.equal(theirs.targets, mnist.y_train)


def test_without_any_place_the_error_names_the_embedded_sets(tiny_mnist):
    tiny_mnist.server.trouble = "missing"
    with pytest.raises(DataError, match=r"(?s)MNIST cannot be had.*data\.digits\(\).*data\.glyphs\(\).*fallback="):
        data.mnist()


@pytest.mark.parametrize("fallback", ["digits", "glyphs"])
def test_a_fallback_is_taken_only_if_needed_and_says_so(tiny_mnist, capsys, fallback):
    assert data.mnist(fallback=fallback).name == "mnist"
    assert capsys.readouterr().out == ""
    for path in tiny_mnist.cache.rglob("*.gz"):
        path.unlink()
    tiny_mnist.server.trouble = "missing"
    assert data.mnist(fallback=fallback).name == fallback
    out = capsys.readouterr().out
    assert "MNIST cannot be had" in out and f"Using instead, as allowed: ImageSet {fallback}" in out


def test_an_unknown_fallback_is_refused_even_if_it_is_not_needed(tiny_mnist):
    with pytest.raises(ValueError, match="fallback must be None, 'digits' or 'glyphs', not 'cifar'"):
        data.mnist(fallback="cifar")


def test_a_mirror_that_is_set_and_missing_is_an_error_whatever_else_works(tiny_mnist, monkeypatch):
    data.mnist()  # now the cache has it
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tiny_mnist.mirror / "nowhere"))
    for load in (data.mnist, lambda: data.mnist(fallback="digits")):
        with pytest.raises(DataError, match=r"COURSE_DATA_MIRROR is .*nowhere.* no such folder"):
            load()


@pytest.mark.parametrize("folder", ["MNIST", "FashionMNIST"])
def test_names_addresses_and_classes_are_those_of_torchvision(folder):
    from torchvision import datasets

    theirs = getattr(datasets, folder)
    files = _mnist.remote_files(folder)
    assert [Path(file.path).name for file in files] == [name for name, _ in theirs.resources]
    assert all(Path(file.path).parts[:2] == (folder, "raw") for file in files)
    for file, (name, _) in zip(files, theirs.resources, strict=True):
        assert set(file.urls) == {mirror + name for mirror in theirs.mirrors}  # their order changed with versions
    if folder == "FashionMNIST":
        assert list(_mnist.CLASSES[folder]) == theirs.classes


@needs_mirror
@pytest.mark.parametrize(("load", "folder"), [(data.mnist, "MNIST"), (data.fashion_mnist, "FashionMNIST")])
def test_the_real_files_equal_what_torchvision_reads(load, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    images = load()
    check_shape(images, side=28, classes=10)
    assert (len(images.x_train), len(images.x_test)) == (60_000, 10_000)
    assert not (tmp_path / "cache").exists()
    from torchvision import datasets

    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    for name in _mnist.FILES[folder]:
        packed = Path(os.environ["COURSE_DATA_MIRROR"], folder, "raw", name).read_bytes()
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(packed))
    for train, x, y in ((True, images.x_train, images.y_train), (False, images.x_test, images.y_test)):
        theirs = getattr(datasets, folder)(tmp_path, train=train)
        assert torch.equal(x, theirs.data.unsqueeze(1) / 255)
        assert torch.equal(y, theirs.targets)


def test_the_courses_own_analogies_need_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    groups = data.analogies("docstrings").groups
    known = groups.pop("known before")
    assert len(known) == 8 and ("sin", "cos", "sinh", "cosh") in known
    asked = [question for questions in groups.values() for question in questions]
    assert len(asked) == len(set(asked)) == 105 and not set(asked) & set(known)
    assert all(len({*question}) == 4 and all(word.isidentifier() for word in question) for question in asked)
