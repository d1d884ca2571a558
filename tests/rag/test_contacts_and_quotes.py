"""What leaves the engine: no contacts, and quotes of the report as it was when it was asked."""

from __future__ import annotations

from pathlib import Path

from ingest.sync import sync
from rag.engine import open_engine
from rag.settings import Settings

QUINCE = """# Quince orchards

[[country:Peru]]
[[year:2025]]
[[type:experiment]]

## Learnings

> What did you learn?

Twelve families keep quince orchards above the river, ask for them on +51 912 345 678 any day.
"""


QUESTION = "Who keeps quince orchards above the river?"


def synced(folder: Path, text: str = QUINCE) -> Settings:
    """Settings with an index of the one report."""
    settings = Settings(index=folder / "index")
    (folder / "quince.md").write_text(text, encoding="utf-8")
    assert not sync([folder / "quince.md"], settings).skipped
    return settings


def test_contacts_are_masked_in_all_that_is_given_out(tmp_path: Path) -> None:
    settings = synced(tmp_path)
    for masked in (True, False):
        engine = open_engine(settings.model_copy(update={"mask_contacts": masked}))
        answer = engine.ask(QUESTION).answer
        (citation,) = answer.citations
        shown = [answer.text, citation.passage.text, *(hit.passage.text for hit in answer.hits)]
        shown += [hit.passage.text for hit in engine.search(QUESTION)]
        shown += [passage.text for passage in engine.passages_of("quince")]
        shown.append(engine.report("quince").raw)
        assert all(("912 345 678" in text) is not masked for text in shown)
        assert all(("••• ••• •••" in text) is masked for text in shown)
        # A quote stands in the file as it is: it ends where something is masked.
        assert citation.span
        assert citation.quote == QUINCE[slice(*citation.span)]
        assert citation.quote.endswith("ask for them on" if masked else "any day.")


def test_a_report_replaced_while_it_is_answered_from_is_quoted_as_it_was(tmp_path: Path) -> None:
    stream = open_engine(synced(tmp_path)).ask(QUESTION)
    synced(tmp_path, QUINCE.replace("Twelve families keep", "Nobody keeps"))
    (citation,) = stream.answer.citations
    assert citation.quote.startswith("Twelve families keep quince orchards")
    assert citation.span
    assert citation.quote == QUINCE[slice(*citation.span)]
