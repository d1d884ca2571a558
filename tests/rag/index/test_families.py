"""Which passages are found to say the same word for word, whatever order they come in."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passages import passage, report
from strategies import report_text, steady

from rag.index.duplicates import (
    MIN_WORDS,
    SHARE,
    SIZE,
    Signed,
    find_families,
    members,
    sign,
)
from rag.text.tokenize import words
from rag.types import Passage
from ui.cli.index import families_to_dict, print_families

PLAN = (
    "The ferry crew will count each crate of second day vegetables at the landing and tell the "
    "sellers of the upper market by radio before the boat leaves the far shore"
)
CLOSING = PLAN.replace("will count", "counted").replace("tell the", "told the")
OTHER = (
    "Shared pumps stood idle at noon since nobody knew whose hour it was, so the users painted a "
    "clock on the tank and named a keeper for every day of the dry season"
)
VOCABULARY = [a + b for a in "bdfgklmnprst" for b in ("ano", "eki", "ilu", "oma", "usti", "ere")]
long_texts = st.lists(st.sampled_from(VOCABULARY), min_size=20, max_size=150, unique=False)


def said(text: str, report_id: str, country: str = "Peru", **more: object) -> Passage:
    return passage(text, report(report_id, country), **{"id": f"{report_id}/{text[:30]}", **more})


def families(*passages: Passage) -> list[str]:
    return find_families(passages, sign([p.text for p in passages]))


def changed(text: str, every: int) -> str:
    """A text with one word in so many replaced by one of its own."""
    return " ".join(f"new{n}" if n % every == 4 else w for n, w in enumerate(text.split()))


def test_a_plan_and_its_closing_are_a_family_named_after_the_first() -> None:
    plan, closing, other = said(PLAN, "a"), said(CLOSING, "b"), said(OTHER, "c")
    assert families(closing, other, plan) == [plan.id, "", plan.id]


def test_the_same_answer_under_two_prompts_of_a_report_is_a_family() -> None:
    first = said(PLAN, "a", id="1", prompt="What is it?")
    again = said(PLAN.upper(), "a", id="2", prompt="What else?")
    assert families(first, again) == ["1", "1"]


def test_a_report_that_changes_a_word_speaks_of_another_thing() -> None:
    """Partners of one report often have the same description."""
    partners = [said(f"{name} brings us together. {PLAN}", "a") for name in ("Kelp", "Tide")]
    assert families(*partners) == ["", ""]
    copies = [replace(said(p.text, "b"), id=f"b{n}") for n, p in enumerate(partners)]
    kelp, tide, kelp_copy, tide_copy = families(*partners, *copies)
    assert (kelp, tide) == (kelp_copy, tide_copy)
    assert kelp != tide


@pytest.mark.parametrize("text", ["Yes", "4 months", "Not applicable", "Ministry of the Sea", ""])
def test_short_answers_are_no_family(text: str) -> None:
    assert families(*(said(text, name) for name in "abcdef")) == [""] * 6


def test_the_fewest_words_that_make_a_family() -> None:
    enough = " ".join(PLAN.split()[:MIN_WORDS])
    assert families(said(enough, "a"), said(enough, "b"))[0]
    fewer = enough.rsplit(" ", 1)[0]
    assert families(said(fewer, "a"), said(fewer, "b")) == ["", ""]


def test_what_many_labs_tick_is_the_forms_text() -> None:
    ticked = "- Our partners on the shore have taken over the whole work\n- It went to other shores"
    labs = ["Peru", "Togo", "Nepal", "Chad"]
    passages = [said(ticked, lab, lab) for lab in labs]
    assert families(*passages) == [""] * 4
    assert all(families(*passages[:2]))
    own = [said(f"{ticked}\n{PLAN}", "x", "Peru"), said(f"{ticked}\n{OTHER}", "y", "Togo")]
    assert families(*passages, *own) == [""] * 6


def test_links_are_not_words() -> None:
    link = "https://sea.example/a/long/path/that/many/labs/share/with/each/other/word/by/word/"
    assert families(said(f"Read {link}one", "a"), said(f"Read {link}one", "b")) == ["", ""]


def test_a_chain_of_changes_does_not_make_one_family() -> None:
    """Each text shares three quarters with the next; the first and the last share nothing."""
    stream = [f"word{n}" for n in range(400)]
    chain = [said(" ".join(stream[n : n + 80]), f"r{n:03}") for n in range(0, 320, 20)]
    found = families(*chain)
    assert len(set(found)) > 2
    for name in set(found) - {""}:
        texts = [set(words(p.text)) for p, f in zip(chain, found, strict=True) if f == name]
        assert len(texts) < len(chain)
        assert all(a & b for a in texts for b in texts)


@given(long_texts, st.randoms())
@steady
def test_one_word_in_ten_may_be_another(text: list[str], rng: random.Random) -> None:
    whole = " ".join(f"{word}{n}" for n, word in enumerate(text))
    unrelated = whole.split()
    rng.shuffle(unrelated)
    one, two = said(whole, "a"), said(changed(whole, 10), "b")
    other = said(" ".join(f"{w}x" for w in unrelated), "c")
    assert families(one, two, other) == [one.id, one.id, ""]


@given(
    st.lists(st.sampled_from([PLAN, CLOSING, OTHER, "Yes"]) | report_text, max_size=8), st.randoms()
)
@steady
def test_the_order_of_passages_does_not_matter(texts: list[str], rng: random.Random) -> None:
    passages = [said(text, f"r{n % 5}", id=f"p{n}") for n, text in enumerate(texts)]
    expected = {p.id: f for p, f in zip(passages, families(*passages), strict=True)}
    rng.shuffle(passages)
    found = families(*passages)
    assert found == [expected[p.id] for p in passages]
    for name in filter(None, found):
        assert found.count(name) > 1
        assert name in {p.id for p in passages}


def test_families_are_the_same_as_by_comparing_all_pairs() -> None:
    """Whoever has a partner by the words themselves has a family, and only then."""
    rng = random.Random(5)
    texts = []
    for _ in range(60):
        base = [rng.choice(VOCABULARY) for _ in range(rng.randint(14, 120))]
        kept = rng.uniform(0.5, 1)
        texts += [base, [w if rng.random() < kept else rng.choice(VOCABULARY) for w in base]]
    passages = [said(" ".join(t), f"r{n:03}") for n, t in enumerate(texts)]
    pairs = [set(pairwise(t)) for t in texts]
    found = families(*passages)
    for n, own in enumerate(pairs):
        shares = [len(own & o) / len(own | o) for m, o in enumerate(pairs) if m != n]
        assert bool(found[n]) == (max(shares) >= SHARE), (n, max(shares))


def test_signatures_that_are_known_are_not_made_again() -> None:
    old = sign([PLAN, OTHER])
    new = sign([OTHER, CLOSING, PLAN], replace(old, rows=old.rows + np.uint32(1)))
    fresh = sign([OTHER, CLOSING, PLAN])
    assert new.rows.shape == (3, SIZE)
    assert (new.rows[[0, 2]] == old.rows[[1, 0]] + np.uint32(1)).all()
    assert (new.rows[1] == fresh.rows[1]).all()
    assert (new.keys == fresh.keys).all()
    assert (new.sizes == fresh.sizes).all()
    assert (sign([PLAN], sign([])).rows == old.rows[:1]).all()


def test_signatures_stay_the_same_from_run_to_run() -> None:
    """A stored signature must fit those of another process: no seed of the process is in it."""
    signed = sign([PLAN])
    assert signed.sizes.tolist() == [len(words(PLAN))]
    assert signed.rows[0, :3].tolist() == FIRST_VALUES
    assert sign([]).rows.shape == (0, SIZE)
    assert find_families((), sign([])) == []


FIRST_VALUES = [3231988579, 792616621, 3304787616]


def test_signatures_are_kept_in_files(tmp_path: Path) -> None:
    signed = sign([PLAN, OTHER])
    signed.save(tmp_path / "families")
    again = Signed.load(tmp_path / "families", 2)
    assert (again.rows == signed.rows).all()
    assert (again.keys == signed.keys).all()
    assert (again.sizes == signed.sizes).all()
    with pytest.raises(ValueError, match="damaged"):
        Signed.load(tmp_path / "families", 3)
    (tmp_path / "families" / "rows.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"pickle|magic|allow"):
        Signed.load(tmp_path / "families", 2)
    with pytest.raises(OSError, match="elsewhere"):
        Signed.load(tmp_path / "elsewhere", 2)


def test_families_are_told_largest_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = [said(PLAN, "a"), said(PLAN, "b", "Togo"), said(OTHER, "c"), said("Alone", "d")]
    passages += [said(OTHER, "e"), said(OTHER, "f")]
    named = [replace(p, family=f) for p, f in zip(passages, families(*passages), strict=True)]
    assert [[p.report.id for p in f] for f in members(named)] == [["c", "e", "f"], ["a", "b"]]
    told = families_to_dict(named)
    assert (told["count"], told["passages"], told["reports"]) == (2, 5, 5)
    assert (told["across_labs"], told["sizes"]) == (1, {"2": 1, "3": 1})
    monkeypatch.setattr("ui.cli.index.SHOWN", 1)
    print_families(named)
    out = capsys.readouterr().out
    assert "2 families hold 5 passages of 5 reports" in out
    assert "Title of f" in out
    assert "and 1 smaller" in out
    print_families([])
    assert "0 families" in capsys.readouterr().out
