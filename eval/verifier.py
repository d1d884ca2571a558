"""Measures the verifier: on sentences made wrong on purpose, and against people's ratings.

AUROC is the chance that a supported sentence gets more support than one that is not (Fawcett 2006);
intervals are 95 % bootstrap intervals over what was made of one sentence, or over answers. The
baseline is the share of a sentence's content words that its passages have, 0 where they lack one
of its numbers.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from eval import figures
from eval.cases import Case, read_text
from eval.matching import holds
from rag.catalog.tag_fields import ReportInfo
from rag.citation.citations import coverage, numbers_in
from rag.citation.verify import RANK, Verifier
from rag.errors import InputError
from rag.text.citation_marks import cited_sentences
from rag.text.language import language_of
from rag.text.sentences import sentences
from rag.text.tokenize import terms, words
from rag.types import Passage

if TYPE_CHECKING:
    from rag.engine import Engine

Change = Literal["none", "number", "country", "denial", "citation"]
CHANGES: tuple[Change, ...] = ("number", "country", "denial", "citation")
# People rated faithfulness from 1 to 4; an answer of at least so much is called faithful.
FAITHFUL = 3.0
# Seed of what is changed.
SEED = 7
# Words of a sentence that is judged, and of a report's sentence that is taken by itself.
LEAST_WORDS = 4
QUOTE_WORDS = range(8, 46)
# After which word a denial is put, and what it is there; the second form goes before the word.
_DENIED = {
    "en": (r"\b(?:was|were|is|are|had|has|have|can|could|will|would|did|should)\b", "{} not"),
    "fr": (r"\b(?:est|était|sont|ont|a)\b", "n'{} pas"),
    "es": (r"\b(?:fue|fueron|son|es|era|está|han|ha)\b", "no {}"),
    "pt": (r"\b(?:foi|foram|são|é|era|está|têm|tem)\b", "não {}"),
}
_DENIAL = re.compile(r"\b(?:not|no|never|without) ")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?![\w.,]*\d)")
_ITEM = re.compile(r"^\W*\(?\w{1,2}[.)]\s+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence with the passages that it cites, and what was changed.

    `quoted` are sentences of reports themselves, others were written from them to answer the
    `question`. Pairs of one `group` were made of one sentence.
    """

    sentence: str
    language: str
    passages: tuple[Passage, ...]
    change: Change
    quoted: bool
    group: str
    question: str = ""

    @property
    def supported(self) -> bool:
        """Whether nothing was changed."""
        return self.change == "none"


@dataclass(frozen=True, slots=True)
class RatedPassage:
    """A passage that a rated answer was written from."""

    text: str
    title: str | None = ""


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """An answer of another system, its passages, and how faithful people found it (1 to 4)."""

    id: str | int
    answer: str
    passages: tuple[RatedPassage, ...]
    faithfulness: float


_RATED = TypeAdapter(RatedAnswer)


@dataclass(frozen=True, slots=True)
class Judged:
    """One sentence or answer: whether it is supported, and what verifier and baseline gave it."""

    supported: bool
    passed: bool
    score: float
    baseline: float
    group: str


Metric = Callable[[Sequence[Judged]], float]


def make_pairs(engine: Engine, cases: Sequence[Case], quotes: int) -> list[Pair]:
    """Supported pairs and changed ones: of the cases' good answers, and of `quotes` sentences."""
    rng = random.Random(SEED)
    labs = sorted({p.report.lab for p in engine.passages if len(p.report.countries) == 1})
    supported = [*_pairs_of_cases(engine, cases), *_pairs_of_reports(engine, quotes, rng)]
    return [pair for first in supported for pair in (first, *_changed(first, engine, labs, rng))]


def _pairs_of_cases(engine: Engine, cases: Sequence[Case]) -> Iterator[Pair]:
    by_report: dict[str, list[Passage]] = defaultdict(list)
    for passage in engine.passages:
        by_report[passage.report.id].append(passage)
    for case in cases:
        holding = [
            [p for p in by_report[e.report] if holds(p.text, e.quote)] for e in case.evidence
        ]
        shortest = [min(holders, key=lambda p: len(p.text)) for holders in holding if holders]
        passages = tuple({p.id: p for p in shortest}.values())
        if not passages or case.type == "listing" or len(passages) < len(set(case.reports)):
            continue
        for n, (start, end) in enumerate(sentences(case.answer)):
            sentence = case.answer[start:end]
            if len(words(sentence)) >= LEAST_WORDS:
                group = f"{case.id}.{n}"
                yield Pair(sentence, case.lang, passages, "none", False, group, case.question)


