"""Calibrated probabilities that reports speak of a topic, from their features.

Without a model a small classifier tells from a report's features how likely it says something on
the topic, and how likely it is about it (`eval.survey` made its weights). The uncertain
reports are judged again by the cross-encoder, on title, tags and best sentence, and by how near
their passages are to those that it finds relevant.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, exp, floor, log, sqrt
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.catalog.tag_fields import ReportInfo
from rag.models.client import Stop
from rag.retrieval.rerank import CrossEncoder, Shed
from rag.survey.features import FEATURES, Measured, Numbers, ReportMeasure, Topic, is_met
from rag.types import Passage, Progress, Span

WEIGHTS = Path(__file__).with_name("weights.json")
UNCERTAIN = (0.03, 0.97)  # probabilities between which the cross-encoder is asked
MOST_JUDGED = 250  # reports that it judges at most
UNMET = 0.02  # what is left of probabilities where the collection does not meet a topic
PATIENCE, PAUSE = 15.0, 0.25  # seconds to wait while it serves others, and between two tries
MOST_READ = 30  # and where it is to be quick
FIRST = 10  # likeliest reports of which one must have a sentence with this logit,
ANSWERS = -3.0
SAYS_IT = 1.0  # with this logit one speaks of it, whichever words it has
SURE = 0.7  # or one speaks of it with this probability before they are judged
# From which nearness of meaning a report stands out, by the logarithm of how many passages there
# are: the highest of many is higher by chance.
STANDS_OUT, MORE_OF_MANY = -1.6, 1.5
SECOND = ("relevance", "likeness")  # what a second look finds of a report
# How much more numbers vary than if reports spoke of a topic by chance alone: of nineteen topics of
# 3 to 17 reports, 17 are inside their intervals; 12 were without.
DISPERSION = 6.0
LEAST_SPREAD = 0.01  # added to the standard deviation of likeness
_RAISED_BY, _MOST_RAISED = 0.25, 8.0  # log odds
NEAREST = 5  # sentences of a report nearest to a topic that may be quoted
AT_A_TIME = 60  # sentences between two looks at whether to stop


@dataclass(frozen=True, slots=True)
class Chances:
    """For each report the probability that it says something of a topic, and is about it."""

    says: Numbers
    about: Numbers

    def stated(self, absent: bool) -> "Chances":
        """These, of which little is left where a topic is absent."""
        left = UNMET if absent else 1.0
        return Chances(self.says * left, self.about * left)

    def raised(self, apart: npt.NDArray[np.bool_]) -> "Chances":
        """These, those of reports that stand out so much higher that one report speaks of a topic.

        They were learned from a large collection, where few reports speak of a topic.
        """
        raised, more = self, 0.0
        while apart.any() and more < _MOST_RAISED and raised.says.sum() < 1:
            more += _RAISED_BY
            both = (
                np.where(apart, _chance(log_odds(v) + more), v) for v in (self.says, self.about)
            )
            raised = Chances(*both)
        return raised


class Classifier:
    """Turns features into probabilities by the weights of a file."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights
        self._mean, self._scale = np.array(weights["mean"]), np.array(weights["scale"])

    def chances(self, features: Numbers) -> Chances:
        """The probabilities of reports (rows) by their features."""
        return self._chances((features - self._mean) / self._scale, "rules")

    def _chances(self, rows: Numbers, by: str) -> Chances:
        weights = (np.array(self._weights[by][name]) for name in ("says", "about"))
        says, about = (_chance(rows @ own[:-1] + own[-1]) for own in weights)
        return Chances(says, np.minimum(says, about))

    def judged(self, chances: Chances, second: Numbers) -> Chances:
        """The same after a second look (reports x SECOND); nan for those that had none."""
        known = ~np.isnan(second[:, 0])
        new = self._chances(judged_features(chances, second)[known], "judged")
        says, about = chances.says.copy(), chances.about.copy()
        says[known], about[known] = new.says, new.about
        return Chances(says, about)

    def interval(self, says: Numbers, language: str) -> tuple[int, int]:
        """Between which numbers of reports the true one is, for seven topics of eight."""
        expected = float(says.sum())
        if expected < 0.5:
            return 0, ceil(expected + 2 * sqrt(expected))
        chance = DISPERSION * float((says * (1 - says)).sum()) / expected**2
        from_topic = self._weights["spread"].get(language, self._weights["spread"]["other"])
        spread = exp(self._weights["width"] * sqrt(chance + from_topic**2))
        return floor(expected / spread), min(len(says), ceil(expected * spread))


