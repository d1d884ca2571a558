"""What is said of how an answer came about, in the reader's words.

The engine says it in English (`Answer.notice`, errors of models); these are its sentences.
"""

from __future__ import annotations

from rag.endings import CUT_SHORT, REPEATED, WHY
from rag.model_answerer import LEFT_OUT, NONE_FITS
from rag.rerank import NOT_USED
from rag.run import FALLBACK, NOTHING_LEFT, UNSUPPORTED
from rag.translate import Words, marked, retold
from rag.unheard import NO_REPORTS, NOT_CITED

_KNOWN = (
    NO_REPORTS,
    NOT_CITED,
    CUT_SHORT,
    *WHY.values(),
    REPEATED,
    LEFT_OUT,
    NONE_FITS,
    UNSUPPORTED,
    NOTHING_LEFT,
    FALLBACK,
    NOT_USED,
    marked("The reranker failed ({name})."),
    marked("The reranker's server took too long."),
    marked("The reranker's server can't be reached."),
    marked("The reranker's server failed (HTTP {status})."),
    # Of `rag.servers` and `rag.models`.
    marked(
        "The language model's window is too small for the passages. Set ASKLABS_CONTEXT_WINDOW to "
        "its tokens."
    ),
    marked(
        "The language model's server does not know the model. Check the model's name and "
        "OPENAI_BASE_URL."
    ),
    marked("The language model returned an empty answer. Ask again."),
    marked("The language model wrote nothing within its tokens. Raise ASKLABS_ANSWER_TOKENS."),
    marked(
        "The language model's server refused the key. Check OPENAI_API_KEY and OPENAI_BASE_URL."
    ),
    marked("The language model's server is over its limit. Wait a minute and ask again."),
    marked("The language model's server refused the request. Lower ASKLABS_CONTEXT_TOKENS."),
    marked("The language model's server failed (HTTP {status}). Ask again."),
    marked("The language model's server took too long. Ask again or raise ASKLABS_TIMEOUT."),
    marked("The language model's server can't be reached. Check OPENAI_BASE_URL and that it runs."),
    marked("The language model's reply broke off or can't be read. Ask again."),
    marked("The language model only repeated itself. Ask again."),
)


def notice_words(notice: str, words: Words) -> str:
    """A notice, or the error of a model, in other words than English as far as it is known."""
    return retold(notice, _KNOWN, words)
