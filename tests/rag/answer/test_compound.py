"""Several questions in one text: numbered through, and what is left of those that broke off."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fake_engine import answer

from rag.answer.compound import in_turn, joined
from rag.answer.pipeline import AnswerStream
from rag.catalog.tag_fields import Filters
from rag.errors import AskLabsError, IndexUnusable, Stopped, TooLong
from rag.i18n.labels import notice_words
from rag.models.client import Stop
from rag.types import Answer, Notice, Struck, Turn

Asked = tuple[str, Filters]
QUESTIONS: tuple[Asked, ...] = (
    ("what keeps food cool", Filters()),
    ("and dry?", Filters(country=("Togo",))),
)
SLOW = TooLong(Notice("question_took_too_long", {"seconds": 1}))


def test_citations_and_struck_sentences_move_with_their_answer() -> None:
    one = answer()
    at = one.text.index("\n\n- Another")
    two = replace(one, struck=(Struck("Gone.", Notice("nothing_supported"), at),), tokens={"x": 0})
    whole = joined(["one", "two"], [two, two], Filters())
    head, first, second = whole.text.split("## ")
    assert (head, first) == ("", f"One\n{one.text}\n\n")
    assert second == f"Two\n{one.text.replace('[1]', '[3]').replace('[2]', '[4]')}"
    assert [citation.n for citation in whole.citations] == [1, 2, 3, 4]
    assert [whole.text[s.at :].startswith("\n\n- Another") for s in whole.struck] == [True, True]
    assert (whole.tokens, whole.timings["plan_ms"]) == ({"x": 0}, 4.0)
    assert (whole.coverage.intent, whole.coverage.count) == ("answer", 2)


def streamed(written: list[str], error: AskLabsError | None, *more: Asked) -> AnswerStream:
    stop = Stop()

    def ask(question: str, _: Sequence[Turn], __: Filters) -> AnswerStream:
        if error and question == QUESTIONS[1][0]:
            if isinstance(error, Stopped):
                stop.set()
            raise error

        def pieces() -> Iterator[str]:
            for piece in ("Wet sand", " keeps boxes cool [1]."):
                written.append(piece)
                yield piece

        def finish(text: str) -> Answer:
            found = answer(question, text=text)
            return replace(found, citations=found.citations[: "[1]" in text])

        return AnswerStream(pieces(), finish)

    return in_turn("?", (*QUESTIONS, *more), (), Filters(), ask, stop)


def test_what_was_answered_stays_when_a_later_question_fails_or_it_is_closed() -> None:
    assert streamed([], None).answer.text.count("##") == 2
    broken = streamed([], SLOW).answer
    assert broken.text == "## What keeps food cool\nWet sand keeps boxes cool [1]."
    written: list[str] = []
    stream = streamed(written, None)
    assert [next(stream), next(stream)] == ["## What keeps food cool\n", "Wet sand"]
    stream.close()
    assert stream.answer.text == "## What keeps food cool\nWet sand"
    assert written == ["Wet sand"]


def test_a_question_that_fails_is_named_and_the_rest_is_asked() -> None:
    rest = ("and frozen?", Filters())
    told = Notice("part_not_answered", {"question": "and dry?"})
    stream = streamed([], SLOW, rest)
    text, whole = "".join(stream), stream.answer
    assert whole.text == text
    assert [line for line in text.split("\n") if line.startswith("##")] == [
        "## What keeps food cool",
        "## And frozen?",
    ]
    assert [citation.n for citation in whole.citations] == [1, 2]
    assert whole.notices == (told, SLOW.notice)
    assert notice_words(whole.notices).startswith("“and dry?” was not answered. Answering took ")
    why = Notice("text", {"text": "The disk is gone."})
    assert streamed([], IndexUnusable("The disk is gone."), rest).answer.notices == (told, why)
    # Who stopped it knows that there is more.
    stopped = streamed([], Stopped(), rest).answer
    assert (stopped.text.count("##"), stopped.notices) == (1, ())
