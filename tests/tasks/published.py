"""The paper's own committee run on SVAMP."""

import json
from pathlib import Path


def published(data: Path, kind: str) -> list[dict]:
    """One of its files: `false`, `feedback` or `rationale`."""
    return json.loads(
        (data / "fair-svamp" / f"Llama-2-7b-chat-hf_svamp_{kind}_round0.json").read_text()
    )
