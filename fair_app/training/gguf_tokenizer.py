"""A tokenizer as GGUF's metadata (the format's documentation, "Tokenizer"). No torch here.

llama.cpp splits a text by rules of its own, of which a file names one ("pre"). Only those that are
known to split like the tokenizer at hand are named; every other tokenizer is refused.
"""

import json
from pathlib import Path
from typing import Any

from gguf import GGUFWriter, SpecialVocab, TokenType

from fair_app.errors import BadInput

Step = tuple[str, Any]

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BYTES = ("ByteLevel", False)
PRE: dict[tuple[Step, ...], str] = {
    (("ByteLevel", True),): "gpt-2",
    (("Digits", True), ("ByteLevel", True)): "smollm",
    (("Split", _WORDS % "{1,3}"), _BYTES): "llama-bpe",
    (("Split", _WORDS % ""), _BYTES): "qwen2",
}
"""llama.cpp's name of a way to split a text, by the steps of it in a tokenizer.json."""


def add_tokenizer(writer: GGUFWriter, folder: Path, size: int) -> None:
    """Add the tokenizer that is saved in a folder, chat template included.

    `size` is the number of rows of the model's embedding: numbers without a token are filled.
    Raises BadInput for a tokenizer that llama.cpp is not known to have.
    """
    content = _read(folder / "tokenizer.json")
    model = content.get("model") or {}
    if model.get("type") != "BPE":
        raise BadInput(_refused(f"a {model.get('type')} tokenizer"))
    if model.get("byte_fallback"):
        _add_pieces(writer, content, size)
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre_tokenizer(content))
        tokens, types = _tokens(content, size)
        writer.add_token_list(tokens)
        writer.add_token_types(types)
    special = SpecialVocab(folder, load_merges=not model.get("byte_fallback"), n_vocab=size)
    special.add_to_gguf(writer, quiet=True)


def pre_tokenizer(content: dict[str, Any]) -> str:
    """llama.cpp's name of how a byte-level tokenizer splits a text. Raises BadInput for no such."""
    normalizer = (content.get("normalizer") or {}).get("type")
    found = content.get("pre_tokenizer") or {}
    steps = found.get("pretokenizers", [found])
    name = PRE.get(tuple(map(_step, steps)))
    if name is None or normalizer not in (None, "NFC"):
        raise BadInput(_refused("this tokenizer's way to split a text"))
    return name


def _step(step: dict[str, Any]) -> Step:
    kind = str(step.get("type"))
    if kind == "ByteLevel" and not step.get("add_prefix_space"):
        return kind, step.get("use_regex", True)
    if kind == "Digits":
        return kind, step.get("individual_digits", False)
    if kind == "Split" and step.get("behavior") == "Isolated" and not step.get("invert"):
        return kind, (step.get("pattern") or {}).get("Regex")
    return kind, "unknown"


def _add_pieces(writer: GGUFWriter, content: dict[str, Any], size: int) -> None:
    """A SentencePiece tokenizer, as of Llama 2 and Mistral: pieces are joined by their scores."""
    model = content["model"]
    tokens, types = _tokens(content, size)
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(model["merges"]):
        parts = merge if isinstance(merge, list) else merge.split(" ")
        ranks.setdefault("".join(parts), rank)
    for number, token in enumerate(tokens):
        if token == model.get("unk_token"):
            types[number] = TokenType.UNKNOWN
        elif types[number] == TokenType.NORMAL and _is_byte(token):
            types[number] = TokenType.BYTE
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(ranks.get(token, len(ranks))) for token in tokens])
    writer.add_token_types(types)
    writer.add_add_space_prefix(_begins_with_a_space(content))


def _begins_with_a_space(content: dict[str, Any]) -> bool:
    """Whether a text gets a space before it, also behind a special token, as llama.cpp does it.

    Where only a text's first words get one ("first"), a prompt that begins with a special token
    gets none.
    """
    said = json.dumps([content.get("normalizer"), content.get("pre_tokenizer")])
    return '"Prepend"' in said or '"prepend_scheme": "always"' in said


def _is_byte(token: str) -> bool:
    return len(token) == len("<0x00>") and token.startswith("<0x") and token.endswith(">")


def _tokens(content: dict[str, Any], size: int) -> tuple[list[str], list[TokenType]]:
    """Every token by its number, and its type."""
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [TokenType.UNUSED] * size
    added = content.get("added_tokens") or []
    numbers = {**content["model"]["vocab"], **{one["content"]: one["id"] for one in added}}
    if max(numbers.values(), default=-1) >= size:
        raise BadInput(
            "This tokenizer has more tokens than the model has rows for them: give the tokenizer "
            "that the model was trained with."
        )
    for token, number in numbers.items():
        tokens[number], types[number] = token, TokenType.NORMAL
    for one in added:
        types[one["id"]] = TokenType.CONTROL if one["special"] else TokenType.USER_DEFINED
    return tokens, types


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(_refused("a tokenizer without a tokenizer.json")) from error
    return content


def _refused(what: str) -> str:
    return (
        f"GGUF files are not written here for {what}: `merge` the checkpoint and convert its "
        "folder with llama.cpp's own convert_hf_to_gguf.py."
    )
