import hashlib
import io
import os
import re
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils import data
from course_utils.data import DataError, _corpora, _docstring_worker, _docstrings, _stdlib
from tests.course_utils.conftest import files_in, wait_for

needs_mirror = pytest.mark.skipif(
    not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set: no copy of the texts to read"
)


def text(content):
    return data.Text("small", content, "nowhere")


# --- the shapes


@pytest.mark.parametrize("content", ["", "a", "hello\n", "naïve \U0001f642\tß\n", "\x00\U0010ffff\ud800"])
def test_characters_are_numbered_in_the_order_of_their_code_points(content):
    ids, alphabet = text(content).characters()
    assert ids.dtype == torch.int64 and ids.shape == (len(content),)
    assert alphabet == "".join(sorted(set(content)))
    assert "".join(alphabet[i] for i in ids) == content


def test_words_and_sentences():
    small = text("A cat, he said.\n\n  the  mat \n")
    assert small.words() == ["A", "cat,", "he", "said.", "the", "mat"]
    assert small.sentences() == [["A", "cat,", "he", "said."], ["the", "mat"]]


def test_each_shape_says_in_one_line_what_it_is():
    labels = torch.tensor([0, 1, 1])
    assert repr(text("abc")) == "Text small: 3 characters, from nowhere"
    sentences = data.Sentences("s", ("a", "b", "c"), labels, ("bad", "good"), "nowhere")
    assert repr(sentences) == "Sentences s: 1 bad, 2 good, from nowhere"
    assert repr(data.WordPairs("p", (("a", "b", 1.0),), "nowhere")) == "WordPairs p: 1 pairs, from nowhere"
    analogies = data.Analogies("q", {"g": [("a", "b", "c", "d")] * 2, "h": []}, "nowhere")
    assert repr(analogies) == "Analogies q: 2 questions in 2 groups, from nowhere"
    vectors = data.WordVectors("v", ("a",), torch.zeros(1, 5))
    assert repr(vectors) == "WordVectors v: 1 words in 5 dimensions"


def test_a_text_cannot_be_changed():
    with pytest.raises(AttributeError):
        text("abc").text = "other"


# --- the standard library


