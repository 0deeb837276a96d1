"""The model card of a checkpoint: what its lineage says, for people and for the hub. No torch.

The card beside a checkpoint and the one that is pushed with it are written here. The pushed one
also knows how the checkpoint fared in tests, its licence, and how others load it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fair_app.report import card as common
from fair_app.report.card import METHOD, TAGS, facts, front_matter
from fair_app.report.markdown import line, paragraph
from fair_app.report.markup import percent
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


LICENCES = {
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "unlicense", "isc"),
    *("cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "gpl-3.0", "agpl-3.0"),
    *("openrail", "bigscience-openrail-m", "bigcode-openrail-m", "creativeml-openrail-m"),
    *("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "gemma"),
}
"""What the hub's index knows by a name of its own; all else is `other` there, with a name."""

LEAKED = (
    "The intervals are Wilson's. Leaked are items whose question stands, word for word or nearly, "
    "in what was learned from."
)
NO_BASE = "the folder of its base"
"""What stands in place of a hub id where an adapter's base is not on the hub."""


@dataclass(frozen=True)
class Measured:
    """A student's evaluation: how many of `n` items were right, and the 95 % interval of the share.

    `who` it was, `asked` how, `source` what data set the items are of, as an exam has it. `leaked`
    items stand, word for word or nearly, in what was learned from.
    """

    who: str
    task: str
    split: str
    asked: str
    n: int
    correct: int
    accuracy: float
    ci95: tuple[float, float]
    leaked: int
    is_own: bool
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Publication:
    """What the card of a pushed checkpoint says beyond its lineage.

    `origin` is the hub's id of the student that it began as, and `licence` that one's, "" where it
    is not known; `base` is the id of the weights that an adapter lies upon. Either id is None for
    what is not on the hub. `found` are sentences about the tests, `notes` about loading.
    """

    repository: str
    origin: str | None
    base: str | None
    licence: str
    tested: Sequence[Measured] = ()
    found: Sequence[str] = ()
    notes: Sequence[str] = ()


