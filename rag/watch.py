"""Standing questions: what an answer rests on that it did not, and where the questions are kept.

The questions lie in the index's folder with their last answers, in one file that is replaced as a
whole. Two answers are compared by what they rest on, never by their wording.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from rag.catalog.tag_fields import Filters
from rag.citation.quotes import still_stands
from rag.engine import Engine
from rag.errors import InputError
from rag.export.answer_json import answer_to_dict
from rag.export.documents import environment
from rag.export.lines import clean
from rag.files import replace_file
from rag.i18n.translations import ENGLISH, Translations
from rag.types import Answer

FILE, LOCK = "watches.json", "watches.lock"
MOST_NEWS = 50  # changes that a question remembers
_KEPT = ("question", "refused", "citations", "coverage", "index")  # of an answer
# Their names are their words in English, of the table `changes` of `rag/i18n/words.toml`.
Kind = Literal[
    "report added", "report gone", "no longer cited", "answered now", "refused now", "quote gone",
    "number",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: a report that came or went, a quote that no longer stands, a number."""

    kind: Kind
    report: str = ""
    title: str = ""
    quote: str = ""
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return self.words(ENGLISH)

    def words(self, t: Translations) -> str:
        """The change on one line, in a reader's language."""
        where = f" {self.title}" if self.title else ""
        where += f" [{self.report}]" if self.report else ""
        numbers = f" {self.before} → {self.after}" if self.before or self.after else ""
        quote = f" “{self.quote}”" if self.quote else ""
        return f"{t.gettext(self.kind)}:{where}{numbers}{quote}"


@dataclass(frozen=True, slots=True)
class News:
    """The changes that one look at a question found."""

    time: str  # UTC, ISO 8601
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """A standing question with what its last answer rests on, and its news, the latest first."""

    id: str
    question: str
    filters: Filters
    answer: Mapping[str, Any]
    news: tuple[News, ...] = field(default=())


_READER = TypeAdapter(tuple[Watch, ...])


def answer_again(engine: Engine, answer: Answer) -> list[Change]:
    """What is different if the question of an answer is asked now."""
    covered = answer.coverage
    new = engine.ask(answer.standalone, filters=covered.filters, ignored=covered.ignored).answer
    return changes(engine, answer_to_dict(answer), answer_to_dict(new))


def changes(engine: Engine, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The differences of two answers, as the command line's JSON, to one question."""
    old, new = before["coverage"], after["coverage"]
    cited = {c["report"]: c for c in reversed((*before["citations"], *after["citations"]))}
    # What a survey finds changes at its edge with every report of the collection.
    had, has = (
        side["coverage"]["reports"]
        if side["coverage"]["intent"] == "list"
        else list(dict.fromkeys(c["report"] for c in side["citations"]))
        for side in (before, after)
    )
    infos = engine.catalog.reports

    def of_report(kind: Kind, report: str) -> Change:
        said = cited.get(report, {"title": "", "quote": ""})
        title = infos[report].title if report in infos else said["title"]
        return Change(kind, report, title, said["quote"])

    found: list[Change] = []
    if before["refused"] != after["refused"]:
        found.append(Change("refused now" if after["refused"] else "answered now"))
    gone = [i for i in had if i not in has]
    found += [of_report("report added", i) for i in has if i not in had]
    found += [of_report("no longer cited", i) for i in gone if i in infos]
    found += [of_report("report gone", i) for i in gone if i not in infos]
    for citation in before["citations"]:
        report, quote, span = (citation[name] for name in ("report", "quote", "span"))
        raw = engine.report(report).raw if report in infos else ""
        if still_stands(quote, raw, [tuple(span)] if span else []) is None:
            found.append(Change("quote gone", report, citation["title"], quote))
    if new["intent"] == "list":
        was, now = (
            {"reports": side["count"], **{row["value"]: row["reports"] for row in side["table"]}}
            for side in (old, new)
        )
        for name in was | now:
            pair = str(was.get(name, 0)), str(now.get(name, 0))
            if pair[0] != pair[1]:
                found.append(Change("number", title=name, before=pair[0], after=pair[1]))
    return found


def load_watches(folder: Path) -> tuple[Watch, ...]:
    """The standing questions of an index; an InputError where their file can't be used."""
    path = folder / FILE
    try:
        return _READER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        raise InputError(f"{path} can't be used ({error}). Delete it to begin anew.") from error


def add_watch(engine: Engine, question: str, filters: Filters) -> Watch:
    """Ask a question now and watch it from now on; an InputError where it can't be kept."""
    watch = Watch(os.urandom(4).hex(), question, filters, _asked(engine, question, filters))
    _rewrite(engine, lambda watches: (*watches, watch))
    return watch


def remove_watch(engine: Engine, watch_id: str) -> None:
    """Watch a question no more; an InputError if there is none of this id."""
    if watch_id not in {watch.id for watch in load_watches(engine.settings.index)}:
        raise InputError(f"No question {watch_id!r} is watched. See: asklabs watch list")
    _rewrite(engine, lambda watches: tuple(w for w in watches if w.id != watch_id))


def run_watches(
    engine: Engine, deliver: Callable[[Sequence[Watch]], object] = lambda _: None
) -> list[Watch]:
    """Ask all standing questions again; returns those with changes, the latest news first.

    They are delivered before they are kept: where that fails, the next run finds them again.
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    changed: dict[str, Watch] = {}
    for watch in load_watches(engine.settings.index):
        if watch.answer.get("index") == engine.revision:
            continue
        answer = _asked(engine, watch.question, watch.filters)
        found = tuple(changes(engine, watch.answer, answer))
        news = (News(time, found), *watch.news)[:MOST_NEWS] if found else watch.news
        changed[watch.id] = replace(watch, answer=answer, news=news)
    told = [watch for watch in changed.values() if watch.news and watch.news[0].time == time]
    if told:
        deliver(told)
    if changed:
        _rewrite(engine, lambda watches: tuple(changed.get(w.id, w) for w in watches))
    return told


def atom(watches: Sequence[Watch]) -> bytes:
    """All news as an Atom feed."""
    entries = [(news, watch) for watch in watches for news in watch.news]
    entries.sort(key=lambda pair: pair[0].time, reverse=True)
    updated = entries[0][0].time if entries else datetime.now(UTC).isoformat()
    template = environment().get_template("atom.xml.jinja")
    return clean(template.render(entries=entries, updated=updated)).encode()


def _asked(engine: Engine, question: str, filters: Filters) -> dict[str, Any]:
    made = answer_to_dict(engine.ask(question, filters=filters).answer)
    return {name: made[name] for name in _KEPT}


def _rewrite(engine: Engine, change: Callable[[tuple[Watch, ...]], tuple[Watch, ...]]) -> None:
    folder = engine.settings.index
    try:
        with FileLock(folder / LOCK, timeout=5):
            watches = change(load_watches(folder))
            replace_file(folder / FILE, _READER.dump_json(watches, exclude_defaults=True))
    except OSError as error:  # also where the lock isn't got
        raise InputError(f"{folder}: questions can't be kept there ({error}).") from error
