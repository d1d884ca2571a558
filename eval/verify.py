"""Measures the verifier: on sentences made wrong on purpose, and against people's ratings.

AUROC is the chance that a supported sentence gets more support than one that is not (Fawcett 2006);
intervals are 95 % bootstrap intervals over what was made of one sentence, or over answers. The
baseline is the share of a sentence's content words that its passages have, 0 where they lack one
of its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.files import read_text
from eval.perturb import CHANGES, Pair
from eval.stats import LEVEL, RESAMPLES, SEED, Estimate, Floats
from rag.cite import cited_sentences, coverage, numbers_in
from rag.errors import InputError
from rag.types import Passage, ReportInfo
from rag.verify import RANK, Verifier
from rag.words import language_of, terms, words

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
    rng = np.random.default_rng(SEED)
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
