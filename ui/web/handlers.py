"""What the page does when it is used: plain functions between the page and the engine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from rag.catalog.fields import Filters
from rag.i18n.labels import country_label
from rag.i18n.translations import ENGLISH, Translations, marked
from rag.retrieval.hybrid import more_passages
from rag.types import Answer, Turn
from ui.server import log
from ui.web.answer import conversation, pending
from ui.web.conversation import Exchange, Run
from ui.web.sources import sources

if TYPE_CHECKING:
    from rag.catalog.catalog import Catalog
    from rag.engine import Engine


Talk = tuple[Exchange, ...]
LONGEST_TAG = 48
BROKEN = marked("Something went wrong here. Please try again; the server's log has the details.")


class Update(TypedDict, total=False):
    """What changes on the page; a part that is missing stays as it is.

    `kept_id` names the conversation in the visitor's browser, `says` is a message to it (ui/kept).
    """

    question: str
    talk: Talk
    run: Run | None
    thread: str
    live: str
    sources: str
    busy: bool
    kept_id: str
    says: str


def history(talk: Talk) -> tuple[Turn, ...]:
    """The answered questions of a conversation, as turns for the engine."""
    turns = [(one.question, one.answer.text) for one in talk if one.answer]
    return tuple(turn for q, a in turns for turn in (Turn("user", q), Turn("assistant", a)))


def ask(
    engine: Engine,
    question: str,
    chosen: Filters,
    talk: Talk,
    run: Run | None,
    t: Translations,
    ignored: Filters = Filters(),
) -> Iterator[Update]:
    """Answer the question in the box; nothing happens while it is empty or one is running.

    What is `ignored` isn't taken from the question though it names it.
    """
    if not question.strip() or (run and run.active):
        return
    yield {"question": ""}
    one = Exchange(question.strip(), chosen, ignored=ignored)
    for update in _answer(engine, one, talk, t):
        if "talk" in update and update["talk"][-1].error:
            update["question"] = question
        yield update


def again(
    engine: Engine,
    chosen: Filters,
    talk: Talk,
    run: Run | None,
    t: Translations,
    ignored: Filters | None = None,
) -> Iterator[Update]:
    """Answer the last question once more, with the filters as they are now.

    What was ignored of it stays so, unless `ignored` says what is instead.
    """
    if talk and not (run and run.active):
        last = talk[-1]
        kept = last.ignored if ignored is None else ignored
        one = Exchange(last.question, chosen, ignored=kept, passages=last.passages)
        yield from _answer(engine, one, talk[:-1], t)


def widen(
    engine: Engine, talk: Talk, run: Run | None, turn: object, t: Translations
) -> Iterator[Update]:
    """Answer the last question once more, as it was asked, from twice as many passages."""
    if talk and turn == len(talk) and not (run and run.active):
        last = talk[-1]
        more = more_passages(last.passages, engine.settings)
        one = Exchange(last.question, last.asked, ignored=last.ignored, passages=more)
        yield from _answer(engine, one, talk[:-1], t)


def without(
    engine: Engine,
    chosen: Filters,
    talk: Talk,
    run: Run | None,
    chip: Mapping[str, object],
    t: Translations,
) -> Iterator[Update]:
    """Answer the last question once more without what a chip stands for, or with it again.

    Nothing happens for a chip that the last question doesn't have.
    """
    if talk and chip.get("turn") == str(len(talk)):
        ignored = talk[-1].changed(chip)
        if ignored is not None:
            yield from again(engine, chosen, talk, run, t, ignored)


def _answer(engine: Engine, one: Exchange, talk: Talk, t: Translations) -> Iterator[Update]:
    turn = len(talk) + 1
    reports = engine.catalog.reports
    turns = history(talk)
    start = partial(
        engine.ask,
        one.question,
        history=turns,
        filters=one.asked,
        ignored=one.ignored,
        passages=one.passages,
    )
    run, begun, done = Run(one, start), time.monotonic(), None
    try:
        yield {
            "run": run,
            "thread": conversation(talk, reports, idle=False, t=t),
            "live": pending(one, "", turn, t, reports),
            "busy": True,
        }
        for text in run.texts():
            yield {"live": pending(one, text, turn, t, reports)}
        done = run.exchange()
        talk = (*talk, done)
    except GeneratorExit:
        done = replace(one, stopped=True)
        raise
    finally:
        # Also when the visitor has gone: nobody reads on, so the model need not write on.
        run.stop()
        told = one.question if engine.settings.log_questions else ""
        log.question_event(done, time.monotonic() - begun, told)
    yield {
        "talk": talk,
        "thread": conversation(talk, reports, t=t),
        "live": "",
        "sources": sources(talk[-1].answer, turn, t),
        "busy": False,
    }


def stop(run: Run | None) -> None:
    """Stop the running answer; what has been written stays."""
    if run:
        run.stop()


def failed(engine: Engine, talk: Talk, run: Run | None, t: Translations) -> Update:
    """Say that an unforeseen error happened, and give the question back."""
    one = replace(run.asked if run else Exchange(""), error=t.gettext(BROKEN))
    talk = (*talk, one)
    thread = conversation(talk, engine.catalog.reports, t=t)
    return {"talk": talk, "thread": thread, "live": "", "question": one.question, "busy": False}


def clear(t: Translations) -> Update:
    """An empty conversation."""
    return {
        "question": "",
        "talk": (),
        "run": None,
        "thread": "",
        "live": "",
        "sources": sources(None, 0, t),
        "busy": False,
    }


def show(talk: Talk, turn: object, t: Translations) -> Update:
    """The sources of the answer that was clicked, counted from 1."""
    if not isinstance(turn, int) or not 1 <= turn <= len(talk):
        return {}
    return {"sources": sources(talk[turn - 1].answer, turn, t)}


def answers(talk: Talk) -> list[Answer]:
    """The answers of a conversation."""
    return [one.answer for one in talk if one.answer]


def examples(catalog: Catalog, t: Translations = ENGLISH) -> list[str]:
    """Up to four questions that suit the collection, made from its most common tags."""
    themes = [_in_sentence(tag) for tag in _common(catalog, "theme")]
    methods = [_in_sentence(tag) for tag in _common(catalog, "method")]
    found = []
    if themes:
        about = t.gettext("What did the labs learn about {theme}?")
        found.append(about.format(theme=themes[0]))
    if pair := _pair(catalog):
        how = t.gettext("How did {one} and {other} approach {theme}?")
        found.append(
            how.format(
                one=country_label(pair[0], t),
                other=country_label(pair[1], t),
                theme=themes[0],
            )
        )
    if methods:
        found.append(t.gettext("Which labs used {method}?").format(method=methods[0]))
    if len(themes) > 1:
        way = t.gettext("What stood in the way of work on {theme}?")
        found.append(way.format(theme=themes[1]))
    if not found:
        found_out = t.gettext("What did the lab of {lab} find out?")
        found = [
            found_out.format(lab=country_label(name, t)) for name in _common(catalog, "country")
        ]
    return found[:4]


def _common(catalog: Catalog, field: str) -> list[str]:
    # One-word themes ("innovation") are mostly too broad to ask about: they come last.
    broad = field == "theme"
    counts = sorted(
        catalog.counts(field), key=lambda pair: (broad and " " not in pair[0], -pair[1])
    )
    return [value for value, _ in counts if len(value) <= LONGEST_TAG]


def _pair(catalog: Catalog) -> tuple[str, ...]:
    """The two labs with the most reports on the most common theme, or nothing."""
    themes = _common(catalog, "theme")[:1]
    reports = catalog.select(Filters(theme=tuple(themes))) if themes else ()
    labs = Counter(name for info in reports for name in info.countries).most_common(2)
    return tuple(name for name, _ in labs) if len(labs) == 2 else ()


def _in_sentence(tag: str) -> str:
    return tag[0].lower() + tag[1:] if tag[1:2].islower() else tag
