"""Measures the verifier: on sentences made wrong on purpose, and against people's ratings.

AUROC is the chance that a supported sentence gets more support than one that is not (Fawcett 2006);
intervals are 95 % bootstrap intervals over what was made of one sentence, or over answers. The
baseline is the share of a sentence's content words that its passages have, 0 where they lack one
of its numbers.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eval.cases import Case, read_text
from eval.matching import holds
from eval.stats import (
    LEVEL,
    RESAMPLES,
    Estimate,
    Floats,
)
from eval.stats import (
    SEED as STATS_SEED,
)
from rag.catalog.fields import ReportInfo
from rag.citation.citations import coverage, numbers_in
from rag.citation.verify import RANK, Verifier
from rag.errors import InputError
from rag.text.language import language_of
from rag.text.marks import cited_sentences
from rag.text.sentences import sentences
from rag.text.tokenize import terms, words
from rag.types import Passage

if TYPE_CHECKING:
    from rag.engine import Engine


# People rated faithfulness from 1 to 4; an answer of at least so much is called faithful. That is a
# convention of the scale (371 of 450 answers), not tuned: the AUROC is 0.92, with 2.5 (391) 0.96,
# with 3.5 (291) 0.84.
FAITHFUL = 3.0
_LEAST = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """One sentence or answer: whether it is supported, and what verifier and baseline gave it."""

    supported: bool
    passed: bool
    score: float
    baseline: float
    group: str


def judge_pairs(pairs: Sequence[Pair]) -> list[Judged]:
    """What the verifier makes of each pair; it passes where it is "supported"."""
    verifiers = {pair.question: Verifier(question=pair.question) for pair in pairs}
    judged = []
    for pair in pairs:
        verdict = verifiers[pair.question].verify(pair.sentence, pair.passages, pair.language)
        # Doubts of which the support knows nothing lower the status, so that comes first.
        score = verdict.support + RANK[verdict.status]
        base = baseline(pair.sentence, pair.passages, pair.language)
        judged.append(
            Judged(pair.supported, verdict.status == "supported", score, base, pair.group)
        )
    return judged


def baseline(sentence: str, passages: Sequence[Passage], language: str) -> float:
    """The share of a sentence's content words in its passages; 0 where they lack a number."""
    text = " ".join(f"{p.text} {p.context}" for p in passages)
    share = coverage(set(terms(sentence, language)), text, language)
    return share if numbers_in(sentence) <= numbers_in(text) else 0.0


def judge_rated(rated: Sequence[Mapping[str, Any]]) -> list[Judged]:
    """Answers that people rated, each by the mean over its sentences.

    Answers without passages are left out: there is nothing to verify them by. An answer passes
    where its mean is over the threshold that is best for the other half of the answers.
    """
    verifier = Verifier()
    judged = []
    for line in rated:
        passages = [_passage(n, p) for n, p in enumerate(line["passages"])]
        told = [s for s, _ in cited_sentences(line["answer"]) if len(words(s)) >= _LEAST]
        if passages and told:
            ours = [verifier.verify(s, passages, language_of(s)).support for s in told]
            base = [baseline(s, passages, language_of(s)) for s in told]
            faithful = float(line["faithfulness"]) >= FAITHFUL
            means = float(np.mean(ours)), float(np.mean(base))
            judged.append(Judged(faithful, False, *means, line["id"]))
    cuts = [_best_cut(judged[1::2]), _best_cut(judged[::2])]
    return [replace(one, passed=one.score >= cuts[i % 2]) for i, one in enumerate(judged)]


def _best_cut(judged: Sequence[Judged]) -> float:
    def accuracy(cut: float) -> float:
        return balanced_accuracy([replace(one, passed=one.score >= cut) for one in judged])

    return max(sorted({one.score for one in judged}) or [0.0], key=accuracy)


def _passage(n: int, given: Mapping[str, str]) -> Passage:
    info = ReportInfo(f"p{n}", given.get("title") or "")
    return Passage(f"p{n}", info, "", "", given["text"], (), language=language_of(given["text"]))


def load_rated(path: Path) -> list[Mapping[str, Any]]:
    """Rated answers: JSON lines with id, answer, passages (title?, text) and faithfulness.

    Raises:
        InputError: the file can't be read or a line is not such an answer; names the line.
    """
    lines = read_text(path, "Name a file of rated answers.").split("\n")
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            str(one["id"]), float(one["faithfulness"]), one["answer"] + ""
            all(p["text"] + "" for p in one["passages"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}, line {number}: not a rated answer ({error}). Each line needs id, answer, "
                "passages and faithfulness."
            ) from error
        found.append(one)
    return found


