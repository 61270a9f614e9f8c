"""Small GGUF files with random weights that a real Ollama server loads and answers with.

The numbers come from the raw output of PCG64, which numpy promises to keep, and not from its distributions, which it
does not: the same arguments give the same bytes, so digests stay the same on every machine.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import gguf
import numpy as np

_LETTERS = string.ascii_lowercase


class Numbers:
    """A stream of small random weights."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def draw(self, *shape: int) -> np.ndarray:
        """float16 values, evenly spread over +-1/16: integers times a power of two, so exact everywhere."""
        count = int(np.prod(shape))
        raw = np.asarray(self._bits.random_raw((count + 7) // 8)).astype("<u8").view(np.int8)[:count]
        return (raw.astype(np.float16) * np.float16(2**-11)).reshape(shape)


def write_llama(
    path: Path,
    *,
    seed: int,
    embedding: int = 64,
    layers: int = 2,
    heads: int = 4,
    feed_forward: int = 128,
    extra_tokens: int = 0,
    context: int = 512,
) -> int:
    """A model that generates lower-case letters. Returns its number of parameters."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("practice-llama")
    writer.add_context_length(context)
    writer.add_embedding_length(embedding)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(embedding // heads)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    first_letter, vocabulary = _llama_vocabulary(writer, extra_tokens)
    _llama_tensors(writer, Numbers(seed), (vocabulary, first_letter, embedding, layers, feed_forward))
    return _finish(writer)


def _llama_vocabulary(writer: Any, extra: int) -> tuple[int, int]:
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % i for i in range(256)), "\u2581".encode()]
    kinds = [2, 3, 3, *[6] * 256, 1]
    scores = [0.0] * 259 + [-1.0]
    first_letter = len(tokens)
    tokens += [c.encode() for c in _LETTERS] + [b"tok%d" % i for i in range(extra)]
    kinds += [1] * (len(_LETTERS) + extra)
    scores += [-1.0] * len(_LETTERS) + [-10.0] * extra
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>")
    return first_letter, len(tokens)


def _llama_tensors(writer: Any, numbers: Numbers, shape: tuple[int, int, int, int, int]) -> None:
    vocabulary, first_letter, width, layers, hidden = shape
    ones = np.ones(width, np.float32)
    writer.add_tensor("token_embd.weight", numbers.draw(vocabulary, width))
    writer.add_tensor("output_norm.weight", ones)
    # Only the letters' rows are not zero, and they are large, so that what the model says is letters.
    output = np.zeros((vocabulary, width), np.float16)
    output[first_letter : first_letter + len(_LETTERS)] = numbers.draw(len(_LETTERS), width) * np.float16(32)
    writer.add_tensor("output.weight", output)
    for block in range(layers):
        prefix = f"blk.{block}."
        writer.add_tensor(prefix + "attn_norm.weight", ones)
        writer.add_tensor(prefix + "ffn_norm.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(prefix + name + ".weight", numbers.draw(width, width))
        writer.add_tensor(prefix + "ffn_gate.weight", numbers.draw(hidden, width))
        writer.add_tensor(prefix + "ffn_up.weight", numbers.draw(hidden, width))
        writer.add_tensor(prefix + "ffn_down.weight", numbers.draw(width, hidden))


def write_bert(
    path: Path,
    *,
    seed: int,
    embedding: int = 64,
    layers: int = 2,
    heads: int = 4,
    feed_forward: int = 128,
    context: int = 256,
) -> int:
    """A model that only embeds. Returns its number of parameters."""
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_name("practice-bert")
    writer.add_context_length(context)
    writer.add_embedding_length(embedding)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    vocabulary = _bert_vocabulary(writer)
    _bert_tensors(writer, Numbers(seed), (vocabulary, context, embedding, layers, feed_forward))
    return _finish(writer)


def _bert_vocabulary(writer: Any) -> int:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = special + ["\u2581" + c for c in _LETTERS + string.digits + ".,!?"] + list(_LETTERS)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([t.encode() for t in tokens])
    writer.add_token_types([3] * len(special) + [1] * (len(tokens) - len(special)))
    writer.add_token_scores([-1000.0] * len(tokens))
    writer.add_token_type_count(2)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_eos_token_id(3)
    writer.add_unk_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_mask_token_id(4)
    return len(tokens)


def _bert_tensors(writer: Any, numbers: Numbers, shape: tuple[int, int, int, int, int]) -> None:
    vocabulary, context, width, layers, hidden = shape

    def norm(name: str) -> None:
        writer.add_tensor(name + ".weight", np.ones(width, np.float32))
        writer.add_tensor(name + ".bias", np.zeros(width, np.float32))

    def dense(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(name + ".weight", numbers.draw(rows, columns))
        writer.add_tensor(name + ".bias", np.zeros(rows, np.float32))

    writer.add_tensor("token_embd.weight", numbers.draw(vocabulary, width))
    writer.add_tensor("token_types.weight", numbers.draw(2, width).astype(np.float32))
    writer.add_tensor("position_embd.weight", numbers.draw(context, width).astype(np.float32))
    norm("token_embd_norm")
    for block in range(layers):
        prefix = f"blk.{block}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            dense(prefix + name, width, width)
        norm(prefix + "attn_output_norm")
        dense(prefix + "ffn_up", hidden, width)
        dense(prefix + "ffn_down", width, hidden)
        norm(prefix + "layer_output_norm")


def _finish(writer: Any) -> int:
    parameters = sum(int(np.prod(info.shape)) for group in writer.tensors for info in group.values())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return parameters


WRITERS = {"llama": write_llama, "bert": write_bert}
