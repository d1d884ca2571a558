"""What tells whether a report speaks of a topic: each report's place in every ranking, as numbers.

A topic has parts ("drones" and "satellite images"), of which one is enough, and a part has words,
each with the collection's near words in all its languages. A passage is measured by the meaning of
the parts (both embeddings, relative to the collection) and the share of a part's words that it has;
a report by its best passages, its tags, and the sentences of the passages that come first. From
what this makes likely words are learned that tell the reports of a topic from others ("wallet" and
"card" for mobile money). How many reports have a tag that means the topic is the same for all.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.catalog.tag_fields import Filters
from rag.citation.quotable import usable
from rag.citation.quotes import quoted
from rag.index.interface import Index
from rag.index.local import Snapshot
from rag.index.vectors import Rows, VectorMemo
from rag.models.embeddings import encode_cached
from rag.models.encoder import LANGUAGE, encode_static
from rag.places.countries import names_to_countries
from rag.query.gloss import alike_words, in_english, is_concept, with_and_apart
from rag.query.linker import Linker
from rag.query.wordings import any_of
from rag.retrieval.postprocess import mask_passage
from rag.survey.sentences import SentenceTable
from rag.survey.types import Evidence
from rag.survey.wording import english_wordings
from rag.text.sentences import sentences
from rag.text.tokenize import LANGUAGES, content_words, stop_words, strip_accents, terms
from rag.types import Passage, Span

FEATURES = (
    "meaning", "coverage", "weakest", "passages", "tags", "closest_sentence", "sentences", "length",
    "learned", "known",
)  # fmt: skip
NEAR = 0.7  # cosine from which a word of the collection stands for one of the topic
MOST_NEAR = 12  # words of the collection that stand for one of the topic, the nearest
KNOWN_TAG = 0.7  # cosine from which a tag means the topic
LEAST_KNOWN = 1.1  # reports added to those with such a tag, of whose share the logarithm is taken
LEARNED = 30  # words that are learned
# A first guess of how likely reports speak of a topic, from which words are learned: log odds.
GUESS = {"meaning": 0.5, "coverage": 2, "tags": 3, "closest_sentence": 6, "sentences": 2}
GUESS_CONSTANT = -9
# What cosines are usual, as if so many passages more had them: few passages make no scale.
USUAL = 300
USUAL_DENSE, USUAL_STATIC = (0.02, 0.055), (0.03, 0.07)  # mean and standard deviation
READ = 2200  # passages whose sentences are read, and of one report
READ_OF_REPORT = 4
MEASURED = 16  # latest topics whose features are held; 1 MB each
UNMEASURED = 1.3  # how near a sentence is taken to be that was not measured
NEAR_SENTENCE = 0.5  # a sentence speaks of a topic where it has so much of a part's every word
# The words before a preposition, with it: "solar power for" of "solar power for homes".
_HEAD = re.compile(
    r".*\b(?:for|of|in|by|to|with|from|against|among|on|at|after|during|through|without)\s+(?=\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
# Two parts of a topic that are less near mean different things; what is in more passages than this
# share is no topic by itself.
UNLIKE, COMMON = 0.42, 0.025
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Near:
    """A sentence of a passage (by position), and how much it is about a topic."""

    passage: int
    span: Span
    score: float


@dataclass(frozen=True, eq=False)
class Topic:
    """What a survey looks for: its parts, and the weights of terms that stand for their words."""

    text: str
    language: str
    texts: tuple[str, ...]
    words: tuple[Mapping[str, float], ...]  # for each word its weights by term
    parts: tuple[tuple[int, ...], ...]  # the numbers of each part's words
    english: tuple[str, ...] = ()  # what stands for the parts of one in another language
    unknown: tuple[str, ...] = ()  # words of another language that nothing here stands for

    @classmethod
    def read(
        cls,
        text: str,
        language: str,
        index: Index,
        without: Collection[str] = (),
        english: Callable[[str, str], Sequence[str]] = lambda *_: (),
    ) -> "Topic":
        """The topic of a text; near words among `without` (as they are written) do not widen it.

        What its parts are called in `english`, if that is known, stands for them; their own words
        still count where a passage has them.
        """
        # The embedding tells "Waste" from "waste", people don't; "UNDP" stays.
        text = _WORD.sub(lambda word: word[0].lower() if word[0].istitle() else word[0], text)
        joint = rf"\b(?:{any_of('and')}|{any_of('or')})\b|[,;/&،]"
        parted = re.split(joint, with_and_apart(text), flags=re.IGNORECASE)
        texts = [part.strip() for part in parted]
        texts = [part for part in texts if content_words(part, language)] or [text]
        texts = _with_heads(texts) if language == LANGUAGE else texts
        asked = [(part, language) for part in texts]
        called = [[n for n in english(part, language) if n not in without] for part in texts]
        is_english = language == LANGUAGE
        is_one = _are_one(texts if is_english else [k[0] for k in called if k], index)
        if is_one:
            called = [known[:1] for known in called]
        names = tuple(name for of_part in called for name in of_part)
        if names:
            texts = [t for part, known in zip(texts, called, strict=True) for t in known or [part]]
            asked += [(name, LANGUAGE) for name in names]
            text, language = " and ".join(known[0] for known in called if known), LANGUAGE
        left_out = _function_words().union(without)
        numbers: dict[str, int] = {}
        weights: list[Mapping[str, float]] = []
        unknown: list[str] = []
        parts = []
        for part, spoken in asked:
            # What stands for a part in English has near words of its own.
            alike = alike_words(index, part, spoken) if spoken == language else ()
            found = content_words(part, spoken) or [part]
            for word in found:
                own = {*terms(word, spoken), *terms(word, LANGUAGE)}
                near = {
                    term: similarity**2
                    for other in alike
                    if own & other.terms
                    for term, similarity in other.near.items()
                    if similarity >= NEAR
                    and left_out.isdisjoint(
                        (written := index.spellings.get(term, term), strip_accents(written))
                    )
                }
                near = dict(sorted(near.items(), key=lambda p: -p[1])[:MOST_NEAR])
                # A word of another language that nothing stands for here tells nothing, unless the
                # part has an English name: what has its other words alone is no part of the topic.
                tells = spoken == LANGUAGE or near or names or any(index.frequencies(own))
                if not tells:
                    unknown.append(word)
                elif word not in numbers:
                    numbers[word] = len(numbers)
                    weights.append(near | dict.fromkeys(own, 1.0))
            parts.append(tuple(dict.fromkeys(numbers[word] for word in found if word in numbers)))
        if is_one:
            texts, middle = [text], len(parts) - len(names)
            parts = [tuple(chain(*parts[:middle])), tuple(chain(*parts[middle:]))]
        parts = [part for part in parts if part]
        if not parts:
            weights, parts = [{}], [(0,)]
        return cls(
            text, language, tuple(texts), tuple(weights), tuple(parts), names, tuple(unknown)
        )

    @property
    def is_unknown(self) -> bool:
        """Whether it has a word of another language that the collection lacks, and no name here."""
        return bool(self.unknown) and not self.english

    def near(self, index: Index) -> tuple[str, ...]:
        """The English names and the near words, as they are written, the nearest first."""
        weights = {t: w for word in self.words for t, w in word.items() if w < 1}
        ordered = sorted(weights, key=lambda term: -weights[term])
        return tuple(
            dict.fromkeys((*self.english, *filter(None, map(index.spellings.get, ordered))))
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """The features of all reports (reports x FEATURES), and the sentences that were read."""

    features: Numbers
    nearest: npt.NDArray[np.int64]  # position of each report's nearest passage; -1 for none
    read: Sequence[npt.NDArray[Any]]  # by report, the best first: report, passage, places, score

    def sentences(self, report: int, most: int | None = None) -> list[Near]:
        """The sentences of a report, best first; so many of them."""
        first, end = np.searchsorted(self.read[0], [report, report + 1]).tolist()
        at = slice(first, end if most is None else min(end, first + most))
        rows = zip(*(column[at].tolist() for column in self.read[1:]), strict=True)
        return [Near(passage, (start, end), score) for passage, start, end, score in rows]


class ReportMeasure:
    """Measures the reports of one snapshot. Safe to share between threads."""

    def __init__(
        self,
        snapshot: Snapshot,
        embed: Callable[[Sequence[str]], Any],
        stored: VectorMemo | None,
        linker: Linker,
        mask: bool,
    ) -> None:
        """`embed` gives the vectors of texts; those of many sentences may be `stored`.

        Where `mask` is set, no contacts are quoted.
        """
        self.snapshot, self.linker = snapshot, linker
        self._embed, self._mask = embed, mask
        self.table = SentenceTable(snapshot, embed, stored)
        # Of reports that a survey has met; what their forms say stays the same.
        self.evidence: dict[str, Evidence] = {}
        self.surveys: set[object] = set()  # that are being made
        self.ids = list(snapshot.heads)
        self._numbers = {report: n for n, report in enumerate(self.ids)}
        self._report_of = snapshot.report_numbers.astype(np.int64)
        self._lengths = np.bincount(self._report_of, minlength=len(self.ids))
        self._starts = np.cumsum(self._lengths) - self._lengths
        # A follow-up question, and what the page adds to an answer, have the same topic.
        self._topic = lru_cache(MEASURED)(partial(Topic.read, index=snapshot, english=self._called))
        self.measure = lru_cache(MEASURED)(self._measure)

    def topic(self, text: str, language: str, without: Collection[str] = ()) -> Topic:
        """The topic of a text, in English too; near words among `without` do not widen it."""
        language = LANGUAGE if is_concept(text) else language
        return self._topic(text, language, without=frozenset(without))

    def _called(self, text: str, language: str) -> tuple[str, ...]:
        """What a topic of another language is called in English; at worst word by word."""
        if language == LANGUAGE:
            return ()
        found = english_wordings(text, language, self.snapshot, self._embed)
        return found or glossed(text, language)

    def prepare(self) -> None:
        """Make what every topic is compared with, but for the sentences."""
        self.measure(self.topic("work of a lab", LANGUAGE))

    def read_ahead(self, is_idle: Callable[[], bool]) -> None:
        """Read what every topic is compared with while nothing else is to be done, and keep it."""
        self.prepare()
        self.table.read_ahead(lambda: is_idle() and not self.surveys)
        self.table.keep()

    @cached_property
    def _tags(self) -> tuple[list[frozenset[str]], Numbers, npt.NDArray[np.int64]]:
        """The terms of each tag and its vector, and rows of a report and a tag that it has."""
        numbers: dict[str, int] = {}
        rows = []
        for report, info in enumerate(h.report.info for h in self.snapshot.heads.values()):
            tags = (*info.thematic_areas, *info.datasources, *info.methods, *info.sdgs)
            rows += [(report, numbers.setdefault(tag, len(numbers))) for tag in tags]
        vectors = np.array(encode_cached(list(numbers)), np.float64)
        return [frozenset(terms(tag, LANGUAGE)) for tag in numbers], vectors, np.array(rows)

    @cached_property
    def _words(self) -> tuple[Any, Rows, Rows, Rows, Any]:
        """Where each word's passages begin, and these; its reports, each once, and their number."""
        numbers, at = self.snapshot.keyword.occurrences(self.snapshot.spellings)
        pairs = np.unique(numbers.astype(np.int64) * len(self.ids) + self._report_of[at])
        words, reports = np.divmod(pairs, max(1, len(self.ids)))
        size = int(words.max(initial=-1)) + 1
        starts = np.searchsorted(numbers, np.arange(size + 1))
        return starts, at, words.astype(np.int32), reports.astype(np.int32), np.bincount(words)

    def _measure(self, topic: Topic, only: Collection[str] = ()) -> Measured:
        """The features of every report for a topic; sentences of these alone, if any, are read."""
        snapshot = self.snapshot
        vectors = np.asarray(self._embed(topic.texts), np.float32), encode_static(topic.texts)
        english = (snapshot.languages == LANGUAGE) & (topic.language == LANGUAGE)
        dense = _relative(snapshot.dense @ vectors[0].T, USUAL_DENSE)
        static = _relative(snapshot.static @ vectors[1].T, USUAL_STATIC, english)
        meaning = (dense + np.where(english[:, None], static, dense)).max(axis=1)
        having = np.array([self._having(weights) for weights in topic.words])
        apart = np.array([self._best(row) for row in having])
        rarity = np.log((1 + len(self.ids)) / (1 + (apart >= 1).sum(axis=1))).clip(0.1)
        coverage, weakest = _met(topic, rarity, having)
        order = meaning + 6 * coverage
        ranked = np.argsort(-order, kind="stable")
        nearest = np.full(len(self.ids), -1)
        first = np.flatnonzero(order == self._best(order)[self._report_of])
        nearest[self._report_of[first]] = first
        if only:
            ranked = ranked[self.inside(only)[self._report_of[ranked]]]
        read, closest, near = self._sentences(topic, rarity, ranked, vectors)
        tagged, known = np.zeros((2, len(self.ids)))
        tags, of_tags, rows = self._tags
        if len(rows):
            reports, numbers = rows.T
            have = [
                [max((word[term] for term in word.keys() & tag), default=0.0) for tag in tags]
                for word in topic.words
            ]
            np.maximum.at(tagged, reports, _met(topic, rarity, np.array(have))[1][numbers])
            near_tags = (of_tags @ np.array(encode_cached(topic.texts)).T).max(axis=1)
            known[reports[near_tags[numbers] > KNOWN_TAG]] = 1
        speaking = np.bincount(self._report_of, weakest >= NEAR, minlength=len(self.ids))
        columns = {
            "meaning": self._best(meaning),
            "coverage": self._best(coverage),
            "weakest": self._best(weakest),
            "passages": np.log1p(speaking),
            "tags": tagged,
            "closest_sentence": closest,
            "sentences": np.log1p(near),
            "length": np.log(self._lengths.clip(1)),
            "known": np.full(len(self.ids), np.log(known.sum() + LEAST_KNOWN))
            - np.log(len(self.ids) or 1),
        }
        guess = GUESS_CONSTANT + sum(columns[name] * weight for name, weight in GUESS.items())
        columns["learned"] = self._best(self._learned(1 / (1 + np.exp(-guess))))
        features = np.column_stack([columns[name] for name in FEATURES])
        return Measured(features, nearest, read)

    def nearest(self, measured: Measured, report_id: str) -> list[Near]:
        """The sentences of a report, the nearest to a topic first."""
        report = self._numbers[report_id]
        found, nearest = measured.sentences(report), int(measured.nearest[report])
        # A report of tags alone has no passage.
        if found or nearest < 0:
            return found
        passage = self.snapshot.passages[nearest]
        # What a solution says in a line may be no whole sentence.
        spans = [(unit.start, unit.end) for unit in usable(passage)] or sentences(passage.text)
        return [Near(nearest, span, UNMEASURED) for span in spans]

    def shown(self, passage: Passage) -> Passage:
        """A passage as it may be quoted."""
        return mask_passage(passage) if self._mask else passage

    def quoted(self, passage: Passage, span: Span) -> tuple[Passage, str, Span] | None:
        """A passage as it may be quoted, its words at a place, and where its file has them."""
        passage = self.shown(passage)
        place = quoted(passage, span, self.snapshot.report(passage.report.id).raw)
        return (passage, *place) if place else None

    def inside(self, reports: Collection[str]) -> npt.NDArray[np.bool_]:
        """For each report whether it is among these."""
        return np.array([name in reports for name in self.ids], np.bool_)

    def likeness(self, passages: Sequence[int], relevant: Numbers) -> Numbers:
        """How much nearer each report is to passages that are `relevant` (0 to 1) than not."""
        dense = self.snapshot.dense
        vectors = np.asarray(dense[passages], np.float32)
        near, far = relevant @ vectors, (1 - relevant) @ vectors
        apart = near / (np.linalg.norm(near) + 1e-9) - far / (np.linalg.norm(far) + 1e-9)
        return self._best(dense @ apart.astype(np.float32))

    def _having(self, weights: Mapping[str, float]) -> Numbers:
        """For each passage the highest weight of its terms."""
        values = np.zeros(len(self.snapshot.passages))
        for term, weight in sorted(weights.items(), key=lambda pair: pair[1]):
            values[self.snapshot.keyword.passages(term)[0]] = weight
        return values

    def _best(self, values: npt.ArrayLike) -> Numbers:
        best = np.zeros(len(self.ids))
        has = self._lengths > 0
        best[has] = np.maximum.reduceat(np.asarray(values, np.float64), self._starts[has])
        return best

    def _learned(self, likely: Numbers) -> Numbers:
        """How much passages have of words that tell likely reports from others (naive Bayes)."""
        starts, at, words, reports, counts = self._words
        all_having = np.bincount(words, likely[reports], minlength=len(counts))
        frequent = np.flatnonzero(all_having >= 1.5)
        having, total = all_having[frequent], likely.sum()
        others = counts[frequent] - having
        weights = np.log((having + 0.3) / (total + 1))
        weights -= np.log((others + 3) / (len(self.ids) - total + 3))
        strength = weights * np.sqrt(having)
        gain = np.zeros(len(self._report_of))
        for n in np.sort(np.argsort(-strength, kind="stable")[:LEARNED]).tolist():
            if strength[n] > 0:
                word = frequent[n]
                gain[at[starts[word] : starts[word + 1]]] += weights[n]
        return np.log1p(gain)

    def _sentences(
        self, topic: Topic, rarity: Numbers, ranked: npt.NDArray[np.int64], vectors: tuple[Any, Any]
    ) -> tuple[Sequence[npt.NDArray[Any]], Numbers, Numbers]:
        """The sentences of the passages that come first; by report the nearest, and how many."""
        of_report: Counter[int] = Counter()
        read: list[int] = []
        for i in ranked.tolist():
            report = int(self._report_of[i])
            if of_report[report] < READ_OF_REPORT:
                of_report[report] += 1
                read.append(i)
                if len(read) == READ:
                    break
        table = self.table
        places = table.read(read)
        dense = table.dense(places, vectors[0]).max(axis=1)
        static = table.static(places, vectors[1]).max(axis=1)
        english = self.snapshot.languages[places.passages] == LANGUAGE
        english &= topic.language == LANGUAGE
        coverage, weakest = _met(topic, rarity, table.having(places, topic.words))
        scores = dense + np.where(english, static, dense) + coverage
        reports, count = self._report_of[places.passages], len(self.ids)
        closest = np.full(count, -np.inf)
        np.maximum.at(closest, reports, dense)
        near = np.bincount(reports, weakest >= NEAR_SENTENCE, count).astype(np.float64)
        order = np.lexsort((-scores, reports))
        columns = (reports, places.passages, places.starts, places.ends, scores)
        best = [column[order] for column in columns]
        return best, np.nan_to_num(closest, neginf=0.0), near


