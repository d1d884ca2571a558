"""The figures of runs for readers: a table in Markdown, a summary for the page, two runs compared.

Intervals of means are 95 % percentile bootstrap intervals over cases (Efron and Tibshirani 1993,
chapter 13), those of counts Wilson's (1927); differences are tested by paired randomisation
(Smucker, Allan and Carterette 2007), many at once with Holm's correction (1979). What is drawn by
chance is seeded: the same values always give the same numbers.

A run is also held to floors: the least mean of figures, by "group metric". A floor is one case
below the lower end of the metric's 95 % bootstrap interval, so that chance alone fails no build.

Markdown holds text from reports and models only through the filter `md` of the templates.
"""

import itertools
import json
import math
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import TypeAdapter, ValidationError

from eval.cases import CASE_TYPES, ONE_REPORT, read_text, write_text
from eval.metrics import METRICS
from eval.run import BASELINES, OUTCOMES, SUMMARY, TABLE, Outcome, load_outcomes, load_record
from rag.errors import InputError, first_problem
from rag.export.documents import escape_markdown
from rag.export.lines import one_line, shortened
from rag.files import replace_file
from rag.i18n.translations import ENGLISH, Translations, format_number, format_percent

# What readers are told of types of cases, figures, headlines, baselines and stages, in English.
WORDS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text("utf-8")
)
TYPES, FIGURES, HEADLINES, SIDES, LATENCIES = (
    WORDS[table] for table in ("types", "figures", "headlines", "sides", "latencies")
)
ALL = "all"
# Left out is one that is good or bad by the case: a refusal.
COMPARED = [name for name in METRICS if name != "refused"]
PROMISED = "all quote_ok"  # every quote is verbatim: this floor is never renewed
Verdict = Literal["better", "worse", "no difference"]
SEED = 0
RESAMPLES = 2000
SHUFFLES = 10_000
EXACT_UP_TO = 12  # differences, of which every one of the 2**n sign patterns is tried
LEVEL = 0.05
_Z = 1.959964
LATEST = "evaluation.json"  # a copy of the latest summary, in the folder of its index


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n cases with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def estimate(values: Sequence[float], weights: Sequence[float] | None = None) -> Estimate:
    """The (weighted) mean of at least one value with its bootstrap interval over cases."""
    x = np.asarray(values, dtype=np.float64)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    drawn = np.random.default_rng(SEED).integers(len(x), size=(RESAMPLES, len(x)))
    means = (x * w)[drawn].sum(axis=1) / w[drawn].sum(axis=1)
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return Estimate(float((x * w).sum() / w.sum()), float(low), float(high), len(x))


def randomisation_p(differences: Sequence[float]) -> float:
    """The two-sided p-value of a mean difference by tossed signs: all, or where many 10,000."""
    d = np.asarray(differences, dtype=np.float64)
    observed = abs(d.sum()) - 1e-9
    if len(d) <= EXACT_UP_TO:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(d))))
        return float((np.abs(signs @ d) >= observed).mean())
    signs = np.random.default_rng(SEED).integers(2, size=(SHUFFLES, len(d))) * 2 - 1
    return (int((np.abs(signs @ d) >= observed).sum()) + 1) / (SHUFFLES + 1)


def proportion(hits: int, n: int) -> Estimate:
    """The share of `hits` with Wilson's interval, which has a width where all or none are hits."""
    share, z2 = hits / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach), n)


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the same order."""
    corrected, least = [0.0] * len(ps), 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = least
    return corrected


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds over n cases; each is a measured value, none interpolated."""

    p50: float
    p95: float
    n: int

    def __str__(self) -> str:
        return f"{self.p50:.0f} / {self.p95:.0f}"


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of the cases of one type: n answered, and `errors` that failed."""

    n: int
    errors: int
    metrics: Mapping[str, Estimate]
    latency: Mapping[str, Latency]


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence of the headline: `hits` of n cases, or a mean over n where `hits` is None."""

    name: str
    share: Estimate
    hits: int | None = None


def aggregate(outcomes: Sequence[Outcome]) -> dict[str, Group]:
    """The figures by type, one-report cases not in English apart ("crosslingual"), and of all."""
    groups = {
        name: _group([o for o in outcomes if name in (o.case.group, ALL)])
        for name in (*CASE_TYPES, "crosslingual", ALL)
    }
    return {name: group for name, group in groups.items() if group.n or group.errors}


def values_of(outcomes: Sequence[Outcome], name: str) -> list[str]:
    """The values that a field of the answers has, sorted."""
    return sorted({str(o.answer[name]) for o in outcomes if o.answer and o.answer.get(name)})