def judged_features(chances: Chances, second: Numbers) -> Numbers:
    """What the second verdict rests on: the first one's log odds, and what a second look found."""
    return np.column_stack([log_odds(chances.says), log_odds(chances.about), second])


def log_odds(values: Numbers) -> Numbers:
    """The logarithms of the odds of probabilities."""
    clipped = values.clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _chance(odds: Numbers) -> Numbers:
    """The probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)))


@cache
def classifier() -> Classifier:
    """The classifier that comes with the product."""
    return Classifier(json.loads(WEIGHTS.read_text("utf-8")))


def uncertain(says: Numbers) -> list[int]:
    """The reports that a second look may change, the least certain first."""
    low, high = UNCERTAIN
    rows = np.flatnonzero((says > low) & (says < high))
    return [int(n) for n in rows[np.argsort(abs(says[rows] - 0.5), kind="stable")][:MOST_JUDGED]]


def waited_scores(
    reranker: CrossEncoder, topic: str, texts: Sequence[str], stop: Stop | None
) -> Sequence[float] | None:
    """The logits of texts; None where it is busy for longer than a survey waits, or is stopped."""
    until = monotonic() + PATIENCE
    while monotonic() < until and not (stop and stop.is_set()):
        try:
            return reranker.scores(topic, texts)
        except Shed:
            break
        except TimeoutError:
            sleep(PAUSE)
    return None


def second_look(
    topic: Topic,
    measured: Measured,
    reports: Sequence[int],
    measure: ReportMeasure,
    reranker: CrossEncoder,
    progress: Progress = lambda *_: None,
    stop: Stop | None = None,
) -> Numbers:
    """What is found of these reports (reports x SECOND), nan for others.

    The cross-encoder's logit of the best sentence, after title and tags, which say what it leaves
    open; and how much nearer the report's passages are to the relevant sentences' passages than to
    those of the others. Sentences in other languages than the cross-encoder's own are not judged,
    nor any where it stays busy.
    """
    passages = measure.snapshot.passages
    nearest = ((report, near) for report in reports for near in measured.sentences(report, 1))
    pairs = [
        (report, near.passage, after_tags(passage, near.span))
        for report, near in nearest
        if (passage := passages[near.passage]).language == topic.language == reranker.language
    ]
    found = np.full((len(measured.features), len(SECOND)), np.nan)
    done = 0
    while done < len(pairs) and not (stop and stop.is_set()):
        part = pairs[done : done + AT_A_TIME]
        scores = waited_scores(reranker, topic.text, [text for *_, text in part], stop)
        if scores is None:
            break
        found[[report for report, *_ in part], 0] = scores
        done += len(part)
        progress("judging", done, len(pairs))
    if done:
        read = [report for report, *_ in pairs[:done]]
        relevant = np.array([reranker.relevance(logit) for logit in found[read, 0]])
        likeness = measure.likeness([at for _, at, _ in pairs[:done]], relevant)[read]
        # Few reports are further apart than many: what counts is how much of the way it is.
        found[read, 1] = (likeness - likeness.mean()) / (likeness.std() + LEAST_SPREAD)
    return found


def after_tags(passage: Passage, span: Span) -> str:
    """A sentence as it is read with a topic: after its report's title and tags."""
    tags = ", ".join(tags_of(passage.report))
    return f"{passage.report.title}. {tags}. {passage.text[slice(*span)]}"


