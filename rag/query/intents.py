"""Tells what a question asks for, by example.

`intents.toml` holds example questions of each intent in five languages, in which what they name is
a placeholder. A ridge regression over their vectors (the built-in embedding, whatever embedding
the index has) and their words and pairs of words gives each intent a score. Its weights are kept in
`intents.npz`; run `make intents` after a change of the examples.

To add an intent, add its examples and name it in `CATALOG`, `TALK` or `TO_REPORTS`; `form_of`
(`rag/query/forms.py`) says what it needs, `Engine.ask` who answers it.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, lru_cache
from itertools import compress, pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from rag.models.embeddings import encode_cached
from rag.query.pairs import ONE, OTHER, pairs
from rag.text.tokenize import strip_accents

_EXAMPLES = Path(__file__).with_name("intents.toml")
_WEIGHTS = Path(__file__).with_name("intents.npz")
_WIDE = Path(__file__).with_name("wide.toml")
_OUTCOMES = Path(__file__).with_name("outcomes.toml")
CATALOG = frozenset(("list", "count", "ranking", "values", "yesno"))  # the intents that tags answer
# Those that are about the product and the collection, or only talk.
TALK = ("about", "self", "greeting", "thanks")
# Those that passages answer.
TO_REPORTS = ("passage", "report", "lab", "compare", "trend", "topic", "reasons")
# More examples for two scores of their own: of questions for all work of a lab, of others like
# them, and of questions that hold plans against each other or against what came of them.
_MORE = ("overview", "particular", "stages")
_ALL_WORK, _STAGES = ("lab", "overview"), ("stages",)
# The scores of their own: the last columns of weights.
_OWN = ("overview", "stages", "many", "lab", "follows", "off", "works")
# What stands for a placeholder where a vector is made: a word that is one in all languages.
_FILLERS = {
    "COUNTRY": "Peru", "YEAR": "2022", "VALUE": "crowdfunding", "FIELD": "methods",
    "KIND": "reports", "<": "", ">": "", ONE: "the clay stove project",
    OTHER: "the solar dryer project",
}  # fmt: skip
_OF_WORDS = 0.5  # the length of the part of a vector that tells its words; that of meaning has 1
_PLACES = 4096  # words and pairs share these by a hash
_AT_ONCE = 512  # examples whose vectors are held
_RIDGE = 0.3  # the weight of small weights in the regression; 0.1 to 1 differ by less than a point
_BESIDE = 0.03  # what an example of `wide.toml` for one work counts among those to passages
# For how many examples those of an intent that tags answer count at most: they teach words, too.
_MOST = 400
_RIDGE_WIDE = 1.5  # the same of the scores of questions to many, and of all work of a lab
_RIDGE_OFF = 4.0  # the same of questions off the topic
# The score, from -1 to 1, from which on a question asks for what came of a work alone.
_CERTAIN = 0.2


def intent_scores(*masked: str) -> list[Mapping[str, float]]:
    """The score of each intent, of each text with placeholders; near 1 is certain, near 0 not."""
    intents, weights = _trained()
    scores = (_features(masked) @ weights).tolist()
    return [dict(zip(intents, row, strict=False)) for row in scores]


def own_score(name: str, question: str) -> float:
    """How much a question is of a kind that has a score of its own.

    An "overview" asks for all work of a lab. "Stages" holds the stages of a work against each
    other. Both may be of any length and have placeholders. From 0.5 on, a question is rather put to
    "many" than to one work, asks rather for all of a "lab" than for a particular, and rather
    "follows" from a conversation than stands alone, and it compares two "works" that are called
    as in `rag.query.pairs`. From 0.6 on, it is nearly always "off" topic.
    """
    vector = _features([_unmarked(question)])[0]
    return float(vector @ _trained()[1][:, _OWN.index(name) - len(_OWN)])


@lru_cache(1024)
def asks_outcome(question: str) -> float:
    """How much a question asks what came of a work, not what was meant or is so, 0 to 1."""
    score = _vectors([question])[0] @ _outcome_weights()
    return float(np.clip(score / _CERTAIN, 0.0, 1.0))


@cache
def _outcome_weights() -> Any:
    data = tomllib.loads(_OUTCOMES.read_text("utf-8"))
    sizes = [len(data["outcome"]), len(data["other"])]
    wanted = np.repeat(np.array([1.0, -1.0], np.float32), sizes)
    return _ridge([*data["outcome"], *data["other"]], wanted[:, None], read=_vectors)[:, 0]


@cache
def examples(file: Path = _EXAMPLES) -> Sequence[tuple[str, str, str]]:
    """Intent, language and text of each example question."""
    of_intents = tomllib.loads(file.read_text("utf-8"))
    return [
        (intent, language, text)
        for intent, languages in of_intents.items()
        for language, texts in languages.items()
        for text in texts
    ]


@cache
def words_beside(intent: str, language: str) -> str:
    """The words that ask in the examples of an intent: those beside the name of a topic.

    Where tags answer, no words of a question are its topic but those that name tags.
    """
    told, names = ("COUNTRY", _ALL_WORK) if intent == "lab" else ("VALUE", (intent,))
    told = "" if intent in CATALOG else told
    found = (text for name, code, text in examples() if name in names and code == language)
    return re.sub(r"\b[A-Z]{4,7}\b|<.*?>", " ", " ".join(text for text in found if told in text))


def _vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A row a text: its embedding, and a 1 at its end for the constant."""
    marks = re.compile(r"\b[A-Z]{4,7}\b|[<>]")
    plain = [marks.sub(lambda m: _FILLERS.get(m[0], m[0]), text) for text in texts]
    # One question is asked for several scores.
    vectors = np.asarray(encode_cached(plain), np.float32)
    return np.hstack([vectors, np.ones((len(texts), 1), np.float32)])


