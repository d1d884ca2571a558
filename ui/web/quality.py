"""The Quality view as escaped HTML: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from babel.dates import format_date

from eval.compare import BaselineComparison
from eval.figures import (
    ALL,
    MAIN,
    Group,
    Headline,
    Histogram,
    Latency,
)
from eval.report.charts import (
    Chart,
    baseline_charts,
    causes_chart,
    charts_by_type,
    latency_chart,
    time_words,
)
from eval.report.diagnosis import (
    CaseReport,
    CitedQuote,
    FoundReport,
    GoldQuote,
)
from eval.report.labels import (
    FIGURES,
    HEADLINES,
    INTERVALS,
    LATENCIES,
    TYPES,
    WORST,
    baseline_words,
    figure_words,
    finding_words,
    headline_count,
    headline_note,
    range_words,
    type_words,
)
from eval.report.summary import About, Summary
from eval.stats import Estimate
from rag.i18n.labels import join_parts, language_label, mode_label
from rag.i18n.notices import STATUS_WORDS
from rag.i18n.translations import (
    Translations,
    format_number,
    format_percent,
    language_code,
)

COMMAND = "asklabs eval run CASES.jsonl --out RUN --index {index}"


def quality(summary: Summary, revision: str, t: Translations) -> str:
    """The view of a run, beside the fingerprint of the index that is being served."""
    parts = (
        _headline(summary, t),
        _about(summary.run, revision, t),
        _failed(summary.errors, t),
        _charts(t.gettext("By type of question"), charts_by_type(summary.groups, t)),
        _beside(summary, t),
        f'<div class="pair">{_causes(summary.causes, t)}'
        f"{_latency(summary.groups, summary.histogram, t)}</div>",
        _figures(summary, t),
        worst_cases(summary.worst, t),
    )
    return _page("".join(parts), t)


def without_run(index: str, t: Translations) -> str:
    """What stands there before the first evaluation: how to make one."""
    told = t.gettext(
        "Nobody has measured yet how well questions to this index are answered. Write questions "
        "with the reports that answer them, one a line (eval/sample/README.md says how), and type:"
    )
    command = escape(COMMAND.format(index=index))
    return _page(f'<p class="lead">{told}</p><pre><code>{command}</code></pre>', t)


def unreadable(t: Translations) -> str:
    """What stands there where the run can't be read; the server's log says why."""
    told = t.gettext("The last evaluation can't be read; the server's log says why. Run it again.")
    return _page(f'<p class="error" role="alert">{told}</p>', t)


def _page(body: str, t: Translations) -> str:
    title = t.gettext("How well are questions answered?")
    return f'<div class="quality"><h2>{title}</h2>{body}</div>'


def _headline(summary: Summary, t: Translations) -> str:
    if not any(group.n for group in summary.groups.values()):
        return f'<p class="headline">{t.gettext("No question was answered.")}</p>'
    return f'<ul class="claims">{"".join(_claim(one, t) for one in summary.claims)}</ul>'


def _claim(headline: Headline, t: Translations) -> str:
    name, count = headline.name, headline_count(headline, t)
    words = t.gettext(HEADLINES[name]) if name in HEADLINES else escape(name)
    return f"<li><b>{count}</b><div>{words}<span>{headline_note(headline, t)}</span></div></li>"


def _about(run: About, revision: str, t: Translations) -> str:
    date = format_date(run.date, format="long", locale=language_code(t))
    asked = t.ngettext("{n} question", "{n} questions", run.cases)
    by = " · ".join(mode_label(mode, t) for mode in run.answered_by)
    served = t.gettext("the index that is being served")
    if run.index != (revision,):
        served = t.gettext("not the index that is being served now ({now})").format(
            now=revision[:8]
        )
    prints = ", ".join(one[:8] for one in run.index)
    rows = (
        (t.gettext("Measured"), date),
        (t.gettext("With"), asked.format(n=format_number(t, run.cases))),
        (t.gettext("Answers"), by),
        (t.gettext("Embedding"), run.embedding),
        (t.gettext("Index"), f"{prints}: {served}" if prints else served),
    )
    items = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows if v)
    return f'<dl class="about">{items}</dl>'


def _failed(errors: Mapping[str, str], t: Translations) -> str:
    if not errors:
        return ""
    told = t.ngettext(
        "{n} question failed and is in no figure.",
        "{n} questions failed and are in no figure.",
        len(errors),
    ).format(n=format_number(t, len(errors)))
    return f'<p class="note">{told}</p>'


def _charts(title: str, charts: Sequence[Chart], note: str = "") -> str:
    cards = "".join(
        f"<figure><figcaption><b>{one.title}</b><span>{one.caption}</span></figcaption>{one.svg}"
        "</figure>"
        for one in charts
    )
    hint = f'<p class="hint">{note}</p>' if note else ""
    return (
        f'<section><h3>{title}</h3>{hint}<div class="charts">{cards}</div></section>'
        if cards
        else ""
    )


def _beside(summary: Summary, t: Translations) -> str:
    """The baselines' figures beside ours, and how much ours has more, question by question."""
    if not summary.baselines:
        return ""
    note = t.gettext(
        "The same questions over the same reports. Dots are means, lines 95 % intervals; circles "
        "are ours."
    )
    title = t.gettext("Beside simpler ways")
    shown = _charts(title, baseline_charts(summary.groups, summary.baselines, t), note)
    named = {baseline_words(name, t): one for name, one in summary.baselines.items()}
    head = [t.gettext("Ours less"), *(escape(name) for name in named)]
    rows = [
        [figure_words(metric, t), *(_gain(one, metric, t) for one in named.values())]
        for metric in MAIN
    ]
    rows = [row for row in rows if any(row[1:])]
    return f'{shown}<section class="gains">{_table(title, head, rows)}</section>' if rows else shown


