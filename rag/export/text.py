"""Writes a brief as Markdown and as one HTML file; nothing of a report can become markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from rag.export.brief import (
    PRODUCT,
    Brief,
    Fact,
    Labels,
    Line,
    Part,
    Quote,
    Run,
    Source,
    right_to_left,
)

# What CommonMark and GitHub's dialect give a meaning anywhere in a line: links, also bare ones
# (a colon, a www, an address), HTML, emphasis, code, tables, footnotes, formulas, shortcodes.
_MARKUP = re.compile(r"[\\`*_\[\]<>&~|$#^{}]|:(?=\S)|(?<=www)\.|(?<=WWW)\.|@")
# What has a meaning only where a line begins.
_AT_START = re.compile(r"^(\d*)([-+=.)])")
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--mark:#0b5cad;
--page:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3d444d;
--mark:#7ab8ff;--page:#14181d}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--page);
max-width:44rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:0}
h2{font-size:1.25rem;line-height:1.35;margin:2.5rem 0 1rem}
h3{font-size:1rem;margin:1.75rem 0 .5rem}
.by,.date,.fact,dl{color:var(--soft);font-size:.875rem}.date{margin:.25rem 0}
.by{margin:0 0 .5rem;font-weight:600;color:var(--mark)}h2+.fact,.fact+.fact{margin:.1rem 0}
.date+.fact{margin:1rem 0 .1rem}
section{border-top:1px solid var(--line);margin-top:2rem}.answer{margin:1.25rem 0}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:1.5rem 0}
dt{font-weight:600}dd{margin:0;min-width:0}cite{font-style:normal}
del{display:block}del+.fact{margin:.1rem 0 .75rem}
a{color:var(--mark)}sup a{text-decoration:none;font-weight:600}
sup{line-height:0}.sources{list-style:none;padding:0}
.sources>li{margin:1.25rem 0;break-inside:avoid}.sources p{margin:.2rem 0}
blockquote{margin:.5rem 0;padding-inline-start:.9rem;border-inline-start:3px solid var(--mark)}
:target{outline:2px solid var(--mark);outline-offset:4px}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--mark:#0b4a8a;--page:#fff}
body{max-width:none;margin:0;padding:0;font-size:10.5pt}h2,h3{break-after:avoid}}
@page{size:A4;margin:22mm}
""".strip()


def to_markdown(brief: Brief) -> bytes:
    """The brief as CommonMark in UTF-8."""
    blocks = [f"# {md(brief.title)}", f"{PRODUCT} · {brief.when}"]
    if brief.summary:
        blocks.append(_md_facts(brief.summary, brief.labels))
    for part in brief.parts:
        blocks += _md_part(part, brief.labels)
    return ("\n\n".join(blocks) + "\n").encode()


def md(text: str) -> str:
    """One line of text with everything escaped that Markdown would take for markup."""
    return _AT_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", text))


def _md_part(part: Part, labels: Labels) -> Iterator[str]:
    yield f"## {md(part.question)}"
    yield _md_facts(part.scope, labels)
    for kind, lines in groupby(part.lines, key=lambda line: line.kind):
        yield ("\n\n" if kind in ("paragraph", "heading") else "\n").join(map(_md_line, lines))
    if part.listed:
        yield f"### {part.list_heading}"
        yield "\n".join(f"- {md(one)}" for one in part.listed)
    for heading, sources in part.source_lists:
        yield f"### {heading}"
        for source in sources:
            yield from _md_source(source, labels)
    if part.left_out:
        yield f"### {labels.left_out}"
        for line, reason in part.left_out:
            yield f"{_md_line(line)}\n\n  {labels.reason}{labels.colon} {md(reason)}"
    yield f"### {labels.about}"
    yield _md_facts(part.facts, labels)


def _md_facts(facts: Sequence[Fact], labels: Labels) -> str:
    return "\n".join(f"- {label}{labels.colon} {md(value)}" for label, value in facts)


def _md_line(line: Line) -> str:
    words = "".join(map(_md_run, line.runs))
    first = line.runs[0] if line.runs else Run("")
    if not first.bold and not first.note:
        words = md(first.text) + "".join(map(_md_run, line.runs[1:]))
    start = {"bullet": "- ", "numbered": f"{line.number}. ", "heading": "#### "}
    return start.get(line.kind, "") + words


def _md_run(run: Run) -> str:
    if run.note:
        return rf" \[{run.note}\]"
    words = _MARKUP.sub(r"\\\g<0>", run.text)
    return f"**{words}**" if run.bold else words


def _md_source(source: Source, labels: Labels) -> Iterator[str]:
    number = rf"\[{source.n}\] " if source.n else ""
    kind = f" ({md(source.kind)})" if source.kind else ""
    yield f"**{number}{md(source.who)}**{kind}{labels.colon} {md(source.title)}"
    for quote in source.quotes:
        yield "\n>\n".join(f"> {md(line)}" for line in quote.lines)
        if quote.status:
            yield f"{labels.status}{labels.colon} {quote.status}"
    facts = _md_facts(source.facts, labels)
    # The address is made of what needs no escape.
    yield f"{facts}\n- {labels.link}{labels.colon} <{source.link}>" if source.link else facts


