"""The model card of a checkpoint: what its lineage says, for people and for the hub. No torch."""

from collections.abc import Mapping
from typing import Any

from fair_app.student.base import ENCODER_DECODERS

CARD_FILE = "README.md"
METHODS = {
    "lora": "LoRA adapter",
    "rslora": "rank-stabilised LoRA adapter",
    "dora": "DoRA adapter",
    "full": "all weights tuned",
}
STAGES = {"preference": "preference optimisation (DPO, arXiv 2305.18290)"}
SHOWN = (
    "alpha",
    "beta",
    "epochs",
    "max_steps",
    "learning_rate",
    "schedule",
    "batch_size",
    "max_tokens",
    "sampling",
    "balance",
    "seed",
    "lora_rank",
    "lora_alpha",
    "lora_dropout",
    "lora_target",
    "validation_share",
    "mentor",
    "soft_weight",
    "tau",
    "soft_scaling",
)


def model_card(name: str, lineage: Mapping[str, Any]) -> str:
    """A card in the hub's form: a head for its index, then prose and tables.

    What a lineage does not say is left out.
    """
    settings, result = lineage.get("settings") or {}, lineage.get("result") or {}
    method = settings.get("method") or lineage.get("method", "lora")
    is_whole = method == "full" or "merged_from" in lineage
    sections = [
        _head(lineage, is_whole),
        f"# {_line(name)}",
        "A student that learned from a committee of teachers: from accepted rationales, and from "
        "feedback on its own mistakes (Learning from Committee, arXiv 2410.03663).",
        _table("", _origin(lineage, METHODS.get(method, method))),
        _table("Training", {key: settings[key] for key in SHOWN if settings.get(key) is not None}),
        _table("Result", {key: value for key, value in result.items() if value is not None}),
        _table("Made with", lineage.get("versions") or {}),
        _again(lineage),
        "The base student's licence holds for this one, and the terms of the teachers' providers "
        "for what is made of their texts.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _again(lineage: Mapping[str, Any]) -> str:
    """How the same checkpoint is made once more."""
    is_preferred = lineage.get("stage") in STAGES
    texts = "preferences.json" if is_preferred else "examples.json"
    command = "prefer" if is_preferred else "train"
    said = f"`lineage.json` holds all of it, and `{texts}` the texts that were learned from: "
    if "merged_from" in lineage:
        return (
            f"{said}`{command} --from-lineage` with the lineage of {_line(lineage['merged_from'])} "
            "makes what was merged again, and `merge` the same checkpoint of it."
        )
    return f"{said}`{command} --from-lineage` makes the same checkpoint again."


def _head(lineage: Mapping[str, Any], is_whole: bool) -> str:
    base = str(lineage.get("base", ""))
    on_hub = base.count("/") == 1 and not base.startswith("/")
    has_encoder = (lineage.get("student") or {}).get("model_type") in ENCODER_DECODERS
    lines = [
        "---",
        *([f"base_model: {_line(base)}"] if on_hub else []),
        f"library_name: {'transformers' if is_whole else 'peft'}",
        f"pipeline_tag: {'text2text-generation' if has_encoder else 'text-generation'}",
        "tags: [distillation, committee]",
        "---",
    ]
    return "\n".join(lines)


def _origin(lineage: Mapping[str, Any], method: str) -> dict[str, Any]:
    weights = {"4bit": "4-bit NF4", "none": "plain bfloat16"}
    teachers = [
        f"{one.get('name')} ({(one.get('spec') or {}).get('model') or 'no model'}"
        f"{', offline, rule-based' if one.get('simulated') else ''})"
        for one in lineage.get("teachers") or []
        if isinstance(one, Mapping)
    ]
    found = {
        "Base student": lineage.get("base"),
        "Went on from": lineage.get("start"),
        "Merged from": lineage.get("merged_from"),
        "Stage": STAGES.get(str(lineage.get("stage"))),
        "Method": method,
        "Base weights": weights.get(str(lineage.get("quantization"))),
        "Task": lineage.get("task"),
        "Teachers": ", ".join(teachers),
        "Learned from": lineage.get("teacher"),
        "Acceptance threshold": lineage.get("threshold"),
        "Examples (SHA-256)": lineage.get("data_sha256"),
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def _table(title: str, rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    lines = [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items()]
    return "\n".join([*([f"## {title}", ""] if title else []), "| | |", "| --- | --- |", *lines])


def _cell(value: Any) -> str:
    return _line(f"{value:.4g}" if isinstance(value, float) else value).replace("|", "\\|")


def _line(value: Any) -> str:
    """A value on one line, which cannot break out of a table or of the head."""
    return " ".join(str(value).replace("`", "'").replace("<", "‹").split())
