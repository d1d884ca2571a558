"""Reads from a report's form how strong its findings are, and counts that over surveys.

Nothing is guessed: a rung rests on a tag or on an answer that is named, and an outcome on an answer
in plain words. Other answers are "unclear". Gap maps, trends, sides of comparisons and what reports
say to a claim count the rows of a survey.
"""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from math import sqrt
from pathlib import Path

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import report_values
from rag.citation.quotes import verbatim
from rag.i18n.labels import format_count, format_label, join_parts, kinds_label
from rag.i18n.translations import Translations, format_share
from rag.survey.columns import nearest_kind
from rag.survey.features import ReportMeasure
from rag.survey.types import (
    RUNGS,
    STANCES,
    Consensus,
    Evidence,
    GapCell,
    GapMap,
    Outcome,
    Rung,
    Stance,
    Survey,
    SurveyRow,
    TrendPoint,
)
from rag.text.sentences import sentences
from rag.text.tokenize import share, terms
from rag.types import Passage

# Tags of an experiment that tell how strong it is.
TELLING = ("experiment_status", "control_group", "sample_size", "scaling")
_DONE = ("Completed", "Implementation Stage")
# What form questions for findings ask for, as `columns.toml` names it.
_FINDINGS = ("learned", "outcome", "surprise", "impact", "barriers", "advice")
_READ = 2  # sentences of an answer to the question for a hypothesis
LEAST_SHARED = 0.5  # share of a claim's words that a report has whose hypothesis counts
_OF_OUTCOME: Mapping[Outcome, Stance] = {
    "proven": "supports",
    "partly": "partly",
    "disproven": "against",
}
_CLEARLY = 1.96  # the z-score that one in twenty has by chance
LEAST_OF_YEAR = 10  # reports of a year from which a share is told
MOST_VALUES = 12  # themes and other tags of a map, those with most reports that speak of the topic
_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_SAYS = {name: re.compile(text % _WORDS, re.IGNORECASE) for name, text in _WORDS.items()}


def evidence_of(report_id: str, measure: ReportMeasure) -> Evidence:
    """The evidence of a report by its tags and its passages."""
    report, passages = measure.snapshot.report(report_id), measure.snapshot.passages_of(report_id)
    info = report.info
    tags = {key: values for key, values in info.facts.items() if any(values)}
    rung, field, value = _rung(info.kind, tags, passages)
    missing = tuple(key for key in TELLING if key not in tags) if info.kind == "experiment" else ()
    for passage in passages:
        if passage.part == 1 and _SAYS["hypothesis"].search(passage.prompt):
            passage = measure.shown(passage)
            read = sentences(passage.text)[:_READ]
            quote = passage.text[read[0][0] : read[-1][1]] if read else ""
            if place := verbatim(quote, report.raw, passage.spans):
                outcome = outcome_of(quote, ())
                return Evidence(rung, field, value, missing, outcome, *place, passage)
    return Evidence(rung, field, value, missing, outcome_of("", report.unanswered))


def _rung(
    kind: str, tags: Mapping[str, Sequence[str]], passages: Sequence[Passage]
) -> tuple[Rung | None, str, str]:
    """The highest rung that a report reaches, the field that says so, and what that says."""
    for value in tags.get("scaling", ()):
        if _SAYS["scaled"].search(value):
            return "scaled", "scaling", value
    for passage in passages:
        lines = passage.text.splitlines() if _SAYS["after"].search(passage.prompt) else ()
        for line in lines:
            # What was ticked, not what a lab wrote beside it.
            if line.startswith("- ") and _SAYS["scaled"].search(line):
                return "scaled", passage.prompt, line[2:]
    found = next((p.prompt or p.section for p in passages if p.stage == "finding"), "")
    status = next(iter(tags.get("experiment_status", ())), "")
    if kind == "experiment" and (found or status in _DONE):
        compared = next((v for v in tags.get("control_group", ()) if v.startswith("Yes")), "")
        if compared:
            return "compared", "control_group", compared
        return "test", *(("experiment_status", status) if status in _DONE else (found, ""))
    if kind in ("plan", "experiment"):
        field = "experiment_status" if status else "kind"
        return "intention", field, status or kind
    if kind in ("closing", "solution"):
        return "observation", "kind", kind
    return ("observation", found, "") if found else (None, "", "")


