"""Spellings of a tag: what is merged, what stays apart, whatever the order and the numbers."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.normalize import (
    LONGEST,
    Vocabulary,
    american,
    corrections,
    fold_tag,
    same_word,
    singular,
    slips,
)

SAME = [
    ("in-depth interviews", "in depth interviews"),
    ("In-Depth Interview", "indepth interviews"),
    ("tide tables", "Tide_Tables"),
    ("co\u2011design", "co-design"),
    ("open\u00a0data", "Open  data"),
    ("citizen engagment", "citizen engagement"),
    ("surveys", "survey"),
    ("Behavioural insights", "behavioral insights"),
    ("Data visualisation", "data visualization"),
    ("human-centred design", "Human centered design"),
    ("labour market", "labor markets"),
    ("Micro Narratives", "micronarratives"),
    ("ferry policies", "ferry policy"),
    ("women's ferries", "women ferries"),
    ("persona's", "personas"),
    ("nets & boats", "nets and boats"),
    ("boats, nets", "Nets; boats"),
    ("pêche", "peche"),
    ("données ouvertes", "donnée ouverte"),
    ("redes sociales", "red social"),
    ("animaux marins", "animal marin"),
    ("inovações", "inovação"),
    ("fishermen", "fisherman"),
    ("technolgy", "technology"),
    ("techonology", "technology"),
    ("Tehcnology", "technology"),
    ("harbour accomodation", "harbor accommodation"),
    ("community involment", "community involvement"),
    ("SMEs", "SME"),
]
APART = [
    ("formal markets", "informal markets"),
    ("qualitative interviews", "quantitative interviews"),
    ("quanlitative interviews", "interviews"),
    ("structured interviews", "unstructured interviews"),
    ("interviews", "in-depth interviews"),
    ("micronarratives", "macronarratives"),
    ("pretest survey", "posttest survey"),
    ("interregional ferries", "intraregional ferries"),
    ("intersectoral work", "intersectional work"),
    ("deforestation", "reforestation"),
    ("ecotourism", "ecotourist"),
    ("SDG 1", "SDG 11"),
    ("survey 2020", "survey 2021"),
    ("1.1", "11"),
    ("12 boats", "1 2 boats"),
    ("waste water", "water waste"),
    ("waste management", "water management"),
    ("potable water", "portable water"),
    ("businesswomen", "businessmen"),
    ("composting", "composing"),
    ("innovation", "innovative"),
    ("community", "communication"),
    ("organic", "organization"),
    ("AIDS", "aid"),
    ("casual loops", "causal loops"),
    ("trail", "trial"),
    ("physics", "physical"),
    ("sea", "seas0"),
    ("معلم", "متعلم"),
]
NUMBERS = [(1, 1), (1, 40), (40, 1)]
# Few letters and a few words that are close to each other, so that merges happen often.
WORDS = st.sampled_from(
    [
        "ferry",
        "ferries",
        "engagement",
        "engagment",
        "harbour",
        "harbor",
        "co-sail",
        "cosail",
        "tide,",
    ]
)
VALUES = st.one_of(st.lists(WORDS, max_size=4).map(" ".join), st.text(max_size=12))
COUNTS = st.dictionaries(VALUES, st.integers(1, 50), max_size=12)


def groups(*values: str, n: int = 1) -> list[str]:
    return [group.name for group in Vocabulary(dict.fromkeys(values, n)).groups]


@pytest.mark.parametrize(("one", "other"), SAME)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_spellings_of_one_value_are_merged(one: str, other: str, numbers: tuple[int, int]) -> None:
    found = Vocabulary({one: numbers[0], other: numbers[1]})
    assert len(found.groups) == 1
    assert dict(found.groups[0].variants) == {one: numbers[0], other: numbers[1]}
    assert found.find(one) == found.find(other) == found.groups[0]


@pytest.mark.parametrize(("one", "other"), APART)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_distinct_values_stay_apart(one: str, other: str, numbers: tuple[int, int]) -> None:
    assert len(Vocabulary({one: numbers[0], other: numbers[1]}).groups) == 2


def test_a_rare_unknown_word_is_a_slip_of_a_common_unknown_word() -> None:
    common, slip = "ferrymetrics", "ferymetrics"
    assert groups(common, slip) == ["ferrymetrics", "ferymetrics"]
    assert len(Vocabulary({common: 30, slip: 1}).groups) == 1
    assert len(Vocabulary({common: 30, slip: 10}).groups) == 2


def test_a_slip_that_may_stand_for_two_words_stays() -> None:
    values = ("quanlitative data", "qualitative data", "quantitative data")
    assert len(groups(*values)) == 3


def test_the_name_is_the_most_used_spelling_without_a_slip() -> None:
    found = Vocabulary({"harbour engagment": 30, "Harbour engagement": 2, "harbor engagement": 3})
    assert [group.name for group in found.groups] == ["harbor engagement"]
    assert found.groups[0].variants[0] == ("harbour engagment", 30)
    assert Vocabulary({"Tides": 2, "tides": 2, "tide": 1}).groups[0].name == "Tides"


def test_a_spelling_that_the_collection_has_not_is_found() -> None:
    found = Vocabulary({"ferry surveys": 3, "ferry survey": 1, "nets": 1})
    for spelling in ("Ferry-Survey", "ferrysurveys", "FERRY  SURVEYS", "ferry's surveys"):
        group = found.find(spelling)
        assert group is not None
        assert group.name == "ferry surveys"
    assert found.find("ferry") is None
    assert found.find("") is None
    assert found.find("???") is None


def test_values_without_words_and_long_texts_are_groups_of_their_own() -> None:
    text = "boats and nets " * LONGEST
    assert len(groups("???", "---", "", text, text.replace("boats", "boat"))) == 5
    assert len(groups(text, text.upper())) == 1


@given(COUNTS, st.randoms())
def test_groups_part_the_values_whatever_their_order(
    counts: dict[str, int], chance: random.Random
) -> None:
    found = Vocabulary(counts)
    variants = [pair for group in found.groups for pair in group.variants]
    assert sorted(variants) == sorted(counts.items())
    mixed = list(counts.items())
    chance.shuffle(mixed)
    assert Vocabulary(dict(mixed)).groups == found.groups
    by_fold: dict[str, str] = {}
    for group in found.groups:
        assert group.name in dict(group.variants)
        for value, _ in group.variants:
            # What the store cannot tell apart is one value.
            if key := fold_tag(value):
                assert by_fold.setdefault(key, group.name) == group.name
                assert found.find(value) == group


def test_many_values_are_grouped_in_bounded_time() -> None:
    chance = random.Random(7)
    syllables = ("fer", "ry", "ti", "de", "har", "bor", "net", "so", "la", "men")
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 5))) for _ in range(8_000)]
    counts = {" ".join(chance.choices(words, k=3)): chance.randint(1, 9) for _ in range(20_000)}
    started = time.perf_counter()
    assert len(Vocabulary(counts).groups) > 10_000
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    ("british", "written"),
    [
        ("behavioural", "behavioral"),
        ("visualisation", "visualization"),
        ("analysed", "analyzed"),
        ("centre", "center"),
        ("programmes", "programs"),
        ("dialogue", "dialog"),
        ("modelling", "modeling"),
        ("four", "four"),
        ("selling", "selling"),
        ("wise", "wise"),
        ("lettre", "lettre"),
    ],
)
def test_british_words_in_american_spelling(british: str, written: str) -> None:
    assert american(british) == written


def test_a_singular_must_be_a_word_of_the_collection() -> None:
    assert singular("ferries", {"ferry"}) == "ferry"
    assert singular("ferries", {"boat"}) == "ferries"
    assert singular("process", {"proces"}) == "process"
    assert singular("gas", {"ga"}) == "gas"


@pytest.mark.parametrize(
    ("word", "meant", "number"),
    [
        ("engagment", "engagement", 1),
        ("engagemnet", "engagement", 1),
        ("involment", "involvement", 2),
        ("involvement", "involment", 0),
        ("tide", "tides", 0),
        ("tourist", "tourism", 0),
        ("microboat", "macroboat", 0),
        ("ferrys", "berrys", 0),
        ("desing", "design", 1),
        ("harbour", "harbour", 0),
        ("campesinas", "campesinos", 0),
        ("boats", "boat", 0),
    ],
)
def test_slips(word: str, meant: str, number: int) -> None:
    assert slips(word, meant) == number


def test_two_known_words_are_two_words() -> None:
    counts = {"manure": 1, "mature": 90, "enviroment": 40, "environment": 20}
    assert corrections(counts, known=lambda word: word != "enviroment") == {
        "enviroment": "environment"
    }
    assert same_word("innequalities", "inequalities")
    assert not same_word("land", "sand")
