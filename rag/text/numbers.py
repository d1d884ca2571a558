"""Written-out numbers, and whether a sentence gives a quantity, in the reports' languages."""

from __future__ import annotations

import re

from rag.text.tokenize import words

# Zero to twelve in English, French, Spanish and Portuguese.
_SPELLED = (
    "zero, one un une uno una um uma, two deux dos dois duas, three trois tres, "
    "four quatre cuatro quatro, five cinq cinco, six seis, seven sept siete sete, "
    "eight huit ocho oito, nine neuf nueve nove, ten dix diez dez, eleven onze once, "
    "twelve douze doce doze"
)
NUMERALS = {
    word: str(number)
    for number, spelled in enumerate(_SPELLED.split(", "))
    for word in spelled.split()
}
_QUANTITY_WORDS = (
    "half third thirds quarter twice double doubled tripled dozen dozens hundred hundreds "
    "thousand thousands million millions billion percent moitie tiers quart cent cents mille "
    "mitad tercio cuarto doble cien ciento cientos mil metade terco quarto dobro cem "
    "نصف ثلث ربع ضعف مئة الف مليون"
)
_QUANTITIES = frozenset(_QUANTITY_WORDS.split())
# The number before an item of a list.
ITEM = re.compile(r"^\W*\(?\d{1,2}[.)]\s")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def gives_quantity(sentence: str) -> bool:
    """Whether a sentence has a number, or a word for one, besides years and item numbers."""
    bare = _YEAR.sub(" ", ITEM.sub("", sentence))
    if any(ch.isdigit() or ch == "%" for ch in bare):
        return True
    return any(w in _QUANTITIES or NUMERALS.get(w, "1") not in "01" for w in words(bare))
