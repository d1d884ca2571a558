"""Hard facts of claims, and what becomes of an answer: citations, doubts, struck sentences."""

import re

import orjson
from openai_server import TOO_LONG, Reply, ScriptedServer
from passages import passage, report

from rag.citation.checker import Claim, Text, Verdict, Verifier, check, make_judge
from rag.models.client import Stop
from rag.settings import Settings
from rag.types import Notice, Passage

ICE = passage(
    "The lab asked 34 women who sell smoked fish from 2 PM. They sell it at the market because ice "
    "is dear in the summer. None of them owns a freezer."
)
GHANA = report("wells", "Ghana", "GH", title="Water by the hour")
WELLS = passage("Farmers share the water of three wells by the hour.", GHANA)
CATCH = passage("They dried 1 049 767 kg of fish, 38,6% of the catch, in the second season.")
CONGO = passage("Boats carry ice.", report("congo", "Democratic Republic of the Congo", "CD"))
GLACE = passage("Les femmes vendent le poisson fumé.", report("glace", "Togo", "TG"), language="fr")
OTHER_CONGO = "Republic of the Congo"
ALL = (ICE, WELLS, CATCH, CONGO, GLACE)
READ = [ICE, WELLS]
CLAIM = "In Ghana farmers share the water of three wells"
MADE_UP = "Penguins built a bank of ice in Antarctica"
HEADS = ["In short we know:", "**What some labs found:**", "**How labs share water**", "Yes."]


