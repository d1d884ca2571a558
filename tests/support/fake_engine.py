"""A small engine with known answers, for tests of the page that need no index."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import passages
from passages import text_notice

from rag.answer.pipeline import AnswerStream
from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.errors import ModelError, UnknownReport
from rag.index.interface import StoredReport
from rag.models.client import Stop
from rag.settings import Settings
from rag.types import FACTS, Answer, Citation, Coverage, Hit, Notice, Passage, Struck, Turn

QUOTE = "The vendors kept the boxes cool for three days with wet sand alone"
TEXT = (
    "We began with twelve stalls and no fridge.\nAfter the second visit we changed the lid. "
    f"{QUOTE}, and threw away a third less. The municipality has asked for forty more."
)
STRUCK = "In **Lima** alone 43 boxes were sold within a week [3]."
WHY = "the number 43 stands in no passage cited"
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
LABS = (("Peru", "PE"), ("Togo", "TG"), ("Viet Nam", "VN"))  # of every third report each


def report(number: int, **given: Any) -> ReportInfo:
    info = passages.report(
        f"report_{number}",
        *LABS[number % 3],
        title=f"Cool boxes at the market, part {number}",
        year=2021 + number % 4,
        kind="closing" if number % 2 else "plan",
        methods=("Prototyping",),
        thematic_areas=("Food waste",) if number % 4 else ("Markets",),
    )
    return replace(info, **given)


def passage(info: ReportInfo, number: int = 1, text: str = "", **given: Any) -> Passage:
    place = {"prompt": "What did you learn from this?", "id": f"{info.id}#{number}"}
    return passages.passage(text or TEXT, info, **(place | {"spans": ((0, 9),)} | given))


def whole(info: ReportInfo) -> tuple[Passage, ...]:
    """A report: what only its tags say, two sections, an answer of two parts, one in French."""
    long = "A long beginning of an answer.\n" * 40
    opening: Any = {"section": "Challenge", "prompt": "What is your challenge?", "parts": 2}
    return (
        passage(info, 9, "Sample size: 43", section=FACTS, prompt=FACTS),
        passage(info, 2, long, part=1, **opening),
        passage(info, 3, "Its end.", part=2, **opening),
        passage(info, 4, "Le sable.", prompt="Who?", language="fr"),
        passage(info, 1),  # what `answer` cites
        passage(info, 5, long, prompt="And then?"),
    )


def answer(question: str = "What keeps food cool?", **given: Any) -> Answer:
    """An answer with two citations of two reports."""
    hits = tuple(Hit(passage(report(n)), 1 / (n + 1)) for n in range(8))
    plan = replace(hits[1].passage, stage="intention")
    values = {
        "question": question,
        "standalone": question,
        "text": "Wet sand kept boxes cool for three days [1].\n\n- Another lab plans the same [2].",
        "refused": False,
        "citations": (Citation(1, hits[0].passage, QUOTE), Citation(2, plan, QUOTE, "partly")),
        "hits": hits,
        "coverage": Coverage("answer", ("report_0", "report_1"), ("Peru", "Togo"), 40, 12, 9),
        "mode": "extractive",
        "timings": {"plan_ms": 2.0, "retrieve_ms": 30.0, "answer_ms": 400.0},
        "index": "f1",
    }
    return Answer(**(values | given))


def hostile(question: str, bad: str = HOSTILE) -> Answer:
    """An answer in which every text that comes from outside tries to become markup."""
    info = report(1, id=bad[:200], title=bad, countries=(bad,), iso=('"><',), kind=bad)
    text = f'{bad} [1] <a class="cite" data-n="1" href="javascript:window.hacked=1">2</a>'
    source = passage(info, text=text, section=bad, prompt=bad, language=bad[:50])
    return answer(
        question,
        text=f"{bad} [1] [link](javascript:window.hacked=1)\n- {bad} [1]\n# {bad}\n**{bad}** [9]",
        citations=(Citation(1, source, bad, "partly"),),
        hits=(Hit(source, 1.0, siblings=(info,)),),
        coverage=Coverage("answer", (info.id,), (bad,), 3, 2, 1, Filters(theme=(bad,))),
        mode=bad,
        notices=(text_notice(bad),),
        struck=(Struck(bad, text_notice(bad)),),
        checked={bad: 1, "supported": 1},
        language=bad[:50],
    )


def checked(question: str = "Which boxes?") -> Answer:
    known = answer(question)
    first, second = known.citations
    uncited = Struck("All labs will do it again.", Notice("not_said"))
    return replace(
        known,
        mode="gpt-4.1-mini",
        citations=(replace(first, corrected=True), second),
        struck=(Struck(STRUCK, text_notice(WHY)), uncited),
        checked={"supported": 3, "partly": 1, "unsupported": 0, "corrected": 1, "struck": 2},
    )


class FakeEngine:
    """Answers by what the question says: fail, break, slow, or anything else."""

    topics = ()

    def __init__(self, write: Callable[[str], Answer] | None = None, **given: Any) -> None:
        """What is `given` takes the place of its settings, catalog or whatever else it has."""
        self.settings = Settings()
        self.revision = "f1" * 16
        self.catalog = Catalog(report(i) for i in range(12))
        # Reports of a lab are near each other.
        self.heads = dict.fromkeys(self.catalog.reports)
        self.means = np.eye(3)[[i % 3 for i in range(12)]]
        self.asked: list[tuple[str, tuple[Turn, ...], Filters]] = []
        self.passages: tuple[Passage, ...] = ()
        self.more: list[dict[str, Any]] = []  # what else is said of each question
        self.streams: list[AnswerStream] = []
        self.stopped: list[threading.Event] = []  # whether each of them was
        self.gate: threading.Event | None = None
        self.pause = 0.05  # seconds before each word of a slow answer
        self._write = write or self._default
        vars(self).update(given)

    def ask(self, question: str, *, stop: Stop | None = None, **given: Any) -> AnswerStream:
        """Answer word by word; what was struck comes first, as a model would have written it."""
        history, filters = given.pop("history", ()), given.pop("filters", Filters())
        self.asked.append((question, tuple(history), filters))
        self.more.append(given)
        if "fail" in question:
            said = "The model's server does not answer. Start it, or set the model."
            raise ModelError(text_notice(said))
        if "break" in question:
            raise RuntimeError("a defect, not meant for the user")
        known, stopped, stop = self._write(question), threading.Event(), stop or Stop()
        watched: Future[None] = Future()
        watched.add_done_callback(lambda _: stopped.set())
        stop.cancels(watched)

        def words() -> Iterator[str]:
            for text in (*(one.text for one in known.struck), known.text):
                for word in text.split(" "):
                    if self.gate:
                        self.gate.wait(20)
                    if stopped.wait(self.pause if "slow" in question else 0):
                        return
                    yield f"{word} "

        def finish(read: str) -> Answer:
            return replace(known, text=read.strip()) if stopped.is_set() else known

        self.streams.append(AnswerStream(words(), finish, stop))
        self.stopped.append(stopped)
        return self.streams[-1]

    def shed_when(self, _: Callable[[], bool]) -> None:
        pass

    def without_model(self) -> "FakeEngine":
        return FakeEngine(self._write)

    def report(self, report_id: str) -> StoredReport:
        if report_id not in self.catalog.reports:
            raise UnknownReport(f"There is no report {report_id!r}")
        return StoredReport(self.catalog.reports[report_id], "", unanswered=("Why?", "When?"))

    @property
    def index(self) -> Any:
        return self

    def passages_of(self, report_id: str) -> tuple[Passage, ...]:
        return whole(self.catalog.reports[report_id])

    @staticmethod
    def _default(question: str) -> Answer:
        return answer(question, **{"text": "word " * 200 + "[1]"} if "slow" in question else {})
