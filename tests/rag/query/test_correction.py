"""Slips of the keyboard and capitals: what is corrected, and what must stay as it is."""

from passages import passage, words_index

from rag.query.correction import MOST, correct, without_capitals

TEXTS = ("Crowdfunding paid for the pumps of Kafkland.", "Bokashi feeds the soil.")
KEYWORD = words_index([*[passage(text) for text in TEXTS] * 4, passage("Whcih matoke is it?")])


def test_slips_are_corrected_but_not_known_words_names_and_long_texts() -> None:
    for typed, (language, corrected) in {
        "Whihc labs used crowdfundng?": ("en", "Which labs used crowdfunding?"),
        "What did Kennya learn abuot watr?": ("en", "What did Kenya learn about watr?"),
        "Ventas en Colomiba": ("es", "Ventas en Colombia"),
        "nr of ppl w/o ice": ("en", "number of people without ice"),
        "pq vende q peixe": ("pt", "porque vende que peixe"),
        # What a report has by a slip, too, and what it has as a rare word.
        "whcih labs sold matoke": ("en", "which labs sold matoke"),
        "cities + drones of 20k USD, 2021-23": ("en", "cities and drones of 20,000 USD, 2021-2023"),
        "4k, in 2021 to 25 labs": ("en", "4k, in 2021 to 25 labs"),
        # A word of the collection that no dictionary has.
        "Which labs used Bokashi?": ("en", "Which labs used Bokashi?"),
        "What about behavioural rumours?": ("en", "What about behavioural rumours?"),
        # Neither word is a country's.
        "Que disent les labos du Togo ?": ("fr", "Que disent les labos du Togo ?"),
        "ماذا تعلم المختبر؟": ("ar", "ماذا تعلم المختبر؟"),
        "thhe abuot " * MOST: ("en", "thhe abuot " * MOST),
    }.items():
        assert correct(typed, language, KEYWORD) == corrected
    # A word of another language is known by its own stem.
    spanish = passage("La barca y las barquitas. Finanbarcas dice.", language="es")
    keyword = words_index([spanish] * 4)
    assert correct("What is Finanbarca?", "en", keyword) == "What is Finanbarca?"
    # A sentence in capitals is put in lower case.
    assert without_capitals("WHICH LABS USED IT?") == "which labs used it?"
    assert without_capitals("UNDP SDG AILA") == "UNDP SDG AILA"