def _features(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A row a text: its vector, and its words and pairs of words at the places of their hashes."""
    said = np.zeros((len(texts), _PLACES), np.float32)
    for row, text in zip(said, texts, strict=True):
        words = [w if w in _FILLERS else strip_accents(w) for w in re.findall(r"\w+", text)]
        told = {*words, *map(" ".join, pairwise(["", *words, ""]))}
        for place in (crc32(phrase.encode()) % _PLACES for phrase in told):
            row[place] += _OF_WORDS / len(told) ** 0.5
    return np.hstack([_vectors(texts), said])


def fit() -> tuple[list[str], npt.NDArray[np.float32]]:
    """The intents, and the weights (dimensions of a vector x intents) that tell them apart.

    The last columns are those of `_OWN`; the others have none of the examples named in `_MORE`.
    """
    own = examples(_WIDE)
    beside = [("passage", text) for kind, _, text in own if kind in ("one", "particular")]
    labelled = [(name, text) for name, _, text in examples()]
    names, texts = zip(*labelled, *beside, strict=True)
    sizes = Counter(name for name, _ in labelled)
    each = [min(1.0, _MOST / sizes[name]) if name in CATALOG else 1.0 for name, _ in labelled]
    counts = np.array([*each, *[_BESIDE] * len(beside)], np.float32)[:, None]
    intents = sorted(set(names).difference(_MORE))

    def told(wanted: Sequence[Collection[str]], without: Collection[str]) -> Any:
        """The weights that tell examples with some names from the others, a column each."""
        rows = [name not in without for name in names]
        are = np.array([[name in of for of in wanted] for name in names], np.float32)
        return _ridge([*compress(texts, rows)], are[rows], counts[rows])

    # "Stages" are no examples of an overview, and what compares may hold stages against each other.
    weights = [
        told([(intent,) for intent in intents], _MORE),
        told([_ALL_WORK], _STAGES),
        told([_STAGES], ("compare", "trend")),
    ]
    for wide, *narrow in (("many", "one"), ("lab", "particular"), ("follows", "alone", "offtopic")):
        of_kinds = [(kind == wide, text) for kind, _, text in own if kind in (wide, *narrow)]
        weights.append(_apart(of_kinds, _RIDGE_WIDE))
    asked = [
        (kind.endswith("offtopic"), text)
        for kind, _, text in (*own, *examples())
        if kind not in (*TALK, "alone", "works")
    ]
    weights.append(_apart(asked, _RIDGE_OFF))
    every = [(code, text) for kind, code, text in (*own, *examples()) if kind != "works"]
    others = {pair.asked for code, text in every for pair in pairs(text, code)}
    compared = [(True, text) for kind, _, text in own if kind == "works"]
    weights.append(_apart([*compared, *((False, text) for text in sorted(others))], _RIDGE_WIDE))
    return intents, np.hstack(weights).astype(np.float32)


def _apart(texts: Sequence[tuple[bool, str]], ridge: float) -> Any:
    """The weights that tell texts that are wanted from the others, both as much."""
    wanted = np.array([[is_wanted] for is_wanted, _ in texts], np.float32)
    even = np.where(wanted > 0, 0.5 / wanted.mean(), 0.5 / (1 - wanted.mean()))
    return _ridge([_unmarked(text) for _, text in texts], wanted, even, ridge)


def _unmarked(text: str) -> str:
    """A question as it is read from its words, without its marks."""
    return re.sub(r"[^\w\s'’-]", " ", text)


def _ridge(
    texts: Sequence[str],
    wanted: npt.NDArray[np.float32],
    counts: npt.NDArray[np.float32] | float = 1.0,
    ridge: float = _RIDGE,
    read: Callable[[Sequence[str]], npt.NDArray[np.float32]] = _features,
) -> Any:
    """Weights of what is `read` of texts (rows of `wanted`, of which each `counts` so much)."""
    each = np.broadcast_to(np.float32(counts), (len(texts), 1))
    square: Any = 0.0
    right: Any = 0.0
    # All at once would take a gigabyte.
    for at in range(0, len(texts), _AT_ONCE):
        rows = slice(at, at + _AT_ONCE)
        part = read(texts[rows])
        square = square + part.T @ (part * each[rows])
        right = right + part.T @ (wanted[rows] * each[rows])
    square[np.diag_indices_from(square)] += np.float32(ridge)
    return np.linalg.solve(square, right)


def save() -> None:
    """Write the weights for the examples as they are now."""
    intents, weights = fit()
    np.savez(_WEIGHTS, intents=intents, weights=weights.astype(np.float16), **_made_of())


def _made_of() -> dict[str, Any]:
    """What the weights depend on: the examples, and the model, by its vector of a few words."""
    # Without comments; reading the files as TOML would slow every start.
    written = re.sub(rb"(?m)^#.*\n", b"", _EXAMPLES.read_bytes() + _WIDE.read_bytes())
    examples_hash = hashlib.sha256(written).hexdigest()
    return {"examples": examples_hash, "probe": _vectors(["which labs used crowdfunding"])}


def saved() -> tuple[list[str], npt.NDArray[np.float32]] | None:
    """The saved weights, or None where they are those of other examples or of another model."""
    made_of = _made_of()
    with np.load(_WEIGHTS) as file:
        same = str(file["examples"]) == made_of["examples"]
        if not same or not np.allclose(file["probe"], made_of["probe"], atol=0.01):
            return None
        return [str(name) for name in file["intents"]], file["weights"].astype(np.float32)


@cache
def _trained() -> tuple[list[str], npt.NDArray[np.float32]]:
    # Without weights that fit, a minute or two at each start.
    return saved() or fit()


if __name__ == "__main__":
    save()
