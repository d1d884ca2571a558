"""Passages and reports as rows of the store: metadata that Chroma takes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from rag.tags import report_keys
from rag.types import FILTER_FIELDS, Passage, ReportInfo, Span

# Fields of which a report has one value; the others are lists.
_SINGLE = ("year", "type", "kind")
# Fields of a report, and of a passage, that a row has as they are.
_OF_REPORT = (
    *("source", "digest", "form_digest", "passages_digest", "passages", "generation"),
    *("passages_generation", "deleted"),
)
_OF_PASSAGE = ("section", "prompt", "stage", "language", "part", "parts")
# Fields of a report that are kept as JSON.
_LISTS = ("links", "images", "unanswered")


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from.

    `generation` is that of its row, `passages_generation` that of its passages' rows: they
    differ where only something about the report has changed. `deleted` says that from this
    generation on the report is gone. `links` and `images` are URLs, `unanswered` the form's
    questions that the lab left open.
    """

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""
    form_digest: str = ""
    passages_digest: str = ""
    passages: int = 0
    generation: int = 0
    passages_generation: int = 0
    deleted: bool = False
    links: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """The id of its row."""
        return f"{self.info.id}@{self.generation}"

    def row_of(self, passage_id: str) -> str:
        """The id of the row of one of its passages."""
        return f"{passage_id}@{self.passages_generation}"


def passage_row(passage: Passage, generation: int) -> dict[str, Any]:
    """The metadata of a passage's row: its place, and the report's tags to filter by."""
    info = passage.report
    values: dict[str, Any] = {
        "report": info.id,
        "generation": generation,
        **{name: getattr(passage, name) for name in _OF_PASSAGE},
        "spans": [at for span in passage.spans for at in span],
    }
    for field, key in FILTER_FIELDS.items():
        if field in ("fact", "language"):
            continue  # The report's own row has its facts; a passage's language is its own.
        keys = sorted(report_keys(info, field), key=str)
        values[key] = next(iter(keys), None) if field in _SINGLE else keys
    # Chroma refuses empty lists. None takes away what the row had there before a run that was cut
    # short: a key that is only left out would keep its old value.
    return {key: None if value == [] else value for key, value in values.items()}


def passage_from_row(row_id: str, meta: Mapping[str, Any], text: str, info: ReportInfo) -> Passage:
    """A passage from its row and its report."""
    flat = list(meta.get("spans", ()))
    spans: tuple[Span, ...] = tuple(zip(flat[::2], flat[1::2], strict=True))
    return Passage(
        id=row_id.rpartition("@")[0],
        report=info,
        text=text,
        spans=spans,
        **{name: meta[name] for name in _OF_PASSAGE},
    )


def report_row(report: StoredReport) -> dict[str, Any]:
    """The metadata of a report's row."""
    return {
        "info": orjson.dumps(report.info).decode(),
        **{name: getattr(report, name) for name in _OF_REPORT},
        **{name: orjson.dumps(getattr(report, name)).decode() for name in _LISTS},
    }


def report_from_row(meta: Mapping[str, Any], raw: str) -> StoredReport:
    """A stored report from its row's metadata and document."""
    values: dict[str, Any] = {name: meta[name] for name in _OF_REPORT}
    values |= {name: tuple(orjson.loads(meta[name])) for name in _LISTS}
    return StoredReport(info_from_dict(orjson.loads(meta["info"])), raw, **values)


def info_from_dict(data: Mapping[str, Any]) -> ReportInfo:
    """A ReportInfo from what JSON has kept of `dataclasses.asdict` of it."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    values["facts"] = {k: tuple(v) for k, v in data.get("facts", {}).items()}
    return ReportInfo(**values)