def auroc(supported: Floats, scores: Floats) -> float:
    """The chance that one that is supported scores higher than one that is not; ties half."""
    yes, no = np.sort(scores[supported > 0]), scores[supported == 0]
    if not len(yes) or not len(no):
        return float("nan")
    below = np.searchsorted(yes, no, "left") + np.searchsorted(yes, no, "right")
    return float(1 - below.mean() / 2 / len(yes))


def resampled(judged: Sequence[Judged], metric: Callable[[Sequence[Judged]], float]) -> Estimate:
    """A metric with its bootstrap interval over groups; `n` counts what was judged."""
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(one.group, []).append(one)
    rng = np.random.default_rng(STATS_SEED)
    members = list(groups.values())
    found = []
    for _ in range(RESAMPLES // 10):
        picks = rng.integers(len(members), size=len(members))
        found.append(metric([one for pick in picks for one in members[pick]]))
    low, high = np.nanquantile(found, (LEVEL / 2, 1 - LEVEL / 2))
    return Estimate(metric(judged), float(low), float(high), len(judged))


def _auroc_of(field: str) -> Callable[[Sequence[Judged]], float]:
    def metric(judged: Sequence[Judged]) -> float:
        return auroc(
            np.array([float(one.supported) for one in judged]),
            np.array([float(getattr(one, field)) for one in judged]),
        )

    return metric


def balanced_accuracy(judged: Sequence[Judged]) -> float:
    """The mean of the shares of supported ones that pass and of others that don't."""
    return (1 - false_alarms(judged) + caught(judged)) / 2


def false_alarms(judged: Sequence[Judged]) -> float:
    """The share of supported ones that don't pass."""
    return _share_failed([one for one in judged if one.supported])


def caught(judged: Sequence[Judged]) -> float:
    """The share of unsupported ones that don't pass."""
    return _share_failed([one for one in judged if not one.supported])


def _share_failed(judged: Sequence[Judged]) -> float:
    return float(np.mean([not one.passed for one in judged])) if judged else float("nan")


def table(pairs: Sequence[Pair], rated: Sequence[Mapping[str, Any]]) -> str:
    """All measures as a Markdown table; without rated answers those on the pairs alone."""
    lines = ["| on | measure | value | 95 % | n |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(pairs, rated)]
    return "\n".join(lines)


def _rows(pairs: Sequence[Pair], rated: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    judged = judge_pairs(pairs)
    both = list(zip(pairs, judged, strict=True))
    parts = {
        "all sentences": judged,
        "sentences of reports": [one for pair, one in both if pair.quoted],
        "sentences of good answers": [one for pair, one in both if not pair.quoted],
    }
    for name, part in parts.items():
        if part:
            yield from _measures(name, part)
            yield _row(name, "false alarms", resampled(part, false_alarms))
            yield _row(name, "caught", resampled(part, caught))
    for change in CHANGES:
        part = [one for pair, one in both if pair.change == change]
        if part:
            yield _row(f"a changed {change}", "caught", resampled(part, caught))
    if rated:
        yield from _measures("answers rated by people", judge_rated(rated))


def _measures(name: str, judged: Sequence[Judged]) -> Iterator[Sequence[str]]:
    yield _row(name, "AUROC", resampled(judged, _auroc_of("score")))
    yield _row(name, "AUROC of the baseline", resampled(judged, _auroc_of("baseline")))
    yield _row(name, "balanced accuracy", resampled(judged, balanced_accuracy))


def _row(name: str, measure: str, found: Estimate) -> Sequence[str]:
    return name, measure, f"{found.mean:.3f}", f"{found.low:.3f} to {found.high:.3f}", str(found.n)


# Makes sentences that passages support, and the same sentences with one thing made wrong.


Change = Literal["none", "number", "country", "denial", "citation"]
CHANGES: tuple[Change, ...] = ("number", "country", "denial", "citation")
SEED = 7
# Sentences of reports are taken by themselves where they have so many words.
_LENGTH = range(8, 46)
_PERTURB_LEAST = 4
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
    """A sentence with the passages that it cites, whether they support it, and what was changed.

    `quoted` are sentences of reports themselves, others were written from them to answer the
    `question`. Pairs of one `group` were made of one sentence.
    """

    sentence: str
    language: str
    passages: tuple[Passage, ...]
    supported: bool
    change: Change
    quoted: bool
    group: str
    question: str = ""


def make_pairs(engine: Engine, cases: Sequence[Case], quotes: int) -> list[Pair]:
    """Supported pairs and changed ones: of the cases' good answers, and of `quotes` sentences."""
    rng = random.Random(SEED)
    labs = sorted({p.report.lab for p in engine.passages if len(p.report.countries) == 1})
    supported = [*_of_cases(engine, cases), *_of_reports(engine, quotes, rng)]
    return [pair for one in supported for pair in (one, *_changed(one, engine, labs, rng))]


def _of_cases(engine: Engine, cases: Sequence[Case]) -> Iterator[Pair]:
    by_report: dict[str, list[Passage]] = {}
    for passage in engine.passages:
        by_report.setdefault(passage.report.id, []).append(passage)
    for case in cases:
        found = [_holding(by_report.get(e.report, ()), e.quote) for e in case.evidence]
        passages = tuple({p.id: p for p in found if p}.values())
        if not passages or case.type == "listing" or len(passages) < len(set(case.reports)):
            continue
        for n, (start, end) in enumerate(sentences(case.answer)):
            said = case.answer[start:end]
            if len(words(said)) >= _PERTURB_LEAST:
                group = f"{case.id}.{n}"
                yield Pair(said, case.lang, passages, True, "none", False, group, case.question)


def _holding(passages: Sequence[Passage], quote: str) -> Passage | None:
    found = [passage for passage in passages if holds(passage.text, quote)]
    return min(found, key=lambda passage: len(passage.text)) if found else None


def _of_reports(engine: Engine, count: int, rng: random.Random) -> Iterator[Pair]:
    pool = [p for p in engine.passages if p.stage != "admin" and len(p.report.countries) == 1]
    for passage in rng.sample(pool, min(count, len(pool))):
        told = [_ITEM.sub("", passage.text[a:b]) for a, b in sentences(passage.text)]
        told = [one for one in told if len(words(one)) in _LENGTH]
        if told:
            said = f"{_speaker(passage.report.lab, passage)}: {rng.choice(told)}"
            yield Pair(said, passage.language, (passage,), True, "none", True, passage.id)


def _speaker(lab: str, passage: Passage) -> str:
    return f"{lab} ({passage.report.year}, {passage.report.kind})"


def _changed(pair: Pair, engine: Engine, labs: Sequence[str], rng: random.Random) -> Iterator[Pair]:
    """The pair with each of the changes that it can take."""
    head, _, said = pair.sentence.rpartition("): ") if pair.quoted else ("", "", pair.sentence)
    lead = f"{head}): " if head else ""
    wrong = rng.choice([lab for lab in labs if lab not in {p.report.lab for p in pair.passages}])
    if pair.quoted:
        other_lab = f"{_speaker(wrong, pair.passages[0])}: {said}"
    else:
        other_lab = f"{wrong}: {said}"
    found: dict[Change, str] = {
        "number": _renumbered(said, pair, rng),
        "denial": _denied(said, pair.language),
    }
    for change, text in found.items():
        if text:
            yield replace(pair, sentence=lead + text, supported=False, change=change)
    yield replace(pair, sentence=other_lab, supported=False, change="country")
    own = {p.report.id for p in pair.passages}
    other = [
        hit.passage
        for hit in engine.search(said[:300], k=12)
        if hit.passage.report.id not in own and not holds(hit.passage.text, said)
    ]
    if other:
        yield replace(pair, passages=(other[0],), supported=False, change="citation")


def _renumbered(said: str, pair: Pair, rng: random.Random) -> str:
    """The sentence with one number another one, which its passages don't have; or ""."""
    spots = list(_NUMBER.finditer(said))
    there = " ".join(f"{p.text} {p.context}" for p in pair.passages)
    if not spots:
        return ""
    spot = rng.choice(spots)
    values = [int(spot.group()) + step for step in (1, 2, 3, 7, 10)]
    new = [str(value) for value in values if not re.search(rf"\b{value}\b", there)]
    return f"{said[: spot.start()]}{rng.choice(new)}{said[spot.end() :]}" if new else ""


def _denied(said: str, language: str) -> str:
    """The sentence with its denial taken out, or one put in; "" where that can't be done."""
    if language == "en" and (found := _DENIAL.search(said)):
        return said[: found.start()] + said[found.end() :]
    if language_of(said, default=language) != language or language not in _DENIED:
        return ""
    verb, form = _DENIED[language]
    match = re.search(verb, said)
    return said[: match.start()] + form.format(match.group()) + said[match.end() :] if match else ""
