"""What a run shows to readers: words for its figures, a table in Markdown, a summary for the page.

Markdown holds text from reports and models only through the filter `md` of the templates.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from eval import figures
from eval.cases import MANY_REPORTS, VOTE_ID_PREFIX, write_text
from eval.figures import ALL, LATENCIES, WORDS, Group, Headline
from eval.metrics import METRICS, has_fact, single_line, tells
from eval.run import BASELINES, OUTCOMES, SUMMARY, TABLE, Outcome, load_outcomes, load_record
from rag.errors import InputError, first_problem
from rag.export.formats import escape_markdown
from rag.files import replace_file
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# A copy of the latest summary, in the folder of the index that was asked.
LATEST = "evaluation.json"
# Characters of an answer and of a quote that a summary keeps; the outcomes have all.
_ANSWER = 900
_QUOTE = 240
TIMES = "Latency (ms, p50 / p95)"
# How many of the worst cases a summary has.
SHOWN = 20
# The metrics whose mean is a case's score, where they apply, with the report recall.
_SCORED = (
    *("cite_prec", "ev_cited", "facts", "points", "ranking", "values", "count"),
    *("says_r", "says_p"),
)
TYPES, FIGURES, HEADLINES, SIDES = (
    WORDS[table] for table in ("types", "figures", "headlines", "sides")
)


@dataclass(frozen=True, slots=True)
class About:
    """When a run was made, with how many cases, by which models and over which index."""

    date: datetime
    cases: int
    answered_by: tuple[str, ...]
    index: tuple[str, ...]  # fingerprints: one, unless the index changed meanwhile
    embedding: str


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A case that went badly: what it asks, what a good answer has, and what was answered."""

    id: str
    group: str
    lang: str
    question: str
    score: float
    reports: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # facts, values or reports that the answer lacks
    answer: str = ""
    cited: tuple[tuple[str, str], ...] = ()  # the report and the quote of each citation
    error: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found: its figures by type of question, and its worst cases."""

    run: About
    groups: Mapping[str, Group]
    errors: Mapping[str, str]  # of the cases that failed
    claims: tuple[Headline, ...] = ()  # the sentences of the headline
    worst: tuple[WorstCase, ...] = ()
    # All questions of each baseline.
    baseline_groups: Mapping[str, Group] = field(default_factory=dict)


_SUMMARY = TypeAdapter(Summary)


def write_report(out: Path) -> str:
    """Write table and summary of a run, beside its baselines; return the table (Markdown)."""
    outcomes, record = load_outcomes(out), load_record(out)
    record["answered_by"] = figures.values_of(outcomes, "mode")
    record["index"] = figures.values_of(outcomes, "index")
    groups = figures.aggregate(outcomes)
    folders = (path.parent for path in sorted((out / BASELINES).glob(f"*/{OUTCOMES}"))[::-1])
    baselines = {folder.name: figures.aggregate(load_outcomes(folder)) for folder in folders}
    # Of equal scores, those with fewer right reports found come first.
    ordered = sorted(outcomes, key=lambda o: (case_score(o), o.scores.get("rep@20", 1.0)))
    # The page shows of questions from readers' votes nothing but numbers.
    shown = [o for o in ordered if case_score(o) < 1 and not o.case.id.startswith(VOTE_ID_PREFIX)]
    data: dict[str, Any] = {
        "run": record,
        "groups": groups,
        "errors": {o.case.id: o.error for o in outcomes if o.error},
        "claims": figures.headlines(outcomes),
        "worst": list(map(worst_case, shown[:SHOWN])),
        "baseline_groups": {name: scores[ALL] for name, scores in baselines.items()},
    }
    summary = json.dumps(data, default=asdict, indent=1, ensure_ascii=False)
    kinds: dict[str, list[str]] = defaultdict(list)
    titles = {name: metric.table for name, metric in METRICS.items()}
    for name, title in (titles | dict.fromkeys(LATENCIES, TIMES)).items():
        if any(name in group.metrics or name in group.latency for group in groups.values()):
            kinds[title].append(name)
    table = render(
        "table.md.jinja",
        kinds=kinds,
        main=FIGURES,
        baselines={SIDES.get(name, name): side for name, side in baselines.items()},
        asked=len(outcomes),
        **data,
    )
    write_text(out / SUMMARY, f"{summary}\n")
    write_text(out / TABLE, table)
    return table


def load_summary(path: Path) -> Summary | None:
    """The summary that `write_report` wrote; None for none, an InputError for a damaged one."""
    try:
        return _SUMMARY.validate_json(path.read_bytes()) if path.exists() else None
    except (OSError, ValidationError) as error:
        why = first_problem(error) if isinstance(error, ValidationError) else error
        raise InputError(
            f"{path}: not a summary of a run ({why}). Run `asklabs eval run` again."
        ) from error


def case_score(outcome: Outcome) -> float:
    """How well a case went, from 0 to 1; worst_cases.html says it in words."""
    scores = outcome.scores
    if outcome.error or scores.get("refusal_ok") == 0:
        return 0.0
    if "list_f1" in scores:
        return scores["list_f1"]
    recall = "rep@20" if outcome.case.type in MANY_REPORTS else "rep@10"
    known = [scores[name] for name in (recall, *_SCORED) if name in scores]
    return sum(known) / len(known) if known else 1.0


def worst_case(outcome: Outcome) -> WorstCase:
    """A case with what came of it; long texts are cut, so that the page stays light."""
    case, answer = outcome.case, outcome.answer or {}
    text = answer.get("answer", "")
    missing = [fact for fact in case.facts if not has_fact(text, fact)]
    missing += [str(value) for value in case.expected_values if not tells(text, value)]
    if case.asks_for == "reports":
        missing += sorted(case.gold - set(answer.get("coverage", {}).get("reports", ())))
    return WorstCase(
        id=case.id,
        group=case.group,
        lang=case.lang,
        question=case.question,
        score=case_score(outcome),
        reports=case.reports,
        missing=tuple(missing),
        answer=text if len(text) <= _ANSWER else f"{text[: _ANSWER - 1].rstrip()}…",
        cited=tuple(
            (c["report"], single_line(c["quote"], _QUOTE)) for c in answer.get("citations", ())
        ),
        error=single_line(outcome.error, _QUOTE),
    )


def keep_latest(out: Path, index: Path) -> None:
    """Keep a run's summary in the folder of the index, for the page to show; or an InputError."""
    try:
        replace_file(index / LATEST, (out / SUMMARY).read_bytes())
    except OSError as error:
        raise InputError(f"{index}: the run can't be kept there for the page ({error}).") from error


