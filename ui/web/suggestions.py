"""Examples of questions that the collection answers: tried once, and kept with the index."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from time import sleep

from pydantic import TypeAdapter

from rag.answer.about import SURVEY, TRIES, Example, example_questions
from rag.engine import Engine, open_engine
from rag.errors import AskLabsError
from rag.files import replace_file
from rag.i18n.translations import Translations, language_code, languages, translations_for
from rag.settings import Settings
from rag.types import Progress

FILE = "examples.json"  # in the index's folder
SUGGESTED = 5  # questions on the page
PAUSE = 0.5  # seconds to wait while others ask
# By language the revision that answered, and its examples.
_Kept = dict[str, tuple[str, list[Example]]]
_KEPT = TypeAdapter(_Kept)
_log = logging.getLogger(__name__)


def try_first(settings: Settings, progress: Progress) -> None:
    """Find the examples of a new index, so that the page has them when it is first opened.

    What judges passages and what writes are left out: they take five times as long, and the same
    examples are kept.
    """
    quick = settings.model_copy(update={"model": "extractive", "reranker": "none"})
    if not settings.database and not (settings.index / FILE).exists():
        with suppress(AskLabsError):
            Suggestions(open_engine(quick)).try_all(progress=progress)


class Suggestions:
    """An example of each kind of question that the collection answers, by language."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._path = engine, engine.settings.index / FILE
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._kept: _Kept = {}

    def first(self, t: Translations) -> list[Example]:
        """What can be shown at once: what was answered, else what tags should answer."""
        revision, kept = self._known(t)
        offered = example_questions(self._engine, t)
        if kept and revision != self._engine.revision:
            # Its labs and tags may be gone.
            kept = [(kind, q) for kind, q in kept if any(q in asked for _, _, asked in offered)]
        tags = [(kind, asked[0]) for kind, labs, asked in offered if not labs]
        return kept or tags[:SUGGESTED]

    def answered(self, t: Translations) -> list[Example]:
        """The questions that are answered; asks them first, which takes seconds, once."""
        code, revision = language_code(t), self._engine.revision
        with self._locks[code]:
            known, examples = self._known(t)
            if known == revision:
                return examples
            try:
                examples = list(islice(self._good(t), SUGGESTED))
            except AskLabsError as error:
                _log.warning("no question could be tried: %s", error)
                return self.first(t)
            self._read()
            self._kept[code] = revision, examples
            # An index that can't be written to, or has no folder, is asked again at the next start.
            with suppress(OSError):
                replace_file(self._path, _KEPT.dump_json(self._kept))
            return examples

    def try_all(
        self, is_idle: Callable[[], bool] = lambda: True, progress: Progress = lambda *_: None
    ) -> None:
        """Find those of all languages ahead, while a function says that nobody asks."""
        codes = languages()
        for n, t in enumerate(map(translations_for, codes), start=1):
            while not is_idle():
                sleep(PAUSE)
            self.answered(t)
            progress("trying examples", n, len(codes))

    def _known(self, t: Translations) -> tuple[str, list[Example]]:
        """What was answered last, and at which revision of the index."""
        code = language_code(t)
        if self._kept.get(code, ("",))[0] != self._engine.revision:
            self._read()
        return self._kept.get(code, ("", []))

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            self._kept |= _KEPT.validate_json(self._path.read_bytes())

    def _good(self, t: Translations) -> Iterator[Example]:
        engine = self._engine.without_model()
        for kind, labs, questions in example_questions(self._engine, t):
            if kind == SURVEY:
                yield kind, questions[0]
                continue
            for question in questions[:TRIES]:
                answer = engine.ask(question).answer
                cited = {citation.passage.report.lab for citation in answer.citations}
                by_tags = answer.mode == "catalogue"
                if not answer.refused and (len(cited) >= labs if labs else by_tags):
                    yield kind, question
                    break
