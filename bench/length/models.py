"""Small models with random weights, as hub folders: what they answer is noise, what they cost is that of their kind."""
import array
import json
import pathlib
import random
import shutil
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "tests/fixtures/golden/text/tokenizer-sp-bpe/tokenizer.json"  # 500 pieces
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, INNER, VOCAB = 256, 2, 4, 2, 64, 512, 512
CONTEXT = 1 << 18


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * len(values)]}
        offset += 4 * len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            values.tofile(file)


def decoder_tensors():
    draw = random.Random(0)

    def matrix(rows, cols):
        return [rows, cols], array.array("f", (draw.gauss(0, cols**-0.5) for _ in range(rows * cols)))

    def ones(size):
        return [size], array.array("f", [1.0] * size)

    tensors = {"model.embed_tokens.weight": matrix(VOCAB, HIDDEN)}
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        tensors[layer + "input_layernorm.weight"] = ones(HIDDEN)
        tensors[layer + "post_attention_layernorm.weight"] = ones(HIDDEN)
        tensors[layer + "self_attn.q_proj.weight"] = matrix(HEADS * HEAD_DIM, HIDDEN)
        tensors[layer + "self_attn.k_proj.weight"] = matrix(KV_HEADS * HEAD_DIM, HIDDEN)
        tensors[layer + "self_attn.v_proj.weight"] = matrix(KV_HEADS * HEAD_DIM, HIDDEN)
        tensors[layer + "self_attn.o_proj.weight"] = matrix(HIDDEN, HEADS * HEAD_DIM)
        tensors[layer + "mlp.gate_proj.weight"] = matrix(INNER, HIDDEN)
        tensors[layer + "mlp.up_proj.weight"] = matrix(INNER, HIDDEN)
        tensors[layer + "mlp.down_proj.weight"] = matrix(HIDDEN, INNER)
    tensors["model.norm.weight"] = ones(HIDDEN)
    tensors["lm_head.weight"] = matrix(VOCAB, HIDDEN)
    return tensors


def write_decoder(folder, **changes):
    """A Llama, or with `changes` to its config a Mistral."""
    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "intermediate_size": INNER,
        "vocab_size": VOCAB, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "float32", **changes,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    shutil.copy(TOKENIZER, folder)
    write_safetensors(folder / "model.safetensors", decoder_tensors())
    return folder