def _group(outcomes: Sequence[Outcome]) -> Group:
    good = [o for o in outcomes if not o.error]
    metrics, latency = {}, {}
    for name in METRICS:
        if scored := [o for o in good if name in o.scores]:
            # Each quote counts once, whichever answer it stands in.
            weights = [
                o.scores.get("rows", 0) or len((o.answer or {}).get("citations", ()))
                for o in scored
            ]
            values = [o.scores[name] for o in scored]
            metrics[name] = estimate(values, weights if name == "quote_ok" else None)
    for name in LATENCIES:
        if values := [o.timings[name] for o in good if name in o.timings]:
            p50, p95 = np.quantile(values, (0.5, 0.95), method="lower")
            latency[name] = Latency(float(p50), float(p95), len(values))
    return Group(len(good), len(outcomes) - len(good), metrics, latency)


def headlines(outcomes: Sequence[Outcome]) -> tuple[Headline, ...]:
    """How often a run was right, refused and wrong, over the cases that didn't fail.

    A headline without a case is left out. An answer that refuses can't be wrong, nor can a list,
    which has a headline of its own.
    """
    good = [o for o in outcomes if not (o.error or o.case.grades)]
    answered = [o for o in good if o.scores.get("refused") == 0 and not o.case.asks_for]
    wrong = [
        o.scores.get("cite_rec", 0) == 0
        for o in answered
        if "cite_rec" in o.scores or not o.case.gold
    ]
    refused = [(o.scores.get("refused") == 1, o.case.gold or o.case.expected_values) for o in good]
    facts = [o.scores["facts"] for o in good if "facts" in o.scores]
    made = [
        _count("found", _is_one("rep@10", [o for o in good if o.case.type in ONE_REPORT])),
        _count("wrong", wrong),
        Headline("facts", estimate(facts)) if facts else None,
        _count("quotes", _is_one("quote_ok", good)),
        _count("refused", [hit for hit, answerable in refused if not answerable]),
        _count("refused_wrongly", [hit for hit, answerable in refused if answerable]),
        _count("lists", _is_one("list_exact", good)),
    ]
    return tuple(filter(None, made))


def _count(name: str, hits: Sequence[bool]) -> Headline | None:
    return Headline(name, proportion(sum(hits), len(hits)), sum(hits)) if hits else None