def _pairs_of_reports(engine: Engine, count: int, rng: random.Random) -> Iterator[Pair]:
    pool = [p for p in engine.passages if p.stage != "admin" and len(p.report.countries) == 1]
    for passage in rng.sample(pool, min(count, len(pool))):
        parts = [_ITEM.sub("", passage.text[a:b]) for a, b in sentences(passage.text)]
        parts = [part for part in parts if len(words(part)) in QUOTE_WORDS]
        if parts:
            text = f"{_source(passage.report.lab, passage)}: {rng.choice(parts)}"
            yield Pair(text, passage.language, (passage,), "none", True, passage.id)


def _source(lab: str, passage: Passage) -> str:
    return f"{lab} ({passage.report.year}, {passage.report.kind})"


def _changed(pair: Pair, engine: Engine, labs: Sequence[str], rng: random.Random) -> Iterator[Pair]:
    head, _, text = pair.sentence.rpartition("): ") if pair.quoted else ("", "", pair.sentence)
    lead = f"{head}): " if head else ""
    wrong = rng.choice([lab for lab in labs if lab not in {p.report.lab for p in pair.passages}])
    source = _source(wrong, pair.passages[0]) if pair.quoted else wrong
    if renumbered := _renumbered(text, pair, rng):
        yield replace(pair, sentence=lead + renumbered, change="number")
    if denied := _denied(text, pair.language):
        yield replace(pair, sentence=lead + denied, change="denial")
    yield replace(pair, sentence=f"{source}: {text}", change="country")
    cited = {p.report.id for p in pair.passages}
    for hit in engine.search(text[:300], k=12):
        if hit.passage.report.id not in cited and not holds(hit.passage.text, text):
            yield replace(pair, passages=(hit.passage,), change="citation")
            return


def _renumbered(text: str, pair: Pair, rng: random.Random) -> str:
    """The sentence with one number another one, which its passages don't have; or ""."""
    spots = list(_NUMBER.finditer(text))
    if not spots:
        return ""
    spot = rng.choice(spots)
    values = [int(spot.group()) + step for step in (1, 2, 3, 7, 10)]
    source = " ".join(f"{p.text} {p.context}" for p in pair.passages)
    new = [str(value) for value in values if not re.search(rf"\b{value}\b", source)]
    return f"{text[: spot.start()]}{rng.choice(new)}{text[spot.end() :]}" if new else ""


def _denied(text: str, language: str) -> str:
    """The sentence with its denial taken out, or one put in; "" where that can't be done."""
    if language == "en" and (denial := _DENIAL.search(text)):
        return text[: denial.start()] + text[denial.end() :]
    if language_of(text, default=language) != language or language not in _DENIED:
        return ""
    verb, form = _DENIED[language]
    match = re.search(verb, text)
    return text[: match.start()] + form.format(match.group()) + text[match.end() :] if match else ""


def load_rated(path: Path) -> list[RatedAnswer]:
    """Rated answers: JSON lines with id, answer, passages (title?, text) and faithfulness.

    Raises:
        InputError: the file can't be read or a line is not such an answer; names the line.
    """
    rated = []
    lines = read_text(path, "Name a file of rated answers.").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rated.append(_RATED.validate_json(line))
        except ValidationError as error:
            needs = "Each line needs id, answer, passages and faithfulness."
            raise InputError(f"{path}, line {number}: not a rated answer. {needs}") from error
    return rated


def judge_pairs(pairs: Sequence[Pair]) -> list[Judged]:
    """What the verifier makes of each pair; it passes where it is "supported"."""
    verifiers = {question: Verifier(question=question) for question in {p.question for p in pairs}}
    judged = []
    for pair in pairs:
        verdict = verifiers[pair.question].verify(pair.sentence, pair.passages, pair.language)
        # Doubts of which the support knows nothing lower the status, so that comes first.
        score = verdict.support + RANK[verdict.status]
        words_score = baseline(pair.sentence, pair.passages, pair.language)
        passed = verdict.status == "supported"
        judged.append(Judged(pair.supported, passed, score, words_score, pair.group))
    return judged