def test_stdlib_is_python_in_ascii_and_the_same_every_time():
    first = data.stdlib()
    assert first.text == data.stdlib().text
    ids, alphabet = first.characters()
    assert alphabet == "\n" + "".join(map(chr, range(32, 127))) and len(ids) == len(first.text)
    assert 6e6 < len(first.text) < 15e6
    assert "class OrderedDict(dict):" in first.text and "def fromkeys(" in first.text
    assert "unittest.main()" in first.text and "import test_" not in first.text
    assert first.source == f"the standard library of Python {sys.version.split()[0]}"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A standard library of our own: `library(name=content)` writes files, and a dot in a name is a folder."""
    root = tmp_path / "lib"
    root.mkdir()
    monkeypatch.setattr(_stdlib.sysconfig, "get_path", lambda name: str(root))
    monkeypatch.setattr(_stdlib, "AT_LEAST", 1)

    def write(path, content):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def test_stdlib_takes_files_in_the_order_of_their_paths_and_leaves_out_tests_and_installed_packages(library):
    for path in ("b.py", "a/z.py", "c.txt", "a.py", "B.py", "a/a.py"):
        library(path, f"# {path}\n")
    for path in ("test/t.py", "x/tests/t.py", "site-packages/p/p.py", "idlelib/i.py", "encodings/e.py", "config-3/c.py"):
        library(path, "# left out\n")
    assert data.stdlib().text == "# B.py\n\n# a/a.py\n\n# a/z.py\n\n# a.py\n\n# b.py\n"


def test_stdlib_has_no_tabs_form_feeds_or_lines_beyond_ascii(library):
    library("a.py", "if x:\n\ty = 1\n\f\n# naïve\nz = 2\r\n")
    assert data.stdlib().text == "if x:\n        y = 1\n\nz = 2\n"


def test_stdlib_that_is_not_there_as_source_is_one_clear_error(library):
    with pytest.raises(DataError, match=r"not in .*lib .*as a zip or without its \.py files.*data\.docstrings\(\)"):
        data.stdlib()


def test_stdlib_with_a_file_that_cannot_be_decoded_names_it(library):
    library("good.py", "x = 1\n")
    library("bad.py", b"x = '\xff'\n")
    with pytest.raises(DataError, match=r"bad\.py of Python's standard library cannot be read.*data\.docstrings\(\)"):
        data.stdlib()


# --- docstrings: what one file says


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('"""The Module."""\n', "the module\n"),
        ('class A:\n    """Of class."""\n    def f(self):\n        """Of method."""\n', "of class\nof method\n"),
        ('async def f():\n    """One two."""\n    def g():\n        """Three four."""\n', "one two\nthree four\n"),
        ('if True:\n    def f():\n        """In a branch."""\nelse:\n    def f():\n        """Or this."""\n', "in a branch\nor this\n"),
        ('try:\n    def f():\n        """In a try."""\nexcept E:\n    pass\n', "in a try\n"),
        ('add_newdoc("np", "f", """\n    Sum of\n    elements.\n    """)\n', "sum of elements\n"),
        ('add_docstr(torch.f, r"""\nabs of {x}\n""".format(**c) + """\nand more\n""")\n', "abs of x\nand more\n"),
        ('"""Two paragraphs,\nthe first.\n\nThe second: x_1, n_jobs=3.\n"""\n', "two paragraphs the first\nthe second x_1 n_jobs\n"),
        ('"""Add it.\n\n>>> f(1)\nout put\n\nThe end.\n"""\n', "add it\nthe end\n"),
        ('"""Add it.\n>>> f(1)\nout put\n\nThe end.\n"""\n', "add it\nthe end\n"),
        ('x = """No documentation."""\n', ""),
        ('def f():\n    return """Nor this."""\n', ""),
        ('def f(:\n    """A template."""\n', ""),
        ('"""A 2d float32, log10(x1) in __init__ of _Private-Case."""\n', "a float32 log10 x1 in of case\n"),
        ('"""single"""\n', ""),
        ("# no strings at all\n", ""),
        ('"""Bad \\escape here."""\n', "bad escape here\n"),
        ('b"""Bytes are none."""\n', ""),
        ('"""Null \0 byte."""\n', ""),
    ],
)
def test_the_words_of_a_file(source, words, recwarn):
    assert _docstring_worker.words_of(source) == words
    assert not recwarn.list


def test_a_file_that_cannot_be_read_has_no_words(tmp_path):
    (tmp_path / "bad.py").write_bytes(b'"""\xff in it"""')
    assert _docstring_worker.read(str(tmp_path / "bad.py")) == ""
    assert _docstring_worker.read(str(tmp_path / "none.py")) == ""


# --- docstrings: packages, cache


@pytest.fixture
def packages(tmp_path, monkeypatch, places):
    """Two small installed packages in place of the real ones, and no standard library."""
    site = tmp_path / "site"

    def install(name, version, **files):
        for file, content in files.items():
            path = site / name / (file.replace(".", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'"""{content}"""\n')
        for old in site.glob(f"{name}-*.dist-info"):
            (old / "METADATA").unlink()
            old.rmdir()
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    install("courseone", "1.0", **{"__init__": "First of all.", "b": "Number two.", "a.z": "Far end.", "tests.t": "Not me."})
    install("coursetwo", "2.5", **{"__init__": "The other one.", "_vendor.v": "A copy of others."})
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(_docstrings, "PACKAGES", {"courseone": "courseone", "nopackage": "nopackage", "coursetwo": "coursetwo"})
    monkeypatch.setattr(_docstrings, "source_files", lambda root: [])
    monkeypatch.setattr(_docstrings, "AT_LEAST", 1)
    return SimpleNamespace(install=install, site=site, **vars(places))


SMALL = "first of all\nfar end\nnumber two\nthe other one\n"


def kept(packages):
    (path,) = (packages.cache / "docstrings").iterdir()
    return path


def test_docstrings_read_what_is_installed_file_by_file(packages):
    corpus = data.docstrings()
    assert corpus.text == SMALL
    assert corpus.source.endswith(", courseone 1.0, coursetwo 2.5")
    assert corpus.sentences()[-1] == ["the", "other", "one"]
    assert "courseone" not in sys.modules  # read, not imported


def test_docstrings_of_named_packages_only(packages):
    assert data.docstrings(["coursetwo"]).text == "the other one\n"
    assert data.docstrings(["coursetwo", "courseone"]).text == "the other one\nfirst of all\nfar end\nnumber two\n"
    with pytest.raises(DataError, match="The package 'nopackage' is not installed"):
        data.docstrings(["courseone", "nopackage"])


def test_docstrings_are_read_once(packages, monkeypatch):
    data.docstrings()
    monkeypatch.setattr(_docstrings, "_read", lambda folders: pytest.fail("read again"))
    assert data.docstrings().text == SMALL
    assert len(files_in(packages.cache)) == 1


def test_another_version_of_a_package_is_read_anew(packages):
    data.docstrings()
    packages.install("courseone", "1.1", b="Number three.")
    assert data.docstrings().text == SMALL.replace("two", "three")
    packages.install("courseone", "1.0")
    assert data.docstrings().text == SMALL  # as it was kept


@pytest.mark.parametrize("key", ["python", "recipe"])
def test_another_python_or_recipe_is_read_anew(packages, monkeypatch, key):
    data.docstrings()
    packages.install("courseone", "1.0", b="Number three.")
    assert data.docstrings().text == SMALL
    if key == "python":
        monkeypatch.setattr(_docstrings.platform, "python_version", lambda: "3.99.0")
    else:
        monkeypatch.setattr(_docstrings, "LEFT_OUT", {"tests", "_vendor", "more"})
    assert data.docstrings().text == SMALL.replace("two", "three")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-5],
        lambda content: content + b"more\n",
        lambda content: content.replace(b"far", b"fax"),
        lambda content: content.partition(b"\n")[2],
    ],
)
def test_a_broken_file_in_the_cache_is_read_anew_and_replaced(packages, damage):
    data.docstrings()
    path = kept(packages)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    assert data.docstrings().text == SMALL
    assert path.read_bytes() == whole and kept(packages) == path


def test_a_cache_that_cannot_be_written_costs_only_time(packages):
    packages.cache.write_text("a file where the folder should be")
    assert data.docstrings().text == SMALL


def test_nothing_to_read_is_one_clear_error_and_nothing_is_kept(packages, monkeypatch):
    monkeypatch.setattr(_docstrings, "AT_LEAST", 1000)
    with pytest.raises(DataError, match=r"without the source that documents them\. Use data\.stdlib\(\)"):
        data.docstrings()
    assert not packages.cache.exists()


def many_files(site, n):
    for i in range(n):
        (site / "courseone" / f"m{i:03}.py").write_text(f'"""Number {"abcdefghij"[i % 10]} é {i}."""\n')


@pytest.mark.parametrize("processes", [1, 3])
def test_any_number_of_processes_reads_the_same(packages, monkeypatch, processes):
    many_files(packages.site, 450)
    monkeypatch.setattr(_docstrings.os, "sched_getaffinity", lambda pid: range(processes), raising=False)
    read = data.docstrings().text
    assert read.splitlines()[3:7] == ["number a", "number b", "number c", "number d"] and len(read.splitlines()) == 454


@pytest.mark.parametrize("trouble", ["no such program", "it fails", "it says something else"])
def test_where_no_process_can_be_started_the_files_are_read_here(packages, monkeypatch, tmp_path, trouble):
    program = tmp_path / "program"
    if trouble != "no such program":
        program.write_text("#!/bin/sh\n" + ("exit 3\n" if trouble == "it fails" else "echo hello\n"))
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert data.docstrings().text == SMALL


TWO = """
    import sys, time
    from pathlib import Path
    from course_utils import data
    from course_utils.data import _docstrings
    sys.path.insert(0, sys.argv[1])
    _docstrings.PACKAGES = {"courseone": "courseone", "coursetwo": "coursetwo"}
    _docstrings.source_files = lambda root: []
    _docstrings.AT_LEAST = 1
    read = _docstrings._read
    def wait_for_the_other(folders):
        text = read(folders)
        Path(sys.argv[2]).touch()
        while not Path(sys.argv[3]).exists():
            time.sleep(0.01)
        return text
    _docstrings._read = wait_for_the_other
    print(len(data.docstrings().text))