def _is_one(metric: str, outcomes: Sequence[Outcome]) -> list[bool]:
    return [o.scores[metric] == 1 for o in outcomes if metric in o.scores]


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
    record["answered_by"] = values_of(outcomes, "mode")
    record["index"] = values_of(outcomes, "index")
    groups = aggregate(outcomes)
    runs = {name: out / BASELINES / name for name in SIDES}
    ran = {name: run for name, run in runs.items() if (run / OUTCOMES).exists()}
    baselines = {name: aggregate(load_outcomes(run)) for name, run in ran.items()}
    data: dict[str, Any] = {
        "run": record,
        "groups": groups,
        "errors": {o.case.id: o.error for o in outcomes if o.error},
        "claims": headlines(outcomes),
        "baseline_groups": {name: scores[ALL] for name, scores in baselines.items()},
    }
    summary = json.dumps(data, default=asdict, indent=1, ensure_ascii=False)
    kinds: dict[str, list[str]] = defaultdict(list)
    titles = {name: metric.table for name, metric in METRICS.items()}
    for name, title in (titles | dict.fromkeys(LATENCIES, "Latency (ms, p50 / p95)")).items():
        if any(name in group.metrics or name in group.latency for group in groups.values()):
            kinds[title].append(name)
    table = render(
        "table.md.jinja",
        kinds=kinds,
        main=FIGURES,
        baselines={SIDES[name]: side for name, side in baselines.items()},
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


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric over the n cases that both runs answered, and its change from A to B.

    `p` is of this test alone, `p_holm` corrected for all tests made beside it. There is a
    difference where the interval leaves out 0 and `p_holm` is below 0.05.
    """

    metric: str
    before: float
    after: float
    change: Estimate
    p: float
    p_holm: float = 1.0

    @property
    def verdict(self) -> Verdict:
        """Whether B is better or worse, as far as these cases can show."""
        if self.p_holm >= LEVEL or self.change.low <= 0 <= self.change.high:
            return "no difference"
        return "better" if self.change.mean > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Moved:
    """A case whose scores changed: each in A and in B, and their sum's change."""

    id: str
    group: str
    question: str
    scores: Mapping[str, tuple[float, float]]
    change: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What B does better and worse than A, over the cases that both answered."""

    a: str  # which runs these are
    b: str
    paired: int
    unpaired: int  # cases of one run alone, or that failed or are others in one
    differences: tuple[Difference, ...]
    moved: tuple[Moved, ...]

    def metrics(self, verdict: Verdict) -> list[str]:
        """The metrics that have this verdict."""
        return [d.metric for d in self.differences if d.verdict == verdict]

    @property
    def headline(self) -> str:
        """What is better and worse, in one sentence."""
        same = self.paired - len(self.moved)
        sides = (("better", self.metrics("better")), ("worse", self.metrics("worse")))
        changes = [f"{word} in {len(names)} ({', '.join(names)})" for word, names in sides if names]
        if changes:
            return f"Of {len(self.differences)} figures, B is {' and '.join(changes)}."
        return f"No difference that can be shown: {same} of {self.paired} cases score the same."


def compare(dir_a: Path, dir_b: Path) -> Comparison:
    """Compare two runs; cases are paired by id and content, with an InputError where none are."""
    a, b = ({o.case.id: o for o in load_outcomes(out)} for out in (dir_a, dir_b))
    shared = [(a[key], b[key]) for key in a if key in b]
    pairs = [(x, y) for x, y in shared if x.case == y.case and not (x.error or y.error)]
    if not pairs:
        raise InputError(
            f"{dir_a} and {dir_b} have no answered case in common. Compare two runs of one file "
            "of cases."
        )
    # An older run may have measured less.
    scored = [
        {m: (x.scores[m], y.scores[m]) for m in COMPARED if m in x.scores and m in y.scores}
        for x, y in pairs
    ]
    moved = []
    for (x, _), scores in zip(pairs, scored, strict=True):
        changed = {m: (before, after) for m, (before, after) in scores.items() if before != after}
        if changed:
            change = sum(after - before for before, after in changed.values())
            moved.append(Moved(x.case.id, x.case.group, x.case.question, changed, change))
    return Comparison(
        a=_side(dir_a, list(a.values())),
        b=_side(dir_b, list(b.values())),
        paired=len(pairs),
        unpaired=len(a.keys() | b.keys()) - len(pairs),
        differences=_differences(scored),
        moved=tuple(sorted(moved, key=lambda case: -abs(case.change))),
    )


def _differences(scored: Sequence[Mapping[str, tuple[float, float]]]) -> tuple[Difference, ...]:
    """The change of each metric, corrected for as many tests as these are."""
    tested = []
    for metric in COMPARED:
        if sides := [scores[metric] for scores in scored if metric in scores]:
            changes = [after - before for before, after in sides]
            before, after = (sum(values) / len(sides) for values in zip(*sides, strict=True))
            p = randomisation_p(changes)
            tested.append(Difference(metric, before, after, estimate(changes), p))
    corrected = holm([difference.p for difference in tested])
    return tuple(replace(d, p_holm=p) for d, p in zip(tested, corrected, strict=True))


def _side(out: Path, outcomes: Sequence[Outcome]) -> str:
    modes, indexes = (
        ", ".join(values_of(outcomes, name)) or "nothing" for name in ("mode", "index")
    )
    date = load_record(out)["date"]
    return f"{out} ({len(outcomes)} cases, {modes}, index {indexes}, {date})"


def below_floors(out: Path, path: Path, *, renew: bool = False) -> list[str]:
    """The figures of a run below a file's floors, or not measured; to `renew` sets the floors."""
    try:
        text = read_text(path, "Name a file of floors.")
        floors = TypeAdapter(dict[str, float]).validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        raise InputError(f'{path}: no floors, such as {{"all facts": 0.5}} ({problem}).') from error
    groups = aggregate(load_outcomes(out))
    below = []
    for name, floor in floors.items():
        group, _, metric = name.partition(" ")
        value = groups[group].metrics.get(metric) if group in groups else None
        if renew and value and name != PROMISED:
            floors[name] = max(0.0, math.floor(100 * (value.low - 1 / value.n)) / 100)
        elif value is None:
            below.append(f"{name}: not measured")
        elif value.mean < floor:
            below.append(f"{name}: {value.mean:.3f} (n={value.n}) is below {floor}")
    if renew:
        write_text(path, json.dumps(floors, indent=1) + "\n")
    return [] if renew else below


def render(template: str, **data: Any) -> str:
    """The text of a template with its data."""
    text = _ENVIRONMENT.get_template(template).render(**data)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


_LOADER = FileSystemLoader(Path(__file__).with_name("templates"))
_ENVIRONMENT = Environment(
    loader=_LOADER, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.globals["labels"] = globals()
_ENVIRONMENT.filters |= {
    "md": lambda text, length=9999: escape_markdown(shortened(one_line(text), length)),
    "p": lambda p: f"{p:.3f}" if p >= 0.0005 else "<0.001",
    # A metric or a latency of a group; "" for one that it has not.
    "figure": lambda group, name: group.metrics.get(name) or group.latency.get(name) or "",
}