def glossed(text: str, language: str) -> tuple[str, ...]:
    """The words of another language in English, one by one; none where one is not known."""
    words = "" if language == LANGUAGE else in_english(text, language, (), {}, least=1.0)
    return (words,) if words else ()


def _are_one(parts: Sequence[str], index: Index) -> bool:
    """Whether a topic's two parts are meant together: "women and entrepreneurship".

    They are where they mean different things, one of which is in many passages: by itself that is
    no topic. Of "floods and droughts", or "drones and satellite images", either is.
    """
    if len(parts) != 2:
        return False
    one, other = np.asarray(encode_cached([*parts]), np.float64)
    words = ([{term} for term in terms(part, LANGUAGE)] for part in parts)
    most = max(len(index.having(own, Filters())) for own in words)
    return bool(one @ other < UNLIKE) and most > COMMON * len(index.passages)


def _with_heads(parts: Sequence[str]) -> list[str]:
    """Parts of a topic in English, each with what one word shares with the part before it.

    "Solar power for homes and farms" is not all that is said of farms.
    """
    head, completed = "", list[str]()
    for part in parts:
        is_word = len(content_words(part, LANGUAGE)) == 1
        found = _HEAD.match(part)
        head = found[0] if found else head if is_word else ""
        completed.append(part if found else head + part)
    return completed


