"""How an exam or an evaluation asks, as it is stored with it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fair_app.student.base import DECODINGS

HOW = ("samples", "quantization", "server", "prompts")


def asked_so(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a job with these parameters (`fair_app.studio.exams.exam_params`) asks its student."""
    decoding = asdict(DECODINGS[params["decoding"]])
    if params["max_new_tokens"]:
        decoding["max_new_tokens"] = params["max_new_tokens"]
    return {"decoding": decoding, **{name: params[name] for name in HOW}}


def pace_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a student's pace depends on, of how an exam asks: not its questions nor its seed."""
    decoding = {**(settings.get("decoding") or {}), "seed": None}
    return {"decoding": decoding, **{name: settings.get(name) for name in HOW}}