def outcome_of(answer: str, unanswered: Collection[str]) -> Outcome | None:
    """What an answer says of a hypothesis; of none, whether a form question was left blank."""
    if not answer:
        return "blank" if any(map(_SAYS["hypothesis"].search, unanswered)) else None
    if _SAYS["open"].search(answer):
        return "unclear"
    if _SAYS["partly"].match(answer):
        return "partly"
    rest = _SAYS["denied"].sub("", answer)
    denied = rest != answer or bool(_SAYS["no"].match(answer))
    proven = bool(_SAYS["proven"].search(rest) or _SAYS["yes"].match(answer))
    if denied == proven:
        return "unclear"
    return "disproven" if denied else "proven"


def is_finding(passage: Passage, sentence: str) -> bool:
    """Whether a sentence of a passage tells what was found, not what is asked or supposed."""
    if passage.stage != "finding" or sentence.endswith("?") or _SAYS["supposed"].search(sentence):
        return False
    return nearest_kind(passage.prompt or passage.section)[0] in _FINDINGS


def gap_map(
    survey: Survey, catalog: Catalog, by: tuple[str, str] = ("country", "year"), column: str = ""
) -> GapMap:
    """The reports of a survey by two filter fields; those that left its `column` blank apart."""
    groups: defaultdict[tuple[str, str], list[SurveyRow]] = defaultdict(list)
    found: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for row in survey.rows:
        values = [_values(row, field, catalog) for field in by]
        for counts, own in zip(found, values, strict=True):
            counts.update(dict.fromkeys(own, int(row.verdict != "silent")))
        for first, second in product(*values):
            groups[first, second].append(row)
    axes = [_axis(field, counts) for field, counts in zip(by, found, strict=True)]
    cells = {
        place: _cell(rows, column)
        for place, rows in groups.items()
        if place[0] in axes[0] and place[1] in axes[1]
    }
    return GapMap(by, tuple(axes[0]), tuple(axes[1]), cells)


def _values(row: SurveyRow, field: str, catalog: Catalog) -> list[str]:
    if field == "country":
        return list(row.report.countries)
    values = report_values(row.report, field)
    return list(dict.fromkeys(catalog.name(field, value) for value in values))


def _axis(field: str, found: Counter[str]) -> Sequence[str]:
    if field in ("country", "year", "kind"):
        return sorted(found)
    return [value for value, _ in found.most_common(MOST_VALUES)]


def _cell(rows: Sequence[SurveyRow], column: str) -> GapCell:
    counts: Counter[str] = Counter()
    for row in rows:
        cell = row.cells.get(column)
        counts["blank" if cell and cell.state == "blank" else row.verdict] += 1
    rungs = [row.evidence.rung for row in rows if row.verdict != "silent" and row.evidence.rung]
    best = max(rungs, key=RUNGS.index, default=None)
    return GapCell(tuple(row.report.id for row in rows), dict(counts), best)


def consensus(survey: Survey, claim: str, *, weighted: bool = False) -> Consensus:
    """What the reports that speak of the topic say to a claim.

    Where no model said what a report says to it, only one counts whose form calls its hypothesis
    proven or not, and whose title and words have most words of the claim; the others are unclear.
    So are all where the claim is that something is not so, or is hard: a hypothesis is seldom that.
    """
    rows: dict[Stance, list[SurveyRow]] = {stance: [] for stance in STANCES}
    asked = set(terms(claim, survey.language))
    plain = bool(asked) and not _SAYS["denies"].search(claim)
    for row in survey.found:
        told = row.stance if survey.claim == claim else None
        stance = told or (_plain_stance(row, asked) if plain else "unclear")
        rows[stance].append(row)
    return Consensus(claim, {stance: tuple(r) for stance, r in rows.items()}, weighted)


