"""Passages and reports as rows of the store: metadata that Chroma takes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from rag.tags import filter_key, report_keys
from rag.types import FILTER_FIELDS, Filters, Passage, ReportInfo, Span

# Fields of which a report has one value; the others are lists.
_SINGLE = ("year", "type", "kind")


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as the index holds it: tags, verbatim text, where it came from."""

    info: ReportInfo
    raw: str
    source: str = ""
    digest: str = ""
    form_digest: str = ""
    passages_digest: str = ""
    passages: int = 0


def where(filters: Filters) -> dict[str, Any] | None:
    """Chroma's where clause for filters: any value within a field, all fields."""
    clauses: list[dict[str, Any]] = []
    for field, key in FILTER_FIELDS.items():
        values = [filter_key(field, value) for value in getattr(filters, field)]
        if not values:
            continue
        if field in _SINGLE:
            clauses.append({key: {"$in": values}})
        else:
            any_of = [{key: {"$contains": value}} for value in values]
            clauses.append(any_of[0] if len(any_of) == 1 else {"$or": any_of})
    if not clauses:
        return None
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def passage_row(passage: Passage) -> dict[str, Any]:
    """The metadata of a passage's row: its place, and the report's tags to filter by."""
    info = passage.report
    values: dict[str, Any] = {
        "report": info.id,
        "section": passage.section,
        "prompt": passage.prompt,
        "stage": passage.stage,
        "language": passage.language,
        "part": passage.part,
        "parts": passage.parts,
        "spans": [at for span in passage.spans for at in span],
    }
    for field, key in FILTER_FIELDS.items():
        keys = sorted(report_keys(info, field), key=str)
        values[key] = next(iter(keys), None) if field in _SINGLE else keys
    # Chroma refuses empty lists. None takes away what an earlier version of the row had there:
    # a key that is only left out would keep its old value.
    return {key: None if value == [] else value for key, value in values.items()}


def passage_from_row(row_id: str, meta: Mapping[str, Any], text: str, info: ReportInfo) -> Passage:
    """A passage from its row and its report."""
    flat = list(meta.get("spans", ()))
    spans: tuple[Span, ...] = tuple(zip(flat[::2], flat[1::2], strict=True))
    return Passage(
        id=row_id,
        report=info,
        section=meta.get("section", ""),
        prompt=meta.get("prompt", ""),
        text=text,
        spans=spans,
        stage=meta.get("stage", "evidence"),
        language=meta.get("language", "en"),
        part=meta.get("part", 1),
        parts=meta.get("parts", 1),
    )


def report_row(report: StoredReport) -> dict[str, Any]:
    """The metadata of a report's row."""
    return {
        "info": orjson.dumps(asdict(report.info)).decode(),
        "source": report.source,
        "digest": report.digest,
        "form_digest": report.form_digest,
        "passages_digest": report.passages_digest,
        "passages": report.passages,
    }


def report_from_row(meta: Mapping[str, Any], raw: str) -> StoredReport:
    """A stored report from its row's metadata and document."""
    return StoredReport(
        info=info_from_json(str(meta["info"])),
        raw=raw,
        source=str(meta.get("source", "")),
        digest=str(meta.get("digest", "")),
        form_digest=str(meta.get("form_digest", "")),
        passages_digest=str(meta.get("passages_digest", "")),
        passages=int(meta.get("passages", 0)),
    )


def info_from_json(text: str | bytes) -> ReportInfo:
    """A ReportInfo from the JSON that `dataclasses.asdict` of it gives."""
    data: dict[str, Any] = orjson.loads(text)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    values["facts"] = {k: tuple(v) for k, v in data.get("facts", {}).items()}
    return ReportInfo(**values)