def headline_count(headline: Headline, t: Translations = ENGLISH) -> str:
    """The number that a headline begins with: "76 of 84", or a share."""
    if headline.hits is None:
        return format_percent(t, headline.share.mean)
    k, n = format_number(t, headline.hits), format_number(t, headline.share.n)
    return t.gettext("{k} of {n}").format(k=k, n=n)


def range_words(low: float, high: float, t: Translations = ENGLISH) -> str:
    """An interval of shares in whole percents: "83–96%"."""
    return f"{format_number(t, round(low * 100))}–{format_percent(t, high)}"


def headline_note(headline: Headline, t: Translations = ENGLISH) -> str:
    """The share of a headline with its interval, or its interval and n where it is a share."""
    within = range_words(headline.share.low, headline.share.high, t)
    reach = t.gettext("95 % interval {range}").format(range=within)
    if headline.hits is None:
        return f"{reach}, n {format_number(t, headline.share.n)}"
    return f"{format_percent(t, headline.share.mean)}, {reach}"


def render(template: str, **data: Any) -> str:
    """The text of a template with its data."""
    text = _environment().get_template(template).render(**data)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "md": lambda text, length=0: escape_markdown(single_line(text, length)),
        "p": lambda p: f"{p:.3f}" if p >= 0.0005 else "<0.001",
        # A metric or a latency of a group; "" for one that it has not.
        "figure": lambda group, name: group.metrics.get(name) or group.latency.get(name) or "",
    }
    environment.globals["labels"] = globals()
    return environment