def baseline(sentence: str, passages: Sequence[Passage], language: str) -> float:
    """The share of a sentence's content words in its passages; 0 where they lack a number."""
    text = " ".join(f"{p.text} {p.context}" for p in passages)
    share = coverage(set(terms(sentence, language)), text, language)
    return share if numbers_in(sentence) <= numbers_in(text) else 0.0


def judge_rated(rated: Sequence[RatedAnswer]) -> list[Judged]:
    """Answers that people rated, each by the mean over its sentences; a mean passes nothing.

    Answers without passages are left out: there is nothing to verify them by.
    """
    verifier = Verifier()
    judged = []
    for line in rated:
        passages = [_passage(n, passage) for n, passage in enumerate(line.passages)]
        parts = [s for s, _ in cited_sentences(line.answer) if len(words(s)) >= LEAST_WORDS]
        if passages and parts:
            support = [verifier.verify(s, passages, language_of(s)).support for s in parts]
            shares = [baseline(s, passages, language_of(s)) for s in parts]
            means = float(np.mean(support)), float(np.mean(shares))
            judged.append(Judged(line.faithfulness >= FAITHFUL, False, *means, str(line.id)))
    return judged


def _passage(n: int, passage: RatedPassage) -> Passage:
    info = ReportInfo(f"p{n}", passage.title or "")
    return Passage(f"p{n}", info, "", "", passage.text, (), language=language_of(passage.text))


def auroc(judged: Sequence[Judged], by: Literal["score", "baseline"] = "score") -> float:
    """The chance that one that is supported scores higher than one that is not; ties half."""
    scores: dict[bool, list[float]] = {True: [], False: []}
    for item in judged:
        scores[item.supported].append(getattr(item, by))
    yes, no = np.sort(scores[True]), np.array(scores[False])
    if not len(yes) or not len(no):
        return float("nan")
    below = np.searchsorted(yes, no, "left") + np.searchsorted(yes, no, "right")
    return float(1 - below.mean() / 2 / len(yes))


def not_passed(judged: Sequence[Judged], supported: bool) -> float:
    """The share of the supported or of the other ones that don't pass."""
    failed = [not j.passed for j in judged if j.supported == supported]
    return float(np.mean(failed)) if failed else float("nan")


false_alarms: Metric = partial(not_passed, supported=True)
caught: Metric = partial(not_passed, supported=False)


def resampled(judged: Sequence[Judged], metric: Metric) -> figures.Estimate:
    """A metric with its bootstrap interval over groups; `n` counts what was judged."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for item in judged:
        groups[item.group].append(item)
    rng = np.random.default_rng(figures.SEED)
    members = list(groups.values())
    values = []
    for _ in range(figures.RESAMPLES // 10):
        drawn = rng.integers(len(members), size=len(members))
        values.append(metric([item for group in drawn for item in members[group]]))
    low, high = np.nanquantile(values, (figures.LEVEL / 2, 1 - figures.LEVEL / 2))
    return figures.Estimate(metric(judged), float(low), float(high), len(judged))


def table(pairs: Sequence[Pair], rated: Sequence[RatedAnswer]) -> str:
    """All measures as a Markdown table; without rated answers those on the pairs alone."""
    judged = judge_pairs(pairs)
    both = list(zip(pairs, judged, strict=True))
    ranking: dict[str, Metric] = {
        "AUROC": auroc,
        "AUROC of the baseline": partial(auroc, by="baseline"),
    }
    passing = {**ranking, "false alarms": false_alarms, "caught": caught}
    parts: list[tuple[str, Sequence[Judged], Mapping[str, Metric]]] = [
        ("all sentences", judged, passing),
        ("sentences of reports", [j for pair, j in both if pair.quoted], passing),
        ("sentences of good answers", [j for pair, j in both if not pair.quoted], passing),
        *(
            (f"a changed {change}", [j for p, j in both if p.change == change], {"caught": caught})
            for change in CHANGES
        ),
        ("answers rated by people", judge_rated(rated), ranking),
    ]
    lines = ["| on | measure | value | 95 % | n |", "|---|---|---|---|---|"]
    for name, part, metrics in parts:
        for measure, metric in metrics.items() if part else ():
            value = resampled(part, metric)
            interval = f"{value.low:.3f} to {value.high:.3f}"
            lines.append(f"| {name} | {measure} | {value.mean:.3f} | {interval} | {value.n} |")
    return "\n".join(lines)