def test_citations_are_corrected_and_frames_and_headings_claim_nothing() -> None:
    for written, text, counts in (
        (f"{CLAIM}. [2]", f"{CLAIM} [2].", {"supported": 1}),
        (f"{CLAIM} [1].", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        # What has no citation is said of all passages.
        (f"{CLAIM}.", f"{CLAIM}.", {"unchecked": 1}),
    ):
        checked = check(written, READ, "en")
        assert (checked.text, checked.counts) == (text, counts)
    # Frames and headings stay.
    for frame in (*HEADS, "## All of the findings"):
        checked = check(f"{frame}\n\n{CLAIM} [2].", READ, "en")
        assert (checked.text, [*checked.statuses]) == (f"{frame}\n\n{CLAIM} [2].", [f"{CLAIM}."])


def test_what_a_sentence_stands_under_says_whose_it_is(server: ScriptedServer) -> None:
    judge = make_judge(Settings(model="openai:test", openai_base_url=server.url))
    for written in (
        "### {}\n\nBetween them farmers share three wells [2].",
        "**{} (2023)**\nBetween them farmers share three wells [2].",
        "- **{}:**\n  - Between them farmers share three wells [2].",
        "- **{} (2023):** Water is dear [2]. Between them farmers share three wells [2].",
        "| Point | {} |\n|---|---|\n| Water | Between them farmers share three wells [2] |",
        "| Lab | Water |\n|---|---|\n| {} | Between them farmers share three wells [2] |",
    ):
        right, wrong = (check(written.format(lab), READ, "en") for lab in ("Ghana", "Peru"))
        assert right.doubted == ()
        assert wrong.doubted[-1].reason == Notice("country_not_cited", {"country": "Peru"})
        server.say(reply("supported", "supported"))
        judged = check(written.format("Peru"), READ, "en", "", judge)
        assert (judged.text, judged.doubted[-1]) == (written.format("Peru"), wrong.doubted[-1])
        asked = server.chats[-1].body["messages"][1]["content"]
        assert re.search('cites="2" under="[^"]*Peru[^"]*">\n(?:- )?Between them farmers', asked)


def test_each_cell_of_a_table_is_a_claim_with_the_citations_of_a_cell_by_themselves() -> None:
    row = "| Water | 3 wells [2] | Penguins built a bank of ice in Antarctica [2] | none |"
    checked = check(f"| Point | Ghana | Ghana | Peru |\n|---|---|---|---|\n{row}", READ, "en")
    assert checked.text.endswith("| Water | 3 wells [2] |  | none |")
    assert [*checked.statuses] == ["3 wells"]
    assert [struck.text for struck in checked.struck] == [MADE_UP]
    table = "| Lab | Water | Ice | Read |\n|---|---|---|---|\n| Ghana | {} | {} [1] | [2] |"
    right = check(table.format("They share three wells", "Ice is dear in Peru"), READ, "en")
    wrong = check(table.format("They share 7 wells", "Ice is dear in Peru"), READ, "en")
    assert right.statuses["They share three wells"] == "supported"
    assert [struck.text for struck in wrong.struck] == ["They share 7 wells"]


def test_a_number_that_may_be_computed_is_for_the_model_to_judge(server: ScriptedServer) -> None:
    rose = passage("Of the homes 2% had a meter at first, and 64% at the end. 30 paid, 16 did not.")
    judge = make_judge(Settings(model="openai:test", openai_base_url=server.url))
    for sentence, is_computed in (
        ("The share of homes with a meter rose by 62 points", True),
        ("The share of homes with a meter is 32 times as high", True),
        ("Of 46 homes 30 paid for the meter", True),
        ("Meters were bought for 8,417 homes", False),
    ):
        by_facts = check(f"{sentence} [1].", [rose], "en")
        assert bool(by_facts.struck) != is_computed
        server.say(reply("supported"))
        judged = check(f"{sentence} [1].", [rose], "en", "", judge)
        assert [*judged.statuses.values()] == ["supported" if is_computed else "partly"]


LATER = passage("The wells dried up.", report("dry-wells", "Ghana", "GH", year=2025))
SHARED = "Farmers share the water of three wells by the hour [2]."


def test_an_item_begins_with_all_its_years_and_years_between_may_be_silent() -> None:
    for sentence, statuses in {
        f"**Ghana (2023 to 2025).** {SHARED}": ["supported"],
        f"**Ghana (2023 to 2026).** {SHARED}": [],
        "The passages tell nothing of 2024.": ["unchecked"],
        "The passages tell nothing of 2026.": [],
    }.items():
        checked = check(f"{CLAIM} [2].\n\n{sentence}", [*READ, LATER], "en")
        assert [*checked.statuses.values()][1:] == statuses


# By the model: right; right, though a number of it stands nowhere; denied; in part; in no passage.
WRITTEN = [
    f"{CLAIM} [2].",
    f"{CLAIM}, by 60 minutes [2].",
    "Women never sell smoked fish at the market [1].",
    "Both labs speak of a want of water.",
    "Penguins built a great bank of snow and feathers [1].",
]
FOUND = ("supported", "supported", "unsupported", "partly", "unsupported")


def reply(*verdicts: str) -> str:
    judged = enumerate(verdicts, 1)
    entries = [{"sentence": n, "reason": f"Why {n} [1]", "verdict": v} for n, v in judged]
    return orjson.dumps({"verdicts": entries}).decode()


def test_a_model_judges_all_sentences_in_one_call(server: ScriptedServer) -> None:
    judge = make_judge(Settings(model="openai:test", openai_base_url=server.url))
    broken = ("language_model_reply_broken", "not_checked")
    for replied, statuses, codes in (
        (Reply((reply(*FOUND),)), ["supported", "partly", "unsupported", "partly"], ()),
        # Of what it leaves out nothing is known, but what hard facts deny.
        (Reply((f"Here: ```{reply('supported')}```",)), ["supported", *["unchecked"] * 3], ()),
        (Reply(("I find no fault.",)), ["unchecked"] * 4, broken),
        (Reply((reply("fine", "no"),)), ["unchecked"] * 4, broken),
        (Reply(status=500), ["unchecked"] * 4, ("language_model_server_failed", "not_checked")),
    ):
        server.script(replied)
        checked = check(" ".join(WRITTEN), READ, "en", "Who sells?", judge)
        assert [*checked.statuses.values()] == statuses
        assert tuple(notice.code for notice in checked.notices) == codes
        assert (checked.tokens > 100) == (not codes)
        if "unsupported" in statuses:
            (struck,) = checked.struck
            assert struck.reason == Notice("text", {"text": "Why 5"})
            assert struck.at == len(checked.text)
            reasons = [doubt.reason.params for doubt in checked.doubted]
            assert reasons == [{"number": "60"}, {"text": "Why 3"}, {"text": "Why 4"}]
        (chat,) = server.chats
        prompt = chat.body["messages"][1]["content"]
        assert '<sentence number="3" cites="1">' in prompt
        assert '<sentence number="4" cites="all">' in prompt
        assert chat.body["response_format"]["json_schema"]["strict"]


def test_the_settings_say_who_checks(server: ScriptedServer) -> None:
    stop = Stop()
    stop.set()
    for check_by, name in (("model", "writer"), ("openai:other", "other")):
        settings = Settings(model="openai:writer", check=check_by, openai_base_url=server.url)
        server.say(reply("supported"))
        judge = make_judge(settings)
        assert check(f"{CLAIM} [2].", READ, "en", "", judge).counts == {"supported": 1}
        assert server.chats[-1].body["model"] == name
        # What is too long for the model's window is asked again with the cited passages alone.
        server.script(TOO_LONG, Reply((reply("supported", "supported"),)))
        text = f"{CLAIM} [2]. Both labs speak of a want of water."
        assert check(text, READ, "en", "", judge).counts == {"supported": 2}
        long, short = (chat.body["messages"][1]["content"] for chat in server.chats)
        assert ICE.text in long
        assert ICE.text not in short
        asked = len(server.chats)
        # Whoever stopped waits for nothing more.
        assert check(f"{CLAIM} [2].", READ, "en", "", judge, stop).counts == {"unchecked": 1}
        assert len(server.chats) == asked
    for check_by in ("facts", "off"):
        assert make_judge(settings.model_copy(update={"check": check_by})) is None
    assert make_judge(Settings(model="extractive")) is None


def verify(sentence: str, *cited: Passage, question: str = "") -> tuple[Claim, Verdict]:
    claim = Claim(sentence, tuple(ALL.index(p) + 1 for p in cited))
    return Verifier(Text([claim], ALL, question, "en")).verify(claim)


def test_what_passages_have_is_supported_and_a_number_or_place_that_they_lack_named() -> None:
    for sentence, cited in (
        ("The Peruvian lab asked 34 women who sell smoked fish.", ICE),
        ("In Peru they sell smoked fish from 14:00.", ICE),
        # A denial is no hard fact.
        ("All of them owns a freezer.", ICE),
        # A lab, its year, its title, its form question and its kind are words of the passage.
        ("Ghana's plan of 2023, Water by the hour, says what it learned of 3 wells.", WELLS),
        ("1,049,767 kg of fish were dried, 38.6% of the catch in season 2.", CATCH),
        ("In the DRC boats carry ice.", CONGO),
    ):
        assert verify(sentence, cited)[1].status == "supported", sentence
    for sentence, cited, status, name, value in (
        ("The lab in Peru asked 43 women.", ICE, "unsupported", "number", "43"),
        ("The lab in Chile asked 34 women.", ICE, "unsupported", "country", "Chile"),
        # What another passage that was read has is only doubted.
        ("The lab in Ghana asked 34 women.", ICE, "partly", "country", "Ghana"),
        ("Ice is dear in the summer for three women.", ICE, "partly", "number", "3"),
        (f"Boats carry ice in the {OTHER_CONGO}.", CONGO, "unsupported", "country", OTHER_CONGO),
    ):
        verdict = verify(sentence, cited)[1]
        assert (verdict.status, verdict.denied) == (status, status == "unsupported")
        assert verdict.reason == Notice(f"{name}_not_cited", {name: value})


def test_sums_counts_and_the_question_s_own_numbers_are_no_errors() -> None:
    question = "What did 4 labs pay in 2019 in Chile? And did 26 women pay?"
    for sentence in (
        "Of 60 women, 34 sell fish at the market and 26 do not.",
        "These are two labs, Peru and Ghana, and neither gives figures for 2019 on Chile.",
        "The passages do not say what the four labs paid.",
    ):
        assert verify(sentence, question=question)[1].reason is None, sentence


def test_a_citation_moves_only_to_a_passage_that_has_nearly_all_of_the_words() -> None:
    moved, verdict = verify("Farmers share the water of three wells.", ICE)
    assert (moved.cited, verdict.status) == ((2,), "supported")
    for sentence in ("Farmers share boats and ideas at a market.", "Penguins built a bank."):
        same, verdict = verify(sentence, ICE)
        assert (same.cited, verdict.reason) == ((1,), Notice("said_in_part"))
    # Words of another language can't be compared.
    assert verify("Women sell the fish of 5.", GLACE)[1].denied
    claim, verdict = verify("Women sell smoked fish.", GLACE)
    assert (claim.cited, verdict) == ((5,), Verdict("unchecked", covered=1.0))