"""


def test_two_processes_that_read_at_once_do_not_harm_each_other(packages, tmp_path):
    marks = [str(tmp_path / "one"), str(tmp_path / "two")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(TWO), str(packages.site), *order],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for order in (marks, marks[::-1])
    ]
    wait_for(lambda: all(process.poll() is not None for process in processes), seconds=120)
    for process in processes:
        out, err = process.communicate()
        assert out.strip() == str(len(SMALL)), err
    assert data.docstrings().text == SMALL
    assert len(files_in(packages.cache)) == 1


# --- docstrings: the real ones, read once

ANALOGIES = """min max argmin argmax, row rows column columns, sin cos sinh cosh, left right lower upper,
    first last start end, minimum maximum smallest largest, read write load save, x y width height"""


def vectors(corpus, count=20, window=2, power=0.75, dimensions=100):
    """PPMI and SVD: words as a dict from word to row, and the vectors, normalised."""
    from scipy.sparse import coo_matrix, csr_matrix
    from sklearn.utils.extmath import randomized_svd

    words = [word for sentence in corpus.sentences() for word in (*sentence, "\n")]
    vocabulary, ids, counts = np.unique(words, return_inverse=True, return_counts=True)
    paragraph = np.cumsum(vocabulary[ids] == "\n")
    frequent = (counts >= count) & (vocabulary != "\n")
    ids, paragraph = (np.cumsum(frequent) - 1)[ids[frequent[ids]]], paragraph[frequent[ids]]
    pairs = csr_matrix((frequent.sum(),) * 2)
    for distance in range(1, window + 1):
        same = paragraph[distance:] == paragraph[:-distance]
        weight = np.full(same.sum(), 1 / distance)
        pairs += coo_matrix((weight, (ids[:-distance][same], ids[distance:][same])), shape=pairs.shape).tocsr()
    pairs = (pairs + pairs.T).tocoo()
    times = np.asarray(pairs.sum(axis=1)).ravel()
    context = times**power / (times**power).sum()
    value = np.maximum(np.log(pairs.data / (times[pairs.row] * context[pairs.col])), 0)
    u, s, _ = randomized_svd(csr_matrix((value, (pairs.row, pairs.col)), shape=pairs.shape), dimensions, random_state=0)
    rows = u * s
    return {word: i for i, word in enumerate(vocabulary[frequent])}, rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.timeout(600)
def test_the_real_docstrings_solve_the_analogies_that_the_course_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    corpus = data.docstrings()
    assert len(corpus.words()) > 1_500_000
    assert re.fullmatch(r"[a-z0-9_ \n]+", corpus.text) and "  " not in corpus.text and " \n" not in corpus.text
    start = time.perf_counter()
    assert data.docstrings().text == corpus.text
    assert time.perf_counter() - start < 3  # from the cache: 0.05 s

    index, rows = vectors(corpus)
    solved = []
    for analogy in ANALOGIES.replace("\n", " ").split(","):
        a, b, c, d = (index[word] for word in analogy.split())
        closeness = rows @ (rows[b] - rows[a] + rows[c])
        closeness[[a, b, c]] = -np.inf
        solved.append(closeness.argmax() == d)
    assert sum(solved) >= 7, solved  # all 8 with the packages of the year 2026


# --- the registry


def test_every_file_of_the_registry_has_an_address_with_a_fixed_version_or_says_that_it_has_none():
    for path in _corpora.FILES:
        file = _corpora.remote_file(path)
        assert file.path == path and re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 500
        if path in ("text/linux_kernel_c.txt", "text/wikipedia_en_sample.txt.gz"):
            assert file.urls == ()
        else:
            fixed = r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/"
            assert re.match(r"https://nlp\.stanford\.edu/" if "glove" in path else fixed, file.urls[0])
            assert path in _corpora.ADDRESSES or all(url.endswith("/" + Path(path).name) for url in file.urls)


def test_load_knows_every_set_by_the_name_of_its_function():
    for name, function in data.SETS.items():
        assert getattr(data, name) is function and name in data.__all__
    assert data.load("stdlib").text == data.stdlib().text
    with pytest.raises(ValueError, match="'elmo'; there are: digits, .*, stdlib, docstrings, tinyshakespeare, .*similarity"):
        data.load("elmo")


@pytest.mark.parametrize(
    "call",
    [
        lambda: data.wikitext2("dev"),
        lambda: data.analogies("word"),
        lambda: data.similarity("ws"),
        lambda: data.tinyshakespeare(fallback="digits"),
    ],
)
def test_a_choice_that_there_is_not_names_those_that_there_are(places, call):
    with pytest.raises(ValueError, match=r"must be (one of|None, )'?.*, not '"):
        call()


@pytest.fixture
def registry(server, places, monkeypatch):
    """`registry(path, content, upstream)` puts a file on the server, and its size and hash into the registry."""

    def put(path, content, upstream=None):
        server.files["/" + path] = content if upstream is None else upstream
        monkeypatch.setitem(_corpora.FILES, path, (len(content), hashlib.sha256(content).hexdigest()))
        monkeypatch.setitem(_corpora.ADDRESSES, path, (server.url + path,))

    return put


PLAY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 50


def test_a_text_comes_from_the_network_into_the_cache(server, places, registry):
    registry("text/tinyshakespeare.txt", PLAY)
    for _ in range(2):
        assert data.tinyshakespeare().text == PLAY.decode()
    assert files_in(places.cache) == ["text/tinyshakespeare.txt"]
    assert server.requests == ["/text/tinyshakespeare.txt"]


def test_the_second_address_is_asked_where_the_first_fails(server, places, registry, monkeypatch):
    registry("text/tinyshakespeare.txt", PLAY)
    good = _corpora.ADDRESSES["text/tinyshakespeare.txt"]
    monkeypatch.setitem(_corpora.ADDRESSES, "text/tinyshakespeare.txt", (server.url + "gone.txt", *good))
    assert data.tinyshakespeare().text == PLAY.decode()


@pytest.mark.parametrize("trouble", ["missing", "cut off", "short without a length", "other content"])
def test_a_text_that_arrives_wrong_is_refused_and_leaves_nothing(server, places, registry, trouble):
    registry("text/tinyshakespeare.txt", PLAY)
    server.trouble = trouble
    with pytest.raises(DataError, match=r"(?s)tinyshakespeare cannot be had.*Use data\.stdlib\(\) or data\.docstrings\(\)"):
        data.tinyshakespeare()
    assert files_in(places.cache) == []


def test_war_and_peace_is_converted_and_only_then_compared(server, places, registry):
    plain = "“Well, Prince,\nso Genoa\n".encode() * 100
    registry("text/war_and_peace.txt", plain, b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r"))
    assert data.war_and_peace().text == plain.decode()
    assert (places.cache / "text/war_and_peace.txt").read_bytes() == plain
    (places.cache / "text/war_and_peace.txt").unlink()
    server.files["/text/war_and_peace.txt"] += b"\r"
    with pytest.raises(DataError, match="wrong content"):
        data.war_and_peace()
    assert files_in(places.cache) == []


GLOVE = b"the 0.5 1.5\nqueen -1 2\n" * 1000


def archive(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"glove.6B.{name}.txt", content)
    return packed.getvalue()


def test_glove_is_taken_out_of_its_archive_and_kept_alone(server, places, registry):
    registry("glove/glove.6B.100d.txt", GLOVE, archive(**{"50d": b"x 1\n", "100d": GLOVE}))
    for _ in range(2):
        vectors = data.glove()
        assert vectors.words == ("the", "queen") and vectors["queen"].tolist() == [-1, 2]
    assert data.glove(limit=1).words == ("the",)
    assert files_in(places.cache) == ["glove/glove.6B.100d.txt"] and len(server.requests) == 1
    assert (places.cache / "glove/glove.6B.100d.txt").read_bytes() == GLOVE


@pytest.mark.parametrize(
    "upstream",
    [
        GLOVE,
        archive(**{"50d": GLOVE}),
        archive(**{"100d": GLOVE + b"more 1 2\n"}),
        archive(**{"100d": GLOVE})[:-30],
        archive(**{"100d": GLOVE}).replace(b"\x03", b"\x04"),
    ],
    ids=["not an archive", "without the file", "with another file", "cut off", "damaged"],
)
def test_a_wrong_archive_is_refused_and_leaves_nothing(places, registry, upstream):
    registry("glove/glove.6B.100d.txt", GLOVE, upstream)
    with pytest.raises(DataError, match=r"(?s)glove cannot be had.*wrong content.*data\.docstrings\(\)"):
        data.glove()
    assert files_in(places.cache) == []


@pytest.mark.parametrize("load", [data.linux_c, data.wikipedia])
def test_what_has_no_address_says_so(places, load):
    with pytest.raises(DataError, match=r"network: no address has this file, which was put together") as error:
        load()
    assert "Use data.stdlib()" in str(error.value)


@pytest.mark.parametrize(
    ("load", "path"),
    [
        (data.rt_polarity, "text/rt-polarity/rt-polarity.neg"),
        (data.analogies, "wordsim/questions-words.txt"),
        (data.similarity, "wordsim/EN-WS-353-ALL.txt"),
    ],
)
def test_what_nothing_replaces_says_so(server, places, registry, load, path):
    registry(path, b"something else")
    server.trouble = "missing"
    with pytest.raises(DataError, match=r"(?s)cannot be had.*404.*Nothing that ships with the course replaces them"):
        load()


def test_a_fallback_is_taken_only_if_needed_and_says_so(server, places, registry, capsys, monkeypatch):
    monkeypatch.setitem(_corpora.FALLBACKS, "docstrings", lambda: data.Text("docstrings", "min max", "here"))
    registry("text/tinyshakespeare.txt", PLAY)
    assert data.tinyshakespeare(fallback="docstrings").name == "tinyshakespeare"
    assert capsys.readouterr().out == ""
    (places.cache / "text/tinyshakespeare.txt").unlink()
    server.trouble = "missing"
    assert data.load("tinyshakespeare", fallback="docstrings").text == "min max"
    out = capsys.readouterr().out
    assert out.startswith("tinyshakespeare cannot be had.") and "404" in out
    assert out.endswith("\nUsing instead, as allowed: Text docstrings: 7 characters, from here\n")
    assert "Use data." not in out


def test_a_mirror_that_is_set_and_missing_is_an_error_whatever_else_works(places, registry, monkeypatch):
    registry("text/tinyshakespeare.txt", PLAY)
    data.tinyshakespeare()  # now the cache has it
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(places.mirror / "nowhere"))
    for load in (data.tinyshakespeare, lambda: data.tinyshakespeare(fallback="stdlib"), data.rt_polarity, data.analogies):
        with pytest.raises(DataError, match=r"COURSE_DATA_MIRROR is .*nowhere.* no such folder"):
            load()


def test_sentences_keep_their_labels(places, registry):
    registry("text/rt-polarity/rt-polarity.neg", "bad . \nso dull\x85that \n".encode())
    registry("text/rt-polarity/rt-polarity.pos", b"good . \n")
    reviews = data.rt_polarity()
    assert reviews.sentences == ("bad .", "so dull\x85that", "good .")
    assert reviews.labels.tolist() == [0, 0, 1] and reviews.classes == ("negative", "positive")


# --- the real files


@needs_mirror
@pytest.mark.parametrize(
    ("load", "characters", "alphabet"),
    [
        (data.tinyshakespeare, 1_115_394, 65),
        (data.war_and_peace, 3_196_214, 82),
        (data.linux_c, 3_114_782, None),
        (data.wikipedia, None, None),
    ],
)
def test_the_real_texts(load, characters, alphabet, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    corpus = load()
    ids, found = corpus.characters()
    assert characters in (None, len(ids)) and alphabet in (None, len(found))
    assert not (tmp_path / "cache").exists()
    if load is data.wikipedia:
        assert sum(line.startswith("= ") and line.endswith(" =") for line in corpus.text.split("\n")) >= 6_923
        assert 3.0e6 < len(re.findall(r"[^\W\d_]+", corpus.text)) < 3.3e6


@needs_mirror
def test_the_real_wikitext():
    parts = [data.wikitext2(part) for part in _corpora.WIKITEXT_PARTS]
    lines = [part.text.count("\n") for part in parts]
    assert [len(part.words()) + n for part, n in zip(parts, lines, strict=True)] == [2_088_628, 217_646, 245_569]
    assert len({word for part in parts for word in part.words()}) + 1 == 33_278


@needs_mirror
def test_the_real_sentences_questions_and_pairs():
    reviews = data.rt_polarity()
    assert torch.bincount(reviews.labels).tolist() == [5331, 5331] == [len(reviews.sentences) // 2] * 2
    assert reviews.sentences[0].startswith("simplistic , silly and tedious")
    questions = data.analogies()
    assert (len(questions), len(questions.groups)) == (19_544, 14)
    assert questions.groups["family"][0] == ("boy", "girl", "brother", "sister")
    assert (len(data.analogies("phrases")), len(data.analogies("phrases").groups)) == (3_218, 5)
    sizes = {name: len(data.similarity(name).pairs) for name in _corpora.SIMILARITIES}
    assert sizes == {
        **{"ws353": 353, "ws353-sim": 203, "ws353-rel": 252, "simlex999": 999, "rg65": 65, "mc30": 30, "men": 3000},
        **{"mturk287": 287, "mturk771": 771, "rw": 2034, "simverb3500": 3500, "verb143": 144, "yp130": 130},
    }
    assert ("tiger", "tiger", 10.0) in data.similarity("ws353").pairs


# --- vectors from a file


def vector_file(folder, content):
    path = folder / "glove.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_word_vectors_are_read(tmp_path):
    read = data.word_vectors(vector_file(tmp_path, "the 0.5 -1 2e-3\nqueen 1 2 3\n. . . 4 5 6\nthe 9 9 9\n"))
    assert read.name == "glove.txt" and read.words == ("the", "queen", ". . .")
    assert read.vectors.dtype == torch.float32
    torch.testing.assert_close(read.vectors, torch.tensor([[0.5, -1, 2e-3], [1, 2, 3], [4, 5, 6]]))
    assert torch.equal(read["queen"], read.vectors[1]) and read.index["queen"] == 1
    with pytest.raises(KeyError):
        read["king"]


def test_word_vectors_of_the_first_lines_only(tmp_path):
    path = vector_file(tmp_path, "a 1 2\nb 3 4\nc five 6\n")
    assert data.word_vectors(path, limit=2).words == ("a", "b")
    assert data.word_vectors(str(path), limit=1).words == ("a",)


def test_the_header_of_word2vec_is_left_out(tmp_path):
    assert data.word_vectors(vector_file(tmp_path, "2 3\r\na 1 2 3\r\nb 4 5 6\r\n")).words == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 2\nb 3 x4\n", r"line 2: '3 x4' are not 2 numbers"),
        ("a 1 2\nb 3\n", r"line 2: 2 fields, where a word and 2 numbers are expected"),
        ("a 1 2\n\nc 3 4\n", r"line 2: 1 fields"),
        ("a\n", r"line 1: 1 fields, where a word and 1 numbers"),
        ("a 1 2\nb 3 nan\n", r"line 2: a number that is not finite"),
        ("a 1 2\nb 3 1e99\n", r"line 2: a number that is not finite"),
        (b"a 1 2\n\xff 3 4\n", r"line 2: not UTF-8"),
        ("", r"glove.txt has no vectors"),
        ("2 3\n", r"glove.txt has no vectors"),
    ],
)
def test_a_malformed_file_of_vectors_is_one_error_with_the_line(tmp_path, content, message, recwarn):
    with pytest.raises(DataError, match=r"glove\.txt.*" + message if "line" in message else message):
        data.word_vectors(vector_file(tmp_path, content))
    assert not recwarn.list


def test_a_missing_file_of_vectors_says_where_to_get_one(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt cannot be read.*data\.docstrings\(\).*nlp\.stanford\.edu"):
        data.word_vectors(tmp_path / "none.txt")
