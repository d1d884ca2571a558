"""The errors that a user can meet; each message says what to do."""

from pathlib import Path

from pydantic import ValidationError

from rag.types import Notice


class AskLabsError(Exception):
    """Base of all errors whose message is meant for the user."""


class SettingsError(AskLabsError):
    """A setting is unknown, missing or out of range."""


class InputError(AskLabsError):
    """A file or question that was given can't be used."""


class UnknownField(InputError):
    """The reports have no such field."""


class IndexUnusable(AskLabsError):
    """The index can't be used."""


class IndexMissing(IndexUnusable):
    """There is no index at the given place."""


class IndexMismatch(IndexUnusable):
    """The index was made by another parser, chunker or embedding than asked for."""


class IndexDamaged(IndexUnusable):
    """The index can't be read."""


class IndexBusy(IndexUnusable):
    """Another process is writing to the index."""


class UnknownReport(AskLabsError):
    """No report of that id is in the index."""


class Stopped(AskLabsError):
    """The question was stopped by whoever asked it."""


class _OfNotice(AskLabsError):
    """An error whose text is its notice in English."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(notice)
        self.notice = notice

    def __str__(self) -> str:
        from rag.i18n.labels import notice_words  # Loading it takes time.

        return notice_words([self.notice])


class TooLong(_OfNotice, InputError):
    """A question is too long."""


class FeedbackNotKept(AskLabsError):
    """A reader's vote on an answer can't be stored."""


class ModelError(_OfNotice):
    """The configured language or embedding model failed."""


class ContextOverflow(ModelError):
    """The model's window is too small for what it was given."""


def anew(folder: Path | str) -> str:
    """What to do about an index that must be made anew; a database has no folder."""
    where = f" --index {folder}" if isinstance(folder, Path) else ""
    return f"Make it anew: asklabs ingest PATH --rebuild{where}"


def damaged(folder: Path, error: Exception | str) -> IndexDamaged:
    """What to say of an index whose files can't be read: an ingest makes them from Chroma's."""
    return IndexDamaged(
        f"The index in {folder} can't be read ({error}). Run asklabs ingest PATH --index {folder} "
        "to repair it; if that fails, with --rebuild."
    )


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with data, after where it stands: "filters.year: ..."."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
