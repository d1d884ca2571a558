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
from eval.cases import write_text
from eval.figures import ALL, LATENCIES, WORDS, Group, Headline
from eval.metrics import METRICS
from eval.run import BASELINES, OUTCOMES, SUMMARY, TABLE, load_outcomes, load_record
from rag.errors import InputError, first_problem
from rag.export.brief import one_line, shortened
from rag.export.formats import escape_markdown
from rag.files import replace_file
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# A copy of the latest summary, in the folder of the index that was asked.
LATEST = "evaluation.json"
TIMES = "Latency (ms, p50 / p95)"
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
class Summary:
    """What a run found: its figures by type of question."""

    run: About
    groups: Mapping[str, Group]
    errors: Mapping[str, str]  # of the cases that failed
    claims: tuple[Headline, ...] = ()  # the sentences of the headline
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
    data: dict[str, Any] = {
        "run": record,
        "groups": groups,
        "errors": {o.case.id: o.error for o in outcomes if o.error},
        "claims": figures.headlines(outcomes),
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
        "md": lambda text, length=9999: escape_markdown(shortened(one_line(text), length)),
        "p": lambda p: f"{p:.3f}" if p >= 0.0005 else "<0.001",
        # A metric or a latency of a group; "" for one that it has not.
        "figure": lambda group, name: group.metrics.get(name) or group.latency.get(name) or "",
    }
    environment.globals["labels"] = globals()
    return environment