def model_card(name: str, lineage: Mapping[str, Any], published: Publication | None = None) -> str:
    """A card in the hub's form: a head for its index, then prose and tables.

    What a lineage does not say is left out. `published`: of a checkpoint that is pushed.
    """
    settings, result = lineage.get("settings") or {}, lineage.get("result") or {}
    method = settings.get("method") or lineage.get("method", "lora")
    is_whole = method == "full" or "merged_from" in lineage
    sections = [
        front_matter(_head(name, lineage, is_whole, published)),
        f"# {line(name)}",
        "A student that learned from a committee of teachers: from accepted rationales, and from "
        f"feedback on its own mistakes ({METHOD}).",
        common.simulated(lineage),
        facts("", _origin(lineage, METHODS.get(method, method))),
        *(_of_publication(lineage, is_whole, published) if published else []),
        common.teachers_table(lineage),
        facts("Training", {key: settings[key] for key in SHOWN if settings.get(key) is not None}),
        facts("Result", {key: value for key, value in result.items() if value is not None}),
        facts("Made with", lineage.get("versions") or {}),
        _again(lineage, published is not None),
        _terms(published),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _of_publication(
    lineage: Mapping[str, Any], is_whole: bool, published: Publication
) -> list[str]:
    rows = [
        (
            str(place),
            one.who,
            f"{one.task} ({one.split})",
            one.asked,
            f"{one.correct:,} of {one.n:,}",
            percent(one.accuracy),
            f"{percent(one.ci95[0])} to {percent(one.ci95[1])}",
            f"{one.leaked:,}",
        )
        for place, one in enumerate(published.tested, 1)
    ]
    columns = ("", "Student", "Task", "Asked", "Right", "Accuracy", "95 % interval", "Leaked")
    return [
        common.table("Accuracy", columns, rows)
        or "## Accuracy\n\nThis checkpoint has not been tested.",
        common.sentences([*published.found, LEAKED if rows else ""]),
        _loading(lineage, is_whole, published),
    ]


def _loading(lineage: Mapping[str, Any], is_whole: bool, published: Publication) -> str:
    """How others load it; ids of the hub hold nothing that code could be broken by."""
    kind = "AutoModelForSeq2SeqLM" if _has_encoder(lineage) else "AutoModelForCausalLM"
    own = f'"{published.repository}"'
    code = [
        *([] if is_whole else ["from peft import PeftModel"]),
        f"from transformers import {kind}, AutoTokenizer",
        "",
        f"tokenizer = AutoTokenizer.from_pretrained({own})",
    ]
    if is_whole:
        code.append(f"student = {kind}.from_pretrained({own})")
    else:
        base = published.base or NO_BASE
        code.append(f'base = {kind}.from_pretrained("{base}")')
        code.append(f"student = PeftModel.from_pretrained(base, {own})")
    fenced = "\n".join(["```python", *code, "```"])
    return "\n\n".join(["## Loading it", fenced, *map(paragraph, published.notes)])


def _again(lineage: Mapping[str, Any], is_published: bool) -> str:
    """How the same checkpoint is made once more."""
    is_preferred = lineage.get("stage") in STAGES
    texts = "preferences.json" if is_preferred else "examples.json"
    command = "prefer" if is_preferred else "train"
    if is_published:
        return (
            "`lineage.json` says what it was made of: settings, teachers, prompts, the acceptance "
            "rule, every loss, and the checksum of the texts that were learned from. Those texts "
            "are not in this repository."
        )
    said = f"`lineage.json` holds all of it, and `{texts}` the texts that were learned from: "
    if "merged_from" in lineage:
        return (
            f"{said}`{command} --from-lineage` with the lineage of {line(lineage['merged_from'])} "
            "makes what was merged again, and `merge` the same checkpoint of it."
        )
    return f"{said}`{command} --from-lineage` makes the same checkpoint again."


def _terms(published: Publication | None) -> str:
    known = ""
    if published is not None:
        known = f" ({line(published.licence)})" if published.licence else " (not known here)"
    return (
        f"The base student's licence{known} holds for this one, and the terms of the teachers' "
        "providers for what is made of their texts."
    )


def _head(
    name: str, lineage: Mapping[str, Any], is_whole: bool, published: Publication | None
) -> dict[str, Any]:
    base = str(lineage.get("base", ""))
    on_hub = base if base.count("/") == 1 and not base.startswith("/") else None
    below = (published.base or published.origin) if published else on_hub
    head = {
        **(_licence(published) if published else {}),
        "base_model": below,
        "base_model_relation": ("finetune" if is_whole else "adapter") if below else None,
        "library_name": "transformers" if is_whole else "peft",
        "pipeline_tag": "text2text-generation" if _has_encoder(lineage) else "text-generation",
        "tags": TAGS,
    }
    results = [_result(one) for one in published.tested if _known(one)] if published else []
    index = [{"name": " ".join(name.split()), "results": results}]
    return {**head, **({"model-index": index} if results else {})}


def _licence(published: Publication) -> dict[str, str]:
    if not published.licence or published.licence in LICENCES:
        return {"license": published.licence}
    named = re.sub(r"[^a-z0-9.-]+", "-", published.licence.lower()).strip("-")
    link = f"https://huggingface.co/{published.origin}" if published.origin else ""
    return {"license": "other", "license_name": named or "other", "license_link": link}


def _known(one: Measured) -> bool:
    """Whether it is this checkpoint on items that others find on the hub."""
    return one.is_own and bool(one.source.get("hub"))


def _result(one: Measured) -> dict[str, Any]:
    """An evaluation as the hub's index of models reads it; accuracy is a fraction there."""
    low, high = one.ci95
    of_hub = ("config", "split", "revision")
    return {
        "task": {"type": "text-generation"},
        "dataset": {
            "type": str(one.source["hub"]),
            "name": one.task,
            **{key: str(one.source[key]) for key in of_hub if one.source.get(key)},
        },
        "metrics": [
            {
                "type": "accuracy",
                "value": round(one.accuracy, 4),
                "name": f"accuracy ({one.asked}; {one.n} items, 95 % {low:.4f} to {high:.4f})",
            }
        ],
    }


def _has_encoder(lineage: Mapping[str, Any]) -> bool:
    return (lineage.get("student") or {}).get("model_type") in ENCODER_DECODERS


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
        "Beside the threshold": common.beside_threshold(lineage),
        "Examples (SHA-256)": lineage.get("data_sha256"),
    }
    return {key: value for key, value in found.items() if value not in (None, "")}
