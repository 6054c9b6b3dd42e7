"""Texts, labelled sentences, analogies and word similarities that are downloaded once, or read from a mirror."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from . import _fetch
from ._docstrings import docstrings
from ._fetch import DataError, RemoteFile
from ._stdlib import stdlib
from ._text import Analogies, Sentences, Text, WordPairs, WordVectors
from ._word_vectors import parsed_vectors

# Size in bytes and SHA-256 of each file, by its path below the cache and the mirror.
FILES = {
    "text/tinyshakespeare.txt": (1_115_394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),
    "text/war_and_peace.txt": (3_196_231, "e9d70cc7d26da7bb53c09a90844647f75cd2ef081b6aa358290a8cf7184d889b"),
    "text/linux_kernel_c.txt": (3_114_782, "9033d23949f04b7a9f059676f4f389c9014333319fb32b0cbefb0dfae394d95a"),
    "text/wikipedia_en_sample.txt.gz": (7_212_160, "0cc4f202118337911a0cd591767c40652824f044ca1057b4aa8fe436e44522d7"),
    "text/wikitext-2/train.txt": (10_797_148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
    "text/wikitext-2/valid.txt": (1_121_681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
    "text/wikitext-2/test.txt": (1_256_449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
    "text/rt-polarity/rt-polarity.neg": (612_506, "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd"),
    "text/rt-polarity/rt-polarity.pos": (626_395, "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58"),
    "wordsim/questions-words.txt": (603_955, "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36"),
    "wordsim/questions-phrases.txt": (168_209, "55cfc0894d0fe6cf974d106da3e09b5fb2fa6125b6ddc633d06e298dc5aa7901"),
    "wordsim/EN-WS-353-ALL.txt": (7_405, "ce12919b240af45bdf46d243601eaca2b6212b159b5e7e9b435ee7ee40c5619c"),
    "wordsim/EN-WS-353-SIM.txt": (4_002, "f1da938998863c94e53f72f984a5c6e215f0b46c323aae8f0f4930703a339107"),
    "wordsim/EN-WS-353-REL.txt": (5_134, "66a7c88100624d0a391605ff61ce84e11d11ee620d51ec0298da49592838f8fa"),
    "wordsim/EN-SIMLEX-999.txt": (18_024, "405394ffb7d25f6d0e3c041f87c9f27d29dc6b047506769953e85c4523b11685"),
    "wordsim/EN-RG-65.txt": (1_210, "c243f3a91c3f5d8cf67f21a67f6fb80bde8b6bb060851a6a48e6f2d68ec98c9f"),
    "wordsim/EN-MC-30.txt": (543, "33ee05911496ff83d95cac351d0746c6f63b9181b605cb7d307f4daa8864511b"),
    "wordsim/EN-MEN-TR-3k.txt": (53_593, "888b13580faa362c7b11da0a670258cf1b1eb4bf0ecbcd418918729a3bd3f43a"),
    "wordsim/EN-MTurk-287.txt": (7_218, "a9ae3a9decb75a9700fe0cf18b048c1344774d9f40e0196baf8e34d4cd9d1ce5"),
    "wordsim/EN-MTurk-771.txt": (19_628, "04dc297c9e86b6fa7cf8ef0e4ba2e2c8d3399ec68d92fb7a53c0b4aae27198b5"),
    "wordsim/EN-RW-STANFORD.txt": (49_851, "5108d54dfc746f44f9c3d7e31d2857c37cf71430bc1594175a61a3b89bb0ae1f"),
    "wordsim/EN-SimVerb-3500.txt": (65_315, "9d84274e7ad029fd3cf69dd0516e9ade624bbef9bd4e2050f6cc1fa01471e0f5"),
    "wordsim/EN-VERB-143.txt": (3_320, "7259e19961c81912aa4c72de0102e480b2ad2bb9f4ce97d036fbde8e1a403001"),
    "wordsim/EN-YP-130.txt": (2_614, "7643fdbc6158c3424061e2cba450c71285767266ff9f3db947bfc1f1f5ce67ab"),
    "glove/glove.6B.100d.txt": (347_116_733, "95dde4dfd627ab26608d33e76d1195ec059734bd29089ea52cadb08d07c64544"),
}

GITHUB = "https://raw.githubusercontent.com/"
# Folders upstream by the beginning of the path here, a fixed version before the newest one. What has none is in no
# single place: it was put together from several sources.
FOLDERS: dict[str, tuple[str, ...]] = {
    "text/linux_kernel_c.txt": (),
    "text/wikipedia_en_sample.txt.gz": (),
    "text/wikitext-2/": (
        f"{GITHUB}pytorch/examples/37ce9402ff0cae48d764d7788810fd2ed8238b25/word_language_model/data/wikitext-2/",
        f"{GITHUB}pytorch/examples/main/word_language_model/data/wikitext-2/",
    ),
    "text/rt-polarity/": (
        f"{GITHUB}dennybritz/cnn-text-classification-tf/a0d0e9742b3dc42194955e78858f7be93027c75e/data/rt-polaritydata/",
        f"{GITHUB}dennybritz/cnn-text-classification-tf/master/data/rt-polaritydata/",
    ),
    "wordsim/questions-": (
        f"{GITHUB}tmikolov/word2vec/20c129af10659f7c50e86e3be406df663beff438/",
        f"{GITHUB}tmikolov/word2vec/master/",
    ),
    "wordsim/EN-": (
        f"{GITHUB}mfaruqui/eval-word-vectors/94b3dd9fdbac7ed08dbee7179cd5ee464acf0594/data/word-sim/",
        f"{GITHUB}mfaruqui/eval-word-vectors/master/data/word-sim/",
    ),
}
# The whole addresses of files that have another name upstream.
ADDRESSES: dict[str, tuple[str, ...]] = {
    "text/tinyshakespeare.txt": (
        f"{GITHUB}karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        f"{GITHUB}karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
    "text/war_and_peace.txt": (
        f"{GITHUB}ThingsOfBeam/Corpus/9aad26592097f5ac852cb11b60bf250f01a39fca/warpeace_input.txt",
    ),
    "glove/glove.6B.100d.txt": (
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip",
    ),
}

WIKITEXT_PARTS = ("train", "valid", "test")
QUESTIONS = ("words", "phrases", "docstrings")
SIMILARITIES = {
    "ws353": "EN-WS-353-ALL.txt",
    "ws353-sim": "EN-WS-353-SIM.txt",
    "ws353-rel": "EN-WS-353-REL.txt",
    "simlex999": "EN-SIMLEX-999.txt",
    "rg65": "EN-RG-65.txt",
    "mc30": "EN-MC-30.txt",
    "men": "EN-MEN-TR-3k.txt",
    "mturk287": "EN-MTurk-287.txt",
    "mturk771": "EN-MTurk-771.txt",
    "rw": "EN-RW-STANFORD.txt",
    "simverb3500": "EN-SimVerb-3500.txt",
    "verb143": "EN-VERB-143.txt",
    "yp130": "EN-YP-130.txt",
}
FALLBACKS: dict[str, Callable[[], Text]] = {"stdlib": stdlib, "docstrings": docstrings}
NO_SENTENCES = "Nothing that ships with the course replaces them: write labelled sentences of your own."
NO_WORDS = "Nothing that ships with the course replaces them: test vectors of data.docstrings() on words of your own."


def tinyshakespeare(fallback: str | None = None) -> Text:
    """Tiny Shakespeare: 1,115,394 characters of plays, 65 distinct.

    fallback: "stdlib" or "docstrings" to take that text, and say so on screen, where this one cannot be had.
    Raises DataError where it cannot be had and no fallback is allowed, and where COURSE_DATA_MIRROR names no folder.
    Source: A. Karpathy, char-rnn, 2015.
    """
    return _text("tinyshakespeare", "text/tinyshakespeare.txt", "karpathy/char-rnn", fallback)


def war_and_peace(fallback: str | None = None) -> Text:
    """War and Peace by L. Tolstoy, in English: 3,196,214 characters, 82 distinct.

    The upstream file without its byte-order mark, and with line feeds as line ends. `fallback` and errors as for
    `tinyshakespeare`.
    """
    return _text("war_and_peace", "text/war_and_peace.txt", "ThingsOfBeam/Corpus", fallback)


def linux_c(fallback: str | None = None) -> Text:
    """C source of Linux kernel modules: 118 files, 3,114,782 characters. From the cache or a mirror only.

    A comment line names each file. `fallback` and errors as for `tinyshakespeare`.
    """
    return _text("linux_c", "text/linux_kernel_c.txt", "lwfinger/rtw88 and WireGuard/wireguard-linux-compat", fallback)


def wikipedia(fallback: str | None = None) -> Text:
    """Plain English Wikipedia: 6,923 articles, 3.07 million words. From the cache or a mirror only.

    A line `= Title =` begins each article; a paragraph is a line. `fallback` and errors as for `tinyshakespeare`.
    """
    return _text("wikipedia", "text/wikipedia_en_sample.txt.gz", "a sample of English Wikipedia", fallback)


def wikitext2(part: str = "train", fallback: str | None = None) -> Text:
    """WikiText-2: words of Wikipedia articles between spaces, rare ones as <unk>, a paragraph a line.

    part: "train" (2,088,628 words if each line end counts as one), "valid" (217,646) or "test" (245,569); the
    vocabulary of all three is 33,278. `fallback` and errors as for `tinyshakespeare`, and ValueError for another part.
    Source: S. Merity, C. Xiong, J. Bradbury, R. Socher, arXiv:1609.07843, 2016.
    """
    _check_choice("part", part, WIKITEXT_PARTS)
    return _text(f"wikitext2 {part}", f"text/wikitext-2/{part}.txt", "pytorch/examples", fallback)


def rt_polarity() -> Sentences:
    """Sentence polarity 1.0: 5,331 negative (label 0), then 5,331 positive (label 1) sentences of film reviews.

    Lower case, punctuation between spaces. Raises DataError where it cannot be had, and where COURSE_DATA_MIRROR names
    no folder. Source: B. Pang, L. Lee, "Seeing stars", ACL 2005.
    """
    sentences: list[str] = []
    counts = []
    for part in ("neg", "pos"):
        content = _read("rt_polarity", f"text/rt-polarity/rt-polarity.{part}", NO_SENTENCES)
        # Not splitlines(): some sentences contain characters that it takes for line ends.
        lines = [line.strip() for line in content.decode("utf-8").split("\n") if line.strip()]
        sentences += lines
        counts.append(len(lines))
    labels = torch.repeat_interleave(torch.tensor([0, 1]), torch.tensor(counts))
    source = "dennybritz/cnn-text-classification-tf"
    return Sentences("rt_polarity", tuple(sentences), labels, ("negative", "positive"), source)


def analogies(which: str = "words") -> Analogies:
    """Analogy questions: of word2vec "words", 19,544 in 14 groups, or "phrases", 3,218 in 5 (such as New_York_Times);
    "docstrings", 113 in 13 about the documentation of scientific Python, which need no network.

    Case is as in the file: lower it where the corpus is lower case. Raises ValueError for another name, and DataError
    as `rt_polarity`. Source: T. Mikolov, K. Chen, G. Corrado, J. Dean, arXiv:1301.3781, 2013; the last set is ours.
    """
    _check_choice("which", which, QUESTIONS)
    if which == "docstrings":
        content, source = Path(__file__).with_name("docstring_analogies.txt").read_text(encoding="utf-8"), "this course"
    else:
        content = _read(f"analogies {which}", f"wordsim/questions-{which}.txt", NO_WORDS).decode("utf-8")
        source = "tmikolov/word2vec"
    groups: dict[str, list[tuple[str, str, str, str]]] = {}
    for line in content.splitlines():
        if line.startswith(":"):
            questions = groups.setdefault(line[1:].strip(), [])
        elif line.strip() and not line.startswith("#"):
            a, b, c, d = line.split()
            questions.append((a, b, c, d))
    return Analogies(f"analogies {which}", groups, source)


def similarity(name: str = "ws353") -> WordPairs:
    """Pairs of words and their similarity as people judged it; scales differ from set to set, more is more alike.

    name: "ws353" (353 pairs; its halves "ws353-sim" 203, "ws353-rel" 252), "simlex999", "rg65", "mc30", "men" (3,000),
    "mturk287", "mturk771", "rw" (2,034 rare words), "simverb3500", "verb143" (144 pairs), "yp130". Raises ValueError
    for another name, and DataError as `rt_polarity`. Source: M. Faruqui, C. Dyer, ACL 2014 (demonstrations).
    """
    _check_choice("name", name, tuple(SIMILARITIES))
    content = _read(f"similarity {name}", f"wordsim/{SIMILARITIES[name]}", NO_WORDS).decode("utf-8")
    rows = [line.split() for line in content.splitlines() if line.strip()]
    pairs = tuple((a, b, float(score)) for a, b, score in rows)
    return WordPairs(f"similarity {name}", pairs, "mfaruqui/eval-word-vectors")


def glove(limit: int | None = None) -> WordVectors:
    """GloVe: 400,000 lower-case words in 100 dimensions, the most frequent first; made from 6 billion words.

    limit: only so many words; all take some ten seconds to parse. Fetched as an archive of 862 MB, of which one file
    of 347 MB is kept. Raises DataError as `rt_polarity`.
    Source: J. Pennington, R. Socher, C. D. Manning, EMNLP 2014.
    """
    path = "glove/glove.6B.100d.txt"
    return parsed_vectors(path.rsplit("/", 1)[-1], io.BytesIO(_read("glove", path, NO_WORDS)), limit)


def remote_file(path: str) -> RemoteFile:
    """The registry's entry for a path of `FILES`."""
    size, sha256 = FILES[path]
    urls = ADDRESSES.get(path)
    if urls is None:
        folders = next(folders for beginning, folders in FOLDERS.items() if path.startswith(beginning))
        urls = tuple(folder + path.rsplit("/", 1)[-1] for folder in folders)
    return RemoteFile(path, size, sha256, urls, CONVERSIONS.get(path))


