"""Search by words finds every report that has them, and phrases as they stand."""

from pathlib import Path

from ingest.sync import sync
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.index.local import current_snapshot
from rag.retrieval.keyword import find_words
from rag.settings import Settings
from ui.web.handlers import Visit
from ui.web.views import find


def test_every_report_with_a_phrase_is_found_and_its_words_are_marked(
    quick_engine: Engine,
) -> None:
    passage = max(quick_engine.passages, key=lambda p: len(p.text))
    phrase = " ".join(passage.text.split()[3:7])
    texts = [
        (p.report.id, " ".join(f"{p.report.title} {p.text}".split())) for p in quick_engine.passages
    ]
    having = {report for report, text in texts if phrase.casefold() in text.casefold()}
    found = find_words(quick_engine.index, f'"{phrase}"', passage.language, Filters())
    assert {each.passage.report.id for each in found} >= having != set()
    own = next(each for each in found if each.passage.report.id == passage.report.id)
    assert any(marked for _, marked in own.pieces)
    assert "".join(text for text, _ in own.pieces).strip("… ") in own.passage.text
    assert find_words(quick_engine.index, f'"{phrase[::-1]}"', "en", Filters()) == []


def test_filters_narrow_it_and_nothing_is_found_of_nothing(quick_engine: Engine) -> None:
    def found(words: object, filters: Filters = Filters()) -> str:
        return find(Visit(quick_engine, sent={"words": words}, chosen=filters))

    assert "open-report" in found("community")
    assert "open-report" not in found("community", Filters(year=(1990,)))
    assert found(" ") == found(None) == ""
    assert "0 reports" in found("zzzq <b>")


def test_a_contact_that_a_piece_cuts_is_masked(tmp_path: Path) -> None:
    text = f"## Answer\n\nOur ferry {'waits ' * 27}for somebody.else@example.org every day.\n"
    (tmp_path / "ferry.md").write_text(f"# Ferry\n\n[[country:Togo]]\n\n{text}", encoding="utf-8")
    settings = Settings(index=tmp_path / "index")
    sync([tmp_path], settings)
    index = current_snapshot(settings.index, {})
    shown, plain = (
        "".join(piece for piece, _ in found.pieces)
        for mask in (True, False)
        for found in find_words(index, "ferry", "en", Filters(), mask=mask)
    )
    assert "somebody" in plain
    assert "somebody" not in shown
