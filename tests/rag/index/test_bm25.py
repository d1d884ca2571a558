"""Keyword search and the lexicon: what is found, in which language, and what is saved."""

import bm25s
import numpy as np
from passages import keyword_index, passage, report, terms_of

from rag.index.bm25 import K1, B
from rag.text.tokenize import question_terms, terms

PASSAGES = [
    passage("Women sell smoked fish at the market."),
    passage("Las mujeres venden pescado ahumado.", language="es"),
    passage("Solar pumps were rented by the hour.", report("n", "Namibia", "NA")),
    passage("..."),
    passage("Doctors ask doctors for credit at the market in 2023."),
]
KEYWORD = keyword_index(PASSAGES)


def test_words_are_met_by_their_stems() -> None:
    for question, language, best in (
        ("Who sells fishes?", "en", 0),
        ("¿Quién vende pescados ahumados?", "es", 1),
        ("What happened in Namibia?", "en", 2),
        ("Que s'est-il passé avec les pumps ?", "fr", 2),
        ("blockchain", "en", None),
        ("the of and", "en", None),
    ):
        scores = KEYWORD.scores(question_terms(question, language, pairs=False))
        assert scores.shape == (len(PASSAGES),)
        assert (int(np.argmax(scores)) if scores.any() else None) == best


def test_scores_are_those_of_bm25s_and_each_word_has_its_passages() -> None:
    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index([terms_of(passage)[0] for passage in PASSAGES], show_progress=False)
    for question in ("sell", "Doctors ask for smoked fish"):
        expected = index.get_scores(terms(question, "en"))
        assert expected.any()
        assert np.allclose(KEYWORD.scores(terms(question, "en")), expected, atol=1e-5)
    words = [terms_of(passage)[1].keys() for passage in PASSAGES]
    found, at = KEYWORD.occurrences(set().union(*words))
    assert np.bincount(at).tolist() == [len(own) for own in words]
    assert len(set(found.tolist())) == len(set().union(*words))
    # No passages and no words are no problem.
    for passages in ([], [passage("...", report("b", title=""), prompt="")]):
        index = keyword_index(passages)
        assert not index.scores(["smoked", "fish"]).any()
        assert index.frequencies(["fish"]) == [0]
