"""The errors that a user can meet; each message says what to do.

AskLabsError
├── SettingsError        a setting is unknown or out of range
├── InputError           a file or question that was given can't be used
│   └── TooLong          a question is too long
├── IndexUnusable        the index can't be used
│   ├── IndexMissing     there is none at this place
│   ├── IndexMismatch    another parser, chunker or embedding made it
│   ├── IndexDamaged     it can't be read
│   └── IndexBusy        another process is writing to it
├── UnknownReport        no report of that id is in the index
├── Stopped              whoever asked wants no answer any more
├── FeedbackNotKept      what a reader thinks of an answer can't be written down
└── ModelError           the configured language or embedding model failed
    └── ContextOverflow  its window is too small for what it was given
"""

from __future__ import annotations

from rag.types import Notice


class AskLabsError(Exception):
    """Base of all errors whose message is meant for the user."""


class SettingsError(AskLabsError):
    """A setting is unknown, missing or out of range."""


class InputError(AskLabsError):
    """A file or question that was given can't be used."""


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
    """Whoever asked wants no answer any more."""


class _OfNotice(AskLabsError):
    """An error whose text is its notice in English."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(notice)
        self.notice = notice

    def __str__(self) -> str:
        from rag.i18n.notices import notice_words  # Loading it takes time.

        return notice_words([self.notice])


class TooLong(_OfNotice, InputError):
    """A question is too long."""


class FeedbackNotKept(AskLabsError):
    """What a reader thinks of an answer can't be written down."""


class ModelError(_OfNotice):
    """The configured language or embedding model failed."""


class ContextOverflow(ModelError):
    """The model's window is too small for what it was given."""
