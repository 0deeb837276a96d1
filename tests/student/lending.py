"""A home with a tiny base and adapters of it, and a project that asks them."""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from db import exams, projects
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.projects import create_project

TOKENS = 12


def adapter(settings: Settings, base: Path, name: str, seed: int = 1, **lora: bool) -> str:
    """A random adapter on all linear layers, as a training run would leave it; return its REF."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, **lora)
    folder = settings.checkpoints / name
    get_peft_model(model, config).save_pretrained(folder)
    lineage = {"base": str(base), "quantization": "none"}
    (folder / "lineage.json").write_text(json.dumps(lineage))
    return f"checkpoint:{name}"


def whole(settings: Settings, base: Path, name: str, seed: int = 2) -> str:
    """A checkpoint whose every weight was trained; return its REF."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    folder = settings.checkpoints / name
    model.save_pretrained(folder)
    for file in base.glob("*token*"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").write_bytes((base / "chat_template.jinja").read_bytes())
    (folder / "lineage.json").write_text(json.dumps({"base": str(base), "quantization": "none"}))
    return f"checkpoint:{name}"


def asked_before(
    settings: Settings, student: str, server: str | None = None, name: str = "tried"
) -> Project:
    """A project whose exam was put to a student in 12 new tokens at most."""
    project = create_project(settings, name, "arithmetic", student)
    store = connect(settings.database)
    exam = exams.add(
        store,
        project.id,
        purpose="exam",
        student=student,
        task="arithmetic",
        split="train",
        settings={
            "decoding": {"name": "greedy", "max_new_tokens": TOKENS},
            "quantization": "none",
            "prompts": "chat",
            "server": server,
        },
        question_ids=[],
    )
    projects.set_exam(store, project.id, exam, student)
    return projects.get(store, project.id)