def _plain_stance(row: SurveyRow, asked: Collection[str]) -> Stance:
    said = f"{row.report.title} {row.quote} {row.evidence.quote}"
    if share(asked, terms(said, row.report.language)) < LEAST_SHARED:
        return "unclear"
    return _OF_OUTCOME.get(row.evidence.outcome or "unclear", "unclear")


def trend(survey: Survey) -> tuple[TrendPoint, ...]:
    """The share of each year's reports by labs that speak of the topic, in order of years.

    What innovators wrote is collected in some years and not in others.
    """

    def of_years(rows: Iterable[SurveyRow]) -> Counter[int]:
        own = (row.report for row in rows if row.report.author == "lab")
        return Counter(info.year for info in own if info.year)

    return shares_of(of_years(survey.rows), of_years(survey.found))


def shares_of(years: Mapping[int, int], found: Mapping[int, int]) -> tuple[TrendPoint, ...]:
    """How many reports of each year there are, and how many of them count, in order of years."""
    return tuple(
        TrendPoint(year, n, found[year], found[year] / n if n >= LEAST_OF_YEAR else None)
        for year, n in sorted(years.items())
    )


def trend_score(points: Sequence[tuple[float, int, int]]) -> float:
    """How surely a share rises along a scale: the z-score of the Cochran-Armitage test for trend.

    A point is a place on the scale, how many there are, and how many of them count. Of two points
    it is the test of two proportions.
    """
    total, counted = sum(n for _, n, _ in points), sum(k for *_, k in points)
    if not total:
        return 0.0
    share, middle = counted / total, sum(place * n for place, n, _ in points) / total
    spread = sum(n * (place - middle) ** 2 for place, n, _ in points)
    deviation = sqrt(share * (1 - share) * spread)
    return sum(k * (place - middle) for place, _, k in points) / deviation if deviation else 0.0


def over_the_years(survey: Survey, t: Translations) -> str:
    """The share of each year's reports by labs, and whether it grows; "" for under two years.

    Years of few reports have no share.
    """
    points = trend(survey)
    shares = [(point.year, point.share) for point in points if point.share is not None]
    if len(shares) < 2:
        return ""
    listed = [f"{year} ({format_share(t, share)})" for year, share in shares]
    label = t.gettext("Share of each year's reports by labs that speak of it")
    grows = _grows(points, t)
    return f"{format_label(t, label, join_parts(t, '; ', listed))}. {grows}".rstrip()


def _grows(points: Sequence[TrendPoint], t: Translations) -> str:
    """Whether the share of the labs' own reports grows or falls; "" for fewer than two years."""
    told = [(p.year, p.reports, p.found) for p in points if p.share is not None]
    if len(told) < 2:
        return ""
    score = trend_score(told)
    if abs(score) < _CLEARLY:
        return t.gettext("Of the labs' own reports the share neither clearly grows nor falls.")
    if score > 0:
        return t.gettext("Of the labs' own reports the share clearly grows.")
    return t.gettext("Of the labs' own reports the share clearly falls.")


def of_sides(
    sides: Mapping[str, Collection[str]], survey: Survey, t: Translations
) -> tuple[str, list[str]]:
    """Which side clearly has more reports that speak of the topic, or ""; how many each has.

    `sides` are the ids of the reports of each, by its name.
    """
    cells, counts = [], []
    for name, ids in sides.items():
        kinds = [row.report.kind for row in survey.found if row.report.id in ids]
        of_all, share = format_count(len(ids), "report", t), len(kinds) / max(1, len(ids))
        about = t.gettext("about {k} of {n} ({share})")
        told = about.format(k=len(kinds), n=of_all, share=format_share(t, share))
        cells.append(format_label(t, told, kinds_label(kinds, t)) if kinds else told)
        counts.append((share, name, len(ids), len(kinds)))
    (_, first, n, k), (_, _, other_n, other_k), *_ = sorted(counts, reverse=True)
    is_few = min(n, other_n) < LEAST_OF_YEAR
    if is_few or trend_score([(0, other_n, other_k), (1, n, k)]) < _CLEARLY:
        return "", cells
    more = t.gettext("“{topic}”: a clearly larger share of the reports of {side} speaks of it.")
    return more.format(side=first, topic=survey.topic), cells
