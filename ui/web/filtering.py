"""The wiring of the filters: choosing, links that are opened, links that are copied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.catalog.fields import Filters
from rag.i18n.translations import Translations
from ui.web import filters as facets
from ui.web import handlers, links
from ui.web.filters import changed, picked
from ui.web.layout import QUIET, Parts, translations_of
from ui.web.views import followed

if TYPE_CHECKING:
    from gradio.events import Dependency

    from rag.engine import Engine


# What follows the chosen filters; whoever sets them sets these, by `drawn`.
FOLLOWING = ("chosen", "scope", "facets", "picked")
_EVENT = ("field", "value", "on", "only", "turn")


def drawn(engine: Engine, parts: Parts, chosen: Filters, t: Translations, **said: Any) -> Parts:
    """Filters as they are now chosen, and all on the page that follows them.

    `said` may hold `told`, a sentence over the chips, and the `turn` of the page's event.
    """
    catalog = engine.catalog
    line = facets.in_scope(catalog, chosen, t)
    return {
        parts["chosen"]: chosen,
        parts["scope"]: f'<p class="hint" role="status">{line}</p>',
        parts["facets"]: facets.data(catalog, chosen, t, said.get("turn")),
        parts["picked"]: picked(catalog, chosen, t, said.get("told", "")),
    }


def link_of(engine: Engine, talk: handlers.Talk, t: Translations) -> str:
    """The last question with its filters as an address's query, and what is said of it: JSON."""
    last = talk[-1] if talk else None
    query = last and links.write(last.question, last.asked, engine.catalog, last.ignored)
    done, by_hand = t.gettext("Link copied"), t.gettext("Copy this link:")
    return json.dumps({"query": query or "", "done": done, "byHand": by_hand})


def wire(engine: Engine, page: gr.Blocks, parts: Parts) -> Dependency:
    """Let the filters be chosen; what is returned has set the page up as its address says."""
    following = [parts[name] for name in FOLLOWING]
    # Not queued: a question that is asked at once must find what was chosen.
    quiet = QUIET | {"queue": False}

    def choose(chosen: Filters, request: gr.Request, event: gr.EventData) -> Parts:
        what = {name: getattr(event, name, None) for name in _EVENT}
        now = changed(engine.catalog, chosen, what)
        return drawn(engine, parts, now, translations_of(request), turn=what["turn"])

    def open_link(query: str, request: gr.Request) -> Parts:
        t = translations_of(request)
        link = links.read(query or "", engine.catalog)
        return {
            parts["panel"]: facets.frame(t),
            # Not the question's box: somebody may be typing there already.
            parts["linked"]: link.question,
            parts["taken_back"]: link.ignored,
            **drawn(engine, parts, link.filters, t, told=links.told(link, t)),
        }

    def copy(talk: handlers.Talk, request: gr.Request) -> str:
        return link_of(engine, talk, translations_of(request))

    for part in (parts["panel"], parts["picked"], parts["explore"]):
        # Each event counts: one must not be dropped because another is under way.
        chose = part.choose(choose, parts["chosen"], following, trigger_mode="multiple", **quiet)
        followed(chose)
    copied = parts["link"].click(copy, parts["talk"], parts["copied"], **quiet)
    copied.success(None, parts["copied"], None, js="(link) => askLabsFilters.copy(link)")
    opened: Dependency = page.load(
        open_link,
        parts["linked"],
        [parts["panel"], parts["linked"], parts["taken_back"], *following],
        js="() => location.search",
        **quiet,
    )
    followed(opened)
    return opened