@cache
def _function_words() -> frozenset[str]:
    """The stop words of every language, and names of countries: no near words of a topic."""
    return frozenset(names_to_countries()).union(*map(stop_words, LANGUAGES))


def is_met(features: Numbers) -> bool:
    """Whether a passage has all words of a topic, or what means them, or a tag means the topic."""
    weakest, known = (features[:, FEATURES.index(name)].max() for name in ("weakest", "known"))
    return bool(weakest >= NEAR or known > np.log(LEAST_KNOWN / len(features)) + 1e-6)


def _relative(
    values: npt.NDArray[Any],
    usual: tuple[float, float],
    counted: npt.NDArray[np.bool_] | None = None,
) -> Numbers:
    """Columns in standard deviations from their means over the rows that count and usual ones."""
    rows = values if counted is None else values[counted]
    if not len(rows):
        return np.zeros(values.shape)
    share = len(rows) / (len(rows) + USUAL)
    mean, deviation = (
        share * own + (1 - share) * other
        for own, other in zip((rows.mean(axis=0), rows.std(axis=0)), usual, strict=True)
    )
    return np.asarray((values - mean) / deviation, np.float64)


def _met(topic: Topic, rarity: Numbers, having: Numbers) -> tuple[Numbers, Numbers]:
    """How far texts (columns) that have a topic's words (rows) so much meet its best part.

    By the share of the words, rare ones count more, and by the word that is met least, but for one
    in four: few texts have all words of a long topic.
    """
    shares, least = [], []
    for part in map(list, topic.parts):
        shares.append(rarity[part] @ having[part] / rarity[part].sum())
        least.append(np.sort(having[part], axis=0)[len(part) // 4])
    return np.max(shares, axis=0), np.max(least, axis=0)
