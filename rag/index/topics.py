"""Topics of a collection: clusters of its reports by meaning, each named by its telling words.

Each form has its own way of asking, and each lab its own subjects: the means of both are taken out
first, so that what is left is what a report is about. The centres are kept in a file,
and the next ones begin there: so topics and their names stay from one ingest to the next.
"""

import io
import zipfile
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.catalog.tag_fields import ReportInfo
from rag.files import replace_file
from rag.models.encoder import Vectors, unit
from rag.places.countries import resolve_country
from rag.types import Passage

Numbers = npt.NDArray[np.integer]
FEWEST, MOST, ROUNDS = 5, 24, 40
WORDS = 3  # of a name
_SHRINK = 5.0  # passages, or reports, that a mean of few is held against
_FEWEST_LABS = 3  # that have a word of a name
_MIDDLE = 5  # reports nearest to the centre of a topic, of which one is quoted
_SHORT = 100  # characters of a passage that says little by itself


@dataclass(frozen=True, slots=True)
class TopicCluster:
    """A topic: its name, the ids of its reports, and the row of a passage that stands for it."""

    name: str
    reports: tuple[str, ...]
    passage: int


def find_topics(
    reports: Sequence[ReportInfo],
    passages: Sequence[Passage],
    of_passage: Numbers,
    dense: Vectors,
    words: Iterable[tuple[str, Numbers]],
    path: Path,
) -> tuple[TopicCluster, ...]:
    """The topics of a collection, the largest first; none where there are few reports.

    Passages are given with the numbers of their reports, `words` that may name a topic with the
    numbers of the passages that have them. Names and centres are kept at the `path`.
    """
    ids = [report.id for report in reports]
    count = min(MOST, round(len(ids) ** 0.5 / 2))
    if count < FEWEST or not len(of_passage):
        return ()
    forms = numbered((p.report.kind, p.section, p.prompt) for p in passages)
    labs = numbered(report.lab for report in reports)
    relative = without_means(dense, forms)
    vectors = unit(without_means(_means(relative, of_passage, len(ids))[0], labs))
    names: list[str] = []
    centres = np.zeros((0, vectors.shape[1]), np.float32)
    with suppress(OSError, ValueError, LookupError, zipfile.BadZipFile), np.load(path) as kept:
        if kept["centres"].shape[1:] == vectors.shape[1:]:
            names, centres = kept["names"].tolist()[:count], kept["centres"][:count]
    centres, nearest = _clusters(vectors, centres, count)
    if len(names) < count:
        _name(names, words, of_passage, nearest, labs, count)
    # What a reader finds may lie where nobody may write.
    with suppress(OSError), io.BytesIO() as file:
        np.savez(file, names=np.array(names), centres=centres)
        if not path.exists() or path.read_bytes() != file.getvalue():
            replace_file(path, file.getvalue())
    nearness = vectors @ centres.T
    similar = np.einsum("ij,ij->i", unit(relative), centres[nearest][of_passage])
    long = np.array([len(passage.text) >= _SHORT for passage in passages])
    found = []
    for n, name in enumerate(names):
        inside = np.flatnonzero(nearest == n)
        middle = inside[np.argsort(-nearness[inside, n], kind="stable")[:_MIDDLE]]
        rows = np.flatnonzero(np.isin(of_passage, middle))
        if len(rows):
            best = int(rows[np.argmax(similar[rows] + long[rows])])
            found.append(TopicCluster(name, tuple(ids[i] for i in inside), best))
    return tuple(sorted(found, key=lambda topic: -len(topic.reports)))


def numbered(keys: Iterable[Hashable]) -> Numbers:
    """The number of each key: equal ones have one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _means(vectors: Vectors, groups: Numbers, count: int) -> tuple[Vectors, Vectors]:
    """The mean of each group, and its size as a column."""
    sums = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(sums, groups, vectors)
    sizes = np.bincount(groups, minlength=count)[:, None].astype(np.float32)
    means: Vectors = (sums / np.maximum(sizes, 1)).astype(np.float32)
    return means, sizes


def without_means(vectors: Vectors, groups: Numbers) -> Vectors:
    """Vectors without what those of their group have in common, less of a small one."""
    means, sizes = _means(vectors, groups, int(groups.max()) + 1)
    left: Vectors = vectors - (means * sizes / (sizes + _SHRINK))[groups]
    return left


def _clusters(vectors: Vectors, centres: Vectors, count: int) -> tuple[Vectors, Numbers]:
    """Spherical k-means from given centres, and others far from them: centres, and the nearest."""
    random = np.random.default_rng(0)
    while len(centres) < count:
        far = np.maximum(1 - (vectors @ centres.T).max(axis=1, initial=0), 1e-9)
        centres = np.vstack([centres, vectors[random.choice(len(vectors), p=far / far.sum())]])
    for _ in range(ROUNDS):
        nearest = (vectors @ centres.T).argmax(axis=1)
        means, sizes = _means(vectors, nearest, count)
        moved = np.where(sizes > 0, unit(means), centres)
        if np.allclose(moved, centres, atol=1e-4):
            break
        centres = moved
    return centres, (vectors @ centres.T).argmax(axis=1)


def _name(
    names: list[str],
    words: Iterable[tuple[str, Numbers]],
    of_passage: Numbers,
    nearest: Numbers,
    labs: Numbers,
    count: int,
) -> None:
    """Name the topics that have no name yet by the words that tell them from the others."""
    candidates = list(words)
    having = [np.bincount(of_passage[rows], minlength=len(nearest)) > 0 for _, rows in candidates]
    has = np.array(having, np.bool_).reshape(-1, len(nearest))
    for n in range(len(names), count):
        inside = nearest == n
        share = has[:, inside].mean(axis=1) if inside.any() else np.zeros(len(candidates))
        ratio = share / np.maximum(has[:, ~inside].mean(axis=1), 1 / len(nearest))
        score = share * np.log(np.maximum(ratio, 1e-9))
        telling: list[str] = []
        for row in np.argsort(-score, kind="stable")[: 20 * WORDS]:
            word, spread = candidates[row][0], len(set(labs[inside & has[row]].tolist()))
            if spread >= min(_FEWEST_LABS, labs.max() + 1) and not resolve_country(word):
                telling.append(word)
            if len(telling) >= WORDS and ", ".join(telling) not in names:
                break
        names.append(", ".join(telling) or str(n + 1))
