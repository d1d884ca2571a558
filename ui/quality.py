"""The Quality view as escaped HTML: how well questions are answered, by the last evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from babel.dates import format_date

from eval.report import ALL, Group, Latency
from eval.stats import Estimate
from eval.summary import About, Summary
from rag.labels import mode_words
from rag.translate import ENGLISH, Words, code_of, marked, number, percent

TYPES = {
    "single": marked("One report"),
    "multi": marked("One report, several places in it"),
    "followup": marked("Follow-up question"),
    "crosslingual": marked("One report, another language"),
    "compare": marked("Labs compared"),
    "cross": marked("Across labs"),
    "listing": marked("Complete list"),
    "unanswerable": marked("Not in the reports"),
    ALL: marked("All questions"),
}
# Metrics for readers who know none: a column's name, and what it counts.
METRICS = {
    "rep@10": (
        marked("Report found"),
        marked("reports that hold the answer among the first 10 passages found"),
    ),
    "ev@4k": (
        marked("Evidence found"),
        marked("sentences that the answer rests on within the first 4,000 tokens found"),
    ),
    "quote_ok": (
        marked("Quotes verbatim"),
        marked("quotes that stand word for word in the report they name"),
    ),
    "cite_prec": (marked("Citations right"), marked("citations of a report that holds the answer")),
    "facts": (marked("Facts told"), marked("facts of a good answer that the answer has")),
    "refusal_ok": (
        marked("Refusals right"),
        marked("questions refused only where the reports don't answer them"),
    ),
    "list_exact": (
        marked("Lists exact"),
        marked("lists with all reports that belong to them and no other"),
    ),
}
LATENCIES = {
    "plan_ms": marked("Understanding the question"),
    "retrieve_ms": marked("Searching"),
    "answer_ms": marked("Writing"),
    "first_ms": marked("Until the first words"),
    "total_ms": marked("Whole answer"),
}
_HEADLINES = {
    "rep@10": marked("{share} of the reports asked about are among the first 10 passages found"),
    "quote_ok": marked("{share} of the quotes are verbatim"),
    "refusal_ok": marked("{share} of the questions are rightly answered or refused"),
}
COMMAND = "asklabs eval run CASES.jsonl --out RUN --index {index}"


def quality(summary: Summary, revision: str, words: Words = ENGLISH) -> str:
    """The view of a run, beside the fingerprint of the index that is being served."""
    return _page(
        f'<p class="headline">{_headline(summary, words)}</p>'
        f"{_about(summary.run, revision, words)}{_failed(summary.errors, words)}"
        f"{_figures(summary.groups, words)}{_latency(summary.groups, words)}",
        words,
    )


def without_run(index: str, words: Words = ENGLISH) -> str:
    """What stands there before the first evaluation: how to make one."""
    told = words.gettext(
        "Nobody has measured yet how well questions to this index are answered. Write questions "
        "with the reports that answer them, one a line (eval/sample/README.md says how), and type:"
    )
    command = escape(COMMAND.format(index=index))
    return _page(f'<p class="lead">{told}</p><pre><code>{command}</code></pre>', words)


def unreadable(words: Words = ENGLISH) -> str:
    """What stands there where the run can't be read; the server's log says why."""
    told = words.gettext(
        "The last evaluation can't be read; the server's log says why. Run it again."
    )
    return _page(f'<p class="error" role="alert">{told}</p>', words)


def _page(body: str, words: Words) -> str:
    title = words.gettext("How well are questions answered?")
    return f'<div class="quality"><h2>{title}</h2>{body}</div>'


def _headline(summary: Summary, words: Words) -> str:
    whole = summary.groups[ALL].metrics if ALL in summary.groups else {}
    told = [
        words.gettext(text).format(share=f"<b>{percent(words, whole[name].mean)}</b>")
        for name, text in _HEADLINES.items()
        if name in whole
    ]
    return "; ".join(told) + "." if told else words.gettext("No question was answered.")


def _about(run: About, revision: str, words: Words) -> str:
    date = format_date(run.date, format="long", locale=code_of(words))
    asked = words.ngettext("{n} question", "{n} questions", run.cases)
    by = " · ".join(mode_words(mode, words) for mode in run.answered_by)
    served = words.gettext("the index that is being served")
    if run.index != (revision,):
        served = words.gettext("not the index that is being served now ({now})").format(
            now=revision[:8]
        )
    prints = ", ".join(one[:8] for one in run.index)
    rows = (
        (words.gettext("Measured"), date),
        (words.gettext("With"), asked.format(n=number(words, run.cases))),
        (words.gettext("Answers"), by),
        (words.gettext("Embedding"), run.embedding),
        (words.gettext("Index"), f"{prints}: {served}" if prints else served),
    )
    items = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows if v)
    return f'<dl class="about">{items}</dl>'


def _failed(errors: Mapping[str, str], words: Words) -> str:
    if not errors:
        return ""
    told = words.ngettext(
        "{n} question failed and is in no figure.",
        "{n} questions failed and are in no figure.",
        len(errors),
    ).format(n=number(words, len(errors)))
    return f'<p class="note">{told}</p>'


def _figures(groups: Mapping[str, Group], words: Words) -> str:
    used = [name for name in METRICS if any(name in group.metrics for group in groups.values())]
    if not used:
        return ""
    head = [words.gettext("Questions"), words.gettext("n")]
    head += [words.gettext(METRICS[name][0]) for name in used]
    rows = [
        [
            _named(name, words),
            number(words, groups[name].n),
            *(_cell(groups[name].metrics.get(metric), groups[name].n, words) for metric in used),
        ]
        for name in (*TYPES, *(name for name in groups if name not in TYPES))
        if name in groups
    ]
    meanings = "".join(
        f"<div><dt>{words.gettext(METRICS[name][0])}</dt><dd>{words.gettext(METRICS[name][1])}"
        "</dd></div>"
        for name in used
    )
    note = words.gettext(
        "Means with 95 % intervals; n where it differs from the row's. Few questions give wide "
        "intervals; one without width only says that all scored alike."
    )
    title = words.gettext("By type of question")
    return (
        f"<section><h3>{title}</h3>{_table(title, head, rows)}"
        f'<p class="hint">{note}</p><dl class="meanings">{meanings}</dl></section>'
    )


def _named(group: str, words: Words) -> str:
    return words.gettext(TYPES[group]) if group in TYPES else escape(group)


def _cell(value: Estimate | None, n: int, words: Words) -> str:
    """A mean, its interval as numbers and as a line, and n where it isn't the row's."""
    if value is None:
        return ""
    low, mean, high = (min(max(x, 0.0), 1.0) for x in (value.low, value.mean, value.high))
    count = f" · n {number(words, value.n)}" if value.n != n else ""
    return (
        f'<b>{percent(words, mean)}</b><span class="line" aria-hidden="true" '
        f'style="--low:{low:.3f};--mean:{mean:.3f};--high:{high:.3f}"></span>'
        f'<span class="interval">{number(words, round(low * 100))}–{percent(words, high)}'
        f"{count}</span>"
    )


def _latency(groups: Mapping[str, Group], words: Words) -> str:
    spent: Mapping[str, Latency] = groups[ALL].latency if ALL in groups else {}
    rows = [
        [
            words.gettext(label),
            f"{number(words, round(spent[name].p50))} ms",
            f"{number(words, round(spent[name].p95))} ms",
        ]
        for name, label in LATENCIES.items()
        if name in spent
    ]
    if not rows:
        return ""
    title = words.gettext("How long it takes")
    head = [words.gettext("Step"), words.gettext("Median"), words.gettext("95 of 100 within")]
    return f'<section class="latency"><h3>{title}</h3>{_table(title, head, rows)}</section>'


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
