"""Spellings of a tag: what is merged, what stays apart, whatever the order and the numbers."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.normalize import (
    MAX_TAG_LENGTH,
    Vocabulary,
    corrections,
    fold_tag,
    in_dictionary,
    usage,
)

SAME = {
    "In-Depth Interview": "indepth interviews",
    "co\u2011design": "co-design",
    "Behavioural insights": "behavioral insights",
    "women's ferries": "women ferries",
    "boats, nets": "Nets; boats",
    "pêche": "peche",
    "animaux marins": "animal marin",
    "fishermen": "fisherman",
    "techonology": "technology",
    "community involment": "community involvement",
    "SMEs": "SME",
}
APART = {
    "formal markets": "informal markets",
    "qualitative interviews": "quantitative interviews",
    "deforestation": "reforestation",
    "SDG 1": "SDG 11",
    "1.1": "11",
    "waste water": "water waste",
    "potable water": "portable water",
    "community": "communication",
    "AIDS": "aid",
    "معلم": "متعلم",
}
# Few letters and a few words that are close to each other, so that merges happen often.
WORDS = st.sampled_from(["ferry", "ferries", "harbour", "harbor", "co-sail", "cosail", "engagment"])
VALUES = st.one_of(st.lists(WORDS, max_size=4).map(" ".join), st.text(max_size=12))
COUNTS = st.dictionaries(VALUES, st.integers(1, 50), max_size=12)


def groups(*values: str, n: int = 1) -> list[str]:
    return [group.name for group in Vocabulary(dict.fromkeys(values, n)).groups]


@pytest.mark.parametrize("numbers", [(1, 1), (1, 40), (40, 1)])
def test_spellings_of_one_value_are_merged_and_others_not(numbers: tuple[int, int]) -> None:
    for spellings in SAME.items():
        counts = dict(zip(spellings, numbers, strict=True))
        vocabulary = Vocabulary(counts)
        (group,) = vocabulary.groups
        assert dict(group.variants) == counts
        assert {vocabulary.find(spelling) for spelling in spellings} == {group}
    for values in APART.items():
        assert len(Vocabulary(dict(zip(values, numbers, strict=True))).groups) == 2, values


def test_a_slip_stands_for_one_known_word() -> None:
    assert groups("ferrymetrics", "ferymetrics") == ["ferrymetrics", "ferymetrics"]
    assert len(groups("quanlitative data", "qualitative data", "quantitative data")) == 3
    # Two known words stay two words.
    words = ("manure", "mature", "enviroment", "environment")
    known = {"manure", "mature", "environment"}
    assert corrections(words, known.__contains__) == {"enviroment": "environment"}
    # The name is the most used spelling without one.
    counts = {"harbour engagment": 30, "Harbour engagement": 2, "harbor engagement": 3}
    vocabulary = Vocabulary(counts)
    assert [group.name for group in vocabulary.groups] == ["harbor engagement"]
    assert vocabulary.groups[0].variants[0] == ("harbour engagment", 30)
    assert Vocabulary({"Tides": 2, "tides": 2, "tide": 1}).groups[0].name == "Tides"


def test_a_spelling_that_the_collection_lacks_and_a_translated_value_are_found() -> None:
    vocabulary = Vocabulary({"ferry surveys": 3, "ferry survey": 1, "nets": 1})
    for spelling in ("Ferry-Survey", "ferrysurveys", "FERRY  SURVEYS", "ferry's surveys"):
        assert vocabulary.find(spelling).name == "ferry surveys"
    assert {vocabulary.find(spelling) for spelling in ("ferry", "", "???")} == {None}
    # Values without words and long texts are groups of their own.
    text = "boats and nets " * MAX_TAG_LENGTH
    assert len(groups("???", "---", "", text, text.replace("boats", "boat"))) == 5
    assert len(groups(text, text.upper())) == 1
    # A value in another language is the same value.
    counts = {"Citizen Science": 3, "science citoyenne": 1, "ciencia ciudadana": 1, "Foresight": 1}
    names = {"science citoyenne": "Citizen Science", "ciencia ciudadana": "Citizen Science"}
    citizen, foresight = Vocabulary(counts, translations=names).groups
    assert (citizen.name, len(citizen.variants)) == ("Citizen Science", 3)
    assert foresight.name == "Foresight"


@given(COUNTS, st.randoms())
def test_each_value_is_in_one_group(counts: dict[str, int], chance: random.Random) -> None:
    vocabulary = Vocabulary(counts)
    variants = [pair for group in vocabulary.groups for pair in group.variants]
    assert sorted(variants) == sorted(counts.items())
    mixed = list(counts.items())
    chance.shuffle(mixed)
    assert Vocabulary(dict(mixed)).groups == vocabulary.groups
    by_fold: dict[str, str] = {}
    for group in vocabulary.groups:
        assert group.name in dict(group.variants)
        for value, _ in group.variants:
            # What the store cannot tell apart is one value.
            if key := fold_tag(value):
                assert by_fold.setdefault(key, group.name) == group.name
                assert vocabulary.find(value) == group


def test_a_word_is_in_its_dictionary_with_accents_and_without() -> None:
    for word in ("plásticos", "plasticos", "déchets", "dechets", "relatórios", "relatorios"):
        assert in_dictionary(word)
    assert usage("dechets", "fr")
    assert not usage("dechets", "en")
    assert not in_dictionary("enviroment")