def tags_of(info: ReportInfo) -> tuple[str, ...]:
    """The tags of a report that say what it is about."""
    return (*info.thematic_areas, *info.datasources, *info.methods)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was measured of a topic, how likely reports speak of it, and whether it is absent."""

    measured: Measured
    chances: Chances
    is_absent: bool


def standing_out(features: Numbers, passages: int) -> npt.NDArray[np.bool_]:
    """Which reports, of so many passages, are nearer in meaning to a topic than by chance."""
    least = STANDS_OUT + MORE_OF_MANY * log(max(1, passages))
    return np.asarray(features[:, FEATURES.index("meaning")] >= least)


def is_absent(
    features: Numbers,
    second: Numbers | None = None,
    surest: float = 0.0,
    is_found: bool | None = None,
) -> bool:
    """Whether the collection does not speak of a topic at all.

    It is not `is_found`, if that is known, else no report has all its words, and the cross-encoder
    reads no sentence that clearly says something of it ("chatbots for public services"); or it read
    the nearest report and finds that none says anything. Of topics of several parts ("coral reefs
    and mangroves") no sentence says all: `surest` is the highest probability before its look that a
    report speaks of such a topic, which goes before.
    """
    if second is not None and len(known := second[~np.isnan(second[:, 0]), 0]):
        nearest = int(np.argmax(features[:, FEATURES.index("meaning")]))
        if known.max() >= SAYS_IT:
            return False
        if surest < SURE and known.max() < ANSWERS and not np.isnan(second[nearest, 0]):
            return True
    return not (is_met(features) if is_found is None else is_found)


def judge_topic(
    measure: ReportMeasure,
    topic: Topic,
    scope: Collection[str],
    reranker: CrossEncoder | None = None,
    *,
    is_quick: bool = False,
    first: Callable[[Judged], None] = lambda _: None,
    progress: Progress = lambda *_: None,
    stop: Stop | None = None,
) -> Judged:
    """How likely the reports of a scope speak of a topic.

    The cross-encoder, if there is one, judges the likeliest, and uncertain ones; `first` is told
    before what is known without it. Where `is_quick` is set, fewer are judged, and only sentences
    of the scope are read.
    """
    progress("reading", 0, len(scope))
    measured = measure.measure(topic, frozenset(scope if is_quick else ()))
    progress("reading", len(scope), len(scope))
    chances = classifier().chances(measured.features)
    inside = measure.inside(scope)
    surest = float(chances.says[inside].max(initial=0)) if len(topic.parts) > 1 else 0.0
    second = None
    if reranker:
        first(Judged(measured, chances, False))
        likeliest = np.argsort(np.where(inside, -chances.about, 1), kind="stable")[:FIRST]
        unsure = uncertain(np.where(inside, chances.says, 0))[: MOST_READ if is_quick else None]
        read = [n for n in dict.fromkeys([*likeliest.tolist(), *unsure]) if inside[n]]
        second = second_look(topic, measured, read, measure, reranker.topics, progress, stop)
        chances = classifier().judged(chances, second)
    apart = standing_out(measured.features, len(measure.snapshot.passages))
    is_found = (is_met(measured.features) and not topic.is_unknown) or bool(apart.any())
    absent = is_absent(measured.features, second, surest, is_found)
    return Judged(measured, chances if absent else chances.raised(apart), absent)


@dataclass(frozen=True, slots=True)
class Speaking:
    """How likely a report says something of a topic, and is about it, and its nearest sentences."""

    says: float
    about: float
    sentences: tuple[tuple[str, int], ...]  # best first: passage, and where they start
    closest: float = 0.0  # the highest cosine of its sentences to the topic


def speaking(
    measure: ReportMeasure, judged: Judged, reports: Collection[str]
) -> dict[str, Speaking]:
    """These reports by their ids, those most about a topic first."""
    chances, measured, passages = judged.chances, judged.measured, measure.snapshot.passages
    closest = measured.features[:, FEATURES.index("closest_sentence")]
    inside = np.flatnonzero(measure.inside(reports))
    return {
        measure.ids[n]: Speaking(
            float(chances.says[n]),
            float(chances.about[n]),
            tuple((passages[s.passage].id, s.span[0]) for s in measured.sentences(n, NEAREST)),
            float(closest[n]),
        )
        for n in inside[np.argsort(-chances.about[inside], kind="stable")].tolist()
    }
