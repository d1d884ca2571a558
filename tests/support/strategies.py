"""Text that hypothesis makes: pieces of report files, broken in every way, among anything else."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

# The same examples every time, on a slow machine too, and no files written.
steady = settings(deadline=None, derandomize=True, database=None)

_PIECES = [
    *("> ", ">", "> What did you learn?", "## ", "##", "## Results", "# ", "\n", "\n\n", " "),
    *("\u00a0", "\u200b", "\ufeff", "&amp;", "&amp;lt;div&amp;gt;", "&nbsp;", "&#0;", "&#55296;"),
    *('<div class="group">', "</div>", "[[year:2020]]", "[[a:", "]]", "[[", "]", "<br>", "<p a"),
    *("[[sample_size:40]]\n", "\n[[note:", "> Name of the partner:\n", "> Sector:\n", "\n>> so"),
    *("https://a.example/c", "![x](https://b.example/i.png)", "[label](https://c.example)"),
    *("**", "****", "- a", "|a|b|", "word", "Sentence one.", "e.g.", "1)", "(a)", "é", "ß", "İ"),
    *("\ud800", "\x00", "\r", "\x1b[2J", "\u2028", "\u202e", "مرحبا", "漢字", "👩‍👩‍👧", "x" * 50),
]
report_text = st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=40).map("".join)