def _gain(one: BaselineComparison, metric: str, t: Translations) -> str:
    """The difference in points with its interval; a star would say too little, so words do."""
    found = next((d for d in one.differences if d.metric == metric), None)
    if found is None:
        return ""
    change = found.change
    low, mean, high = (f"{100 * x:+.0f}" for x in (change.low, change.mean, change.high))
    sure = ""
    if found.verdict == "no difference":
        sure = f" · {t.gettext('no difference')}"
    elif found.verdict in ("unclear", "too few"):
        sure = f" · {t.gettext('could be chance')}"
    n = format_number(t, change.n)
    return f'<b>{mean}</b><span class="interval">{low} … {high} · n {n}{sure}</span>'


def _causes(counts: Mapping[str, int], t: Translations) -> str:
    if not counts:
        return ""
    note = t.gettext("Each question counts once, by the first cause that applies.")
    title = t.gettext("Where it goes wrong")
    return f'<section><h3>{title}</h3><p class="hint">{note}</p>{causes_chart(counts, t)}</section>'


def _figures(summary: Summary, t: Translations) -> str:
    groups = {name: summary.groups[name] for name in TYPES if name in summary.groups}
    groups |= summary.groups
    named = {escape(type_words(name, t)): group for name, group in groups.items()}
    spoken = {escape(language_label(c, t)): group for c, group in summary.languages.items()}
    used = [m for m in MAIN if any(m in group.metrics for group in groups.values())]
    if not used:
        return ""
    meanings = "".join(
        f"<div><dt>{figure_words(m, t)}</dt><dd>{t.gettext(FIGURES[m][1])}</dd></div>" for m in used
    )
    title, by_lang = t.gettext("All figures"), t.gettext("By language of the question")
    table = _groups(title, t.gettext("Questions"), named, used, t)
    more = _groups(by_lang, t.gettext("Language"), spoken, used, t)
    return (
        f'<section class="figures"><h3>{title}</h3>{table}{more if len(spoken) > 1 else ""}'
        f'<p class="hint">{t.gettext(INTERVALS)}</p><dl class="meanings">{meanings}</dl>'
        "</section>"
    )


def _groups(
    title: str, first: str, groups: Mapping[str, Group], used: Sequence[str], t: Translations
) -> str:
    head = [first, t.gettext("n"), *(figure_words(metric, t) for metric in used)]
    rows = [
        [
            name,
            format_number(t, group.n),
            *(_cell(group.metrics.get(metric), group.n, t) for metric in used),
        ]
        for name, group in groups.items()
    ]
    return _table(title, head, rows)


def _cell(value: Estimate | None, n: int, t: Translations) -> str:
    """A mean, its interval, and n where it isn't the row's."""
    if value is None:
        return ""
    low, mean, high = (min(max(x, 0.0), 1.0) for x in (value.low, value.mean, value.high))
    count = f" · n {format_number(t, value.n)}" if value.n != n else ""
    return (
        f'<b>{format_percent(t, mean)}</b><span class="interval">{range_words(low, high, t)}'
        f"{count}</span>"
    )