def _line_feeds(download: Path) -> bytes:
    return download.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n")


def _unpacked(download: Path) -> bytes:
    with zipfile.ZipFile(download) as archive:
        return archive.read("glove.6B.100d.txt")


CONVERSIONS = {"text/war_and_peace.txt": _line_feeds, "glove/glove.6B.100d.txt": _unpacked}


def _text(name: str, path: str, source: str, fallback: str | None) -> Text:
    if fallback is not None and fallback not in FALLBACKS:
        raise ValueError(f"fallback must be None, {' or '.join(map(repr, FALLBACKS))}, not {fallback!r}.")
    advice = (
        "Use data.stdlib() or data.docstrings(), which need no network, or pass "
        'fallback="stdlib" or fallback="docstrings".'
    )
    _fetch.mirror_folder()  # a mirror that is set wrongly is an error, whatever else may work
    try:
        content = _read(name, path, advice)
    except DataError as error:
        if fallback is None:
            raise
        substitute = FALLBACKS[fallback]()
        print(f"{str(error).removesuffix(advice)}Using instead, as allowed: {substitute!r}")
        return substitute
    plain = gzip.decompress(content) if path.endswith(".gz") else content
    return Text(name, plain.decode("utf-8"), source)


def _read(name: str, path: str, advice: str) -> bytes:
    _fetch.mirror_folder()
    try:
        return _fetch.read(remote_file(path))
    except DataError as error:
        raise DataError(f"{name} cannot be had. {error}\n{advice}") from None


def _check_choice(argument: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{argument} must be one of {', '.join(map(repr, choices))}, not {value!r}.")