def to_html(brief: Brief) -> bytes:
    """The brief as one HTML file that asks the network for nothing and runs no script."""
    body = "".join(
        _html_part(part, number, brief.labels) for number, part in enumerate(brief.parts, 1)
    )
    title = escape(brief.title)
    direction = "rtl" if brief.rtl else "ltr"
    return (
        f'<!doctype html>\n<html lang="{brief.language}" dir="{direction}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_CSP)}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header><p class="by"><bdi>{PRODUCT}</bdi></p><h1 dir="auto">{title}</h1>'
        f'<p class="date"><time datetime="{brief.day}">{brief.when}</time></p>\n'
        f"{''.join(_html_fact(*fact, brief.labels) for fact in brief.summary)}</header>\n"
        f"<main>\n{body}</main>\n</body>\n</html>\n"
    ).encode()


def _html_part(part: Part, number: int, labels: Labels) -> str:
    parts = [f'<section>\n<h2 dir="auto">{escape(part.question)}</h2>\n']
    parts += [_html_fact(label, value, labels) for label, value in part.scope]
    parts.append(f'<div class="answer" lang="{escape(part.language)}">\n')
    for kind, lines in groupby(part.lines, key=lambda line: line.kind):
        parts.append(_html_lines(kind, list(lines), number))
    parts.append("</div>\n")
    if part.listed:
        items = "".join(f'<li dir="auto">{escape(one)}</li>\n' for one in part.listed)
        parts.append(f"<h3>{part.list_heading}</h3>\n<ol>\n{items}</ol>\n")
    for heading, sources in part.source_lists:
        items = "".join(_html_source(source, number, labels) for source in sources)
        parts.append(f'<h3>{heading}</h3>\n<ol class="sources">\n{items}</ol>\n')
    if part.left_out:
        items = "".join(_html_struck(*one, part.language, labels) for one in part.left_out)
        parts.append(f"<h3>{labels.left_out}</h3>\n<ul>\n{items}</ul>\n")
    facts = "".join(
        f'<dt>{label}</dt><dd dir="auto">{escape(value)}</dd>\n' for label, value in part.facts
    )
    parts.append(f"<h3>{labels.about}</h3>\n<dl>\n{facts}</dl>\n</section>\n")
    return "".join(parts)


def _html_lines(kind: str, lines: Sequence[Line], number: int) -> str:
    if kind in ("paragraph", "heading"):
        tag = "p" if kind == "paragraph" else "h4"
        return "".join(f'<{tag} dir="auto">{_html_runs(x, number)}</{tag}>\n' for x in lines)
    tag = "ul" if kind == "bullet" else "ol"
    items = ""
    for line in lines:
        value = f' value="{line.number}"' if line.number else ""
        items += f'<li dir="auto"{value}>{_html_runs(line, number)}</li>\n'
    direction = _direction("".join(run.text for line in lines for run in line.runs))
    return f'<{tag} dir="{direction}">\n{items}</{tag}>\n'


def _direction(text: str) -> str:
    return "rtl" if right_to_left(text) else "ltr"


def _html_runs(line: Line, number: int) -> str:
    return "".join(
        f'<sup><a href="#source-{number}-{run.note}">[{run.note}]</a></sup>'
        if run.note
        else (f"<strong>{escape(run.text)}</strong>" if run.bold else escape(run.text))
        for run in line.runs
    )


def _html_struck(line: Line, reason: str, language: str, labels: Labels) -> str:
    # The number is of no use: what was left out has no notes.
    words = f'<del dir="auto" lang="{escape(language)}">{_html_runs(line, 0)}</del>'
    return f"<li>{words}{_html_fact(labels.reason, reason, labels)}</li>\n"


def _html_source(source: Source, number: int, labels: Labels) -> str:
    mark = f"[{source.n}] " if source.n else ""
    anchor = f' id="source-{number}-{source.n}"' if source.n else ""
    kind = f" ({escape(source.kind)})" if source.kind else ""
    quotes = "".join(_html_quote(quote, source.language, labels) for quote in source.quotes)
    facts = "".join(_html_fact(label, value, labels) for label, value in source.facts)
    if source.link:
        link = escape(source.link)
        shown = f'<a href="{link}" rel="noreferrer"><bdi>{link}</bdi></a>'
        facts += f'<p class="fact">{labels.link}{labels.colon} {shown}</p>\n'
    return (
        f"<li{anchor}><p>{mark}<strong><bdi>{escape(source.who)}</bdi></strong>{kind}"
        f"{labels.colon} <cite><bdi>{escape(source.title)}</bdi></cite></p>\n{quotes}{facts}</li>\n"
    )


def _html_quote(quote: Quote, language: str, labels: Labels) -> str:
    lines = "".join(f'<p dir="auto">{escape(line)}</p>' for line in quote.lines)
    # The bar stands where the words begin; "auto" would not look into the paragraphs.
    direction = _direction("".join(quote.lines))
    status = _html_fact(labels.status, quote.status, labels) if quote.status else ""
    return f'<blockquote lang="{escape(language)}" dir="{direction}">{lines}</blockquote>\n{status}'


def _html_fact(label: str, value: str, labels: Labels) -> str:
    return f'<p class="fact">{label}{labels.colon} <bdi>{escape(value)}</bdi></p>\n'