def _latency(groups: Mapping[str, Group], found: Histogram | None, t: Translations) -> str:
    spent: Mapping[str, Latency] = groups[ALL].latency if ALL in groups else {}
    rows = [
        [
            t.gettext(label),
            time_words(spent[name].p50, t),
            time_words(spent[name].p95, t),
        ]
        for name, label in LATENCIES.items()
        if name in spent
    ]
    if not rows:
        return ""
    title = t.gettext("How long it takes")
    head = [t.gettext("Step"), t.gettext("Median"), t.gettext("95 of 100 within")]
    note = t.gettext("How many whole answers took how long.")
    chart = f'<p class="hint">{note}</p>{latency_chart(found, t)}' if found else ""
    return f'<section class="latency"><h3>{title}</h3>{chart}{_table(title, head, rows)}</section>'


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    columns = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


# The worst cases of an evaluation as escaped HTML, each folded under its question.


def worst_cases(cases: Sequence[CaseReport], t: Translations) -> str:
    """The cases with what went wrong, what was found and what was answered; "" without any."""
    if not cases:
        return ""
    title = t.gettext("What went worst")
    told = "".join(_case(one, t) for one in cases)
    return (
        f'<section class="worst"><h3>{title}</h3><p class="hint">{t.gettext(WORST)}</p>'
        f"{told}</section>"
    )


def _case(one: CaseReport, t: Translations) -> str:
    facts = [type_words(one.group, t), language_label(one.lang, t), one.id]
    why = f"<b>{escape(finding_words(one.findings[0], t))}</b> · " if one.findings else ""
    head = (
        f'<span class="ask" dir="auto">{escape(one.question)}</span>'
        f'<span class="why">{why}{" · ".join(f"<bdi>{escape(x)}</bdi>" for x in facts)}</span>'
    )
    inside = "".join(_parts(one, t))
    return f'<details><summary>{head}</summary><div class="inside">{inside}</div></details>'


def _parts(one: CaseReport, t: Translations) -> Iterator[str]:
    if len(one.findings) > 1:
        found = (escape(finding_words(finding, t)) for finding in one.findings)
        yield _list(t.gettext("What went wrong"), found)
    if one.error:
        yield f"<p>{escape(one.error)}</p>"
    if one.history:
        said = (f"<bdi>{escape(text)}</bdi>" for _, text in one.history)
        yield _list(t.gettext("Said before"), said)
    yield _list(t.gettext("Right reports"), (_name(name) for name in one.reports))
    yield _list(t.gettext("Evidence"), (_evidence(gold, t) for gold in one.evidence))
    missing = (_name(fact) for fact, told in one.facts if not told)
    yield _list(t.gettext("Missing facts"), missing)
    yield _list(t.gettext("Not listed"), map(_name, one.lacking))
    yield _list(t.gettext("Wrongly listed"), map(_name, one.extra))
    if one.answer:
        lines = (line for line in one.answer.splitlines() if line.strip())
        told = "".join(f'<p dir="auto">{escape(line)}</p>' for line in lines)
        yield f'<h4>{t.gettext("Answer")}</h4><div class="said">{told}</div>'
    yield _list(t.gettext("Sources"), _sources(one.citations, t))
    yield _list(
        t.gettext("Found among the first 20 passages"),
        (_found(report, t) for report in one.found),
    )


def _list(title: str, items: Iterator[str]) -> str:
    inside = "".join(f"<li>{item}</li>" for item in items)
    return f"<h4>{title}</h4><ul>{inside}</ul>" if inside else ""


def _name(name: str) -> str:
    return f"<bdi>{escape(name)}</bdi>"


def _evidence(gold: GoldQuote, t: Translations) -> str:
    rank = t.gettext("not found")
    if gold.rank:
        rank = t.gettext("rank {n}").format(n=format_number(t, gold.rank))
    return f"<q>{_name(gold.quote)}</q> <small>{rank}</small>"


def _sources(citations: Sequence[CitedQuote], t: Translations) -> Iterator[str]:
    for n, group in groupby(citations, key=lambda c: c.n):
        cited = list(group)
        right = _right(t) if cited[0].right else ""
        quotes = "".join(
            f'<blockquote dir="auto">{escape(c.quote)} <small>{_status(c.status, t)}</small>'
            "</blockquote>"
            for c in cited
        )
        yield f"[{format_number(t, n)}] {_name(cited[0].report)}{right}{quotes}"


def _status(status: str, t: Translations) -> str:
    known = {str(key): told for key, told in STATUS_WORDS.items()}
    return t.gettext(known[status]) if status in known else escape(status)


def _found(found: FoundReport, t: Translations) -> str:
    ranks = join_parts(t, ", ", [format_number(t, rank) for rank in found.ranks])
    return f"{ranks}: {_name(found.report)}{_right(t) if found.right else ''}"


def _right(t: Translations) -> str:
    return f' <span class="right">{t.gettext("right report")}</span>'
