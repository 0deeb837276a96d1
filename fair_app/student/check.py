"""A model of the hub before anything of it is downloaded: size, licence, gate, need of memory.

`look_up` asks the hub, `this_machine` the machine; `findings` is a pure function of both. No torch:
the pages check with it.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import psutil
from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import ENCODER_DECODERS
from fair_app.student.registry import Quantization

TIMEOUT_S = 8.0
GB = 10**9
OVERHEAD_BYTES = 1 * GB
"""What the process, its libraries and the answers under way take beside the weights (measured with
the offline student: 0.9 GB at 32 answers at a time)."""
ROOM = 1.2
BYTES_PER_PARAMETER: dict[Quantization, float] = {"none": 2.0, "4bit": 0.6}
"""bfloat16, and NF4 with double quantization, whose embeddings stay in bfloat16."""
T5_IN_4_BITS = 1.0
"""With an encoder about a quarter more of the weights stays in bfloat16 (see `training.shape`)."""
DTYPE_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2}
OPEN_LICENCES = {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "unlicense", "isc"}
GENERATES = ("AutoModelForCausalLM", "AutoModelForImageTextToText", "AutoModelForMultimodalLM")
WITH_ENCODER = "AutoModelForSeq2SeqLM"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True)
class HubModel:
    """What the hub says of a model. `None` and "" are what it does not say.

    `readable`: this machine's token may download it. `as_stored`: its weights are quantized
    already, so they need the memory that they need on disk. `auto_model` is the class that the
    hub would load it with, `model_type` that of its configuration, `own_code` whether code of its
    repository would have to run.
    """

    id: str
    parameters: int | None
    download_bytes: int | None
    has_safetensors: bool
    licence: str
    gated: bool
    readable: bool
    as_stored: bool
    auto_model: str
    own_code: bool
    cached: bool
    model_type: str = ""


@dataclass(frozen=True)
class Machine:
    """Where a student would run: `name` is the GPU's, "" without one; sizes in bytes."""

    name: str
    memory_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True)
class Finding:
    """One sentence about a model: all is well, something to know, or it will not work."""

    level: Literal["good", "note", "bad"]
    sentence: str


def look_up(model_id: str) -> HubModel:
    """Ask the hub about a model; nothing of the model itself is downloaded.

    The hub is that of HF_ENDPOINT, the token that of HF_TOKEN or of a login. Raises BadInput when
    the hub has no such model for this token, WorkFailed when it cannot be asked.
    """
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    try:
        info = api.model_info(model_id, files_metadata=True, timeout=TIMEOUT_S)
        return as_hub_model(info, readable=not info.gated or _may_read(api, model_id))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise BadInput(f"The hub has no model {model_id} that you may read: check its name.") from (
            error
        )
    except (HfHubHTTPError, OfflineModeIsEnabled, httpx2.HTTPError, OSError, ValueError) as error:
        # ValueError, for an answer that is no JSON: a proxy's page, for one.
        here = " A copy of it is on this machine." if is_cached(model_id) else ""
        raise WorkFailed(
            f"The hub cannot be asked from here, so size, licence, gate and need of memory of "
            f"{model_id} are not checked.{here}"
        ) from error


def as_hub_model(info: ModelInfo, *, readable: bool) -> HubModel:
    """What matters here of the hub's answer."""
    config = info.config or {}
    sizes = {
        file.rfilename: file.size
        for file in info.siblings or []
        if file.rfilename.endswith(".safetensors") and "/" not in file.rfilename
    }
    # Some repositories hold the weights a second time, as `consolidated.safetensors`.
    read = {name: size for name, size in sizes.items() if name.startswith("model")} or sizes
    stored = info.safetensors
    known = [size for size in read.values() if size is not None]
    size = sum(known) if known and len(known) == len(read) else None
    if size is None and stored is not None:
        size = sum(DTYPE_BYTES.get(dtype, 1) * count for dtype, count in stored.parameters.items())
    transformers = info.transformers_info
    return HubModel(
        id=info.id,
        parameters=stored.total if stored else None,
        download_bytes=size,
        has_safetensors=bool(sizes),
        licence=_licence(info),
        gated=bool(info.gated),
        readable=readable,
        as_stored="quantization_config" in config,
        auto_model=(transformers.auto_model or "") if transformers else "",
        own_code="auto_map" in config or bool(transformers and transformers.custom_class),
        cached=is_cached(info.id),
        model_type=str(config.get("model_type") or ""),
    )


def this_machine() -> Machine:
    """The GPU with its memory where there is one, else the processor's memory."""
    cache = Path(constants.HF_HUB_CACHE)
    standing = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free = shutil.disk_usage(standing).free
    gpu = _gpu()
    if gpu is not None:
        return Machine(*gpu, free)
    return Machine("", _memory(), free)


def findings(model: HubModel, machine: Machine, quantization: Quantization) -> list[Finding]:
    """Whether a model can be a student on a machine, in sentences; what will not work first."""
    found = [
        *_gate(model),
        *_kind(model),
        *_memory_need(model, machine, quantization),
        *_download(model, machine),
        _terms(model),
    ]
    order = ("bad", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.level))


def memory_need(model: HubModel, quantization: Quantization) -> float | None:
    """The bytes of memory that answering needs, roughly; None when the size is not known."""
    if model.as_stored:
        weights = model.download_bytes
    elif model.parameters is not None:
        in_4_bits = quantization == "4bit" and model.model_type in ENCODER_DECODERS
        each = T5_IN_4_BITS if in_4_bits else BYTES_PER_PARAMETER[quantization]
        weights = round(each * model.parameters)
    else:
        weights = model.download_bytes
    return None if weights is None else ROOM * weights + OVERHEAD_BYTES


def is_cached(model_id: str) -> bool:
    """Whether the weights lie in the hub's cache on this machine."""
    return any(isinstance(try_to_load_from_cache(model_id, name), str) for name in WEIGHTS)


def size(number: float) -> str:
    """Bytes the way people read them: `270 MB`, `13.5 GB`."""
    return f"{number / GB:,.1f} GB" if number >= GB else f"{max(1, round(number / 10**6))} MB"


def _gate(model: HubModel) -> list[Finding]:
    if not model.gated:
        return []
    if model.readable:
        return [Finding("good", "Gated, and your token may read it.")]
    page = f"https://huggingface.co/{model.id}"
    return [Finding("bad", f"Gated: accept its terms on {page} and set HF_TOKEN.")]


def _kind(model: HubModel) -> list[Finding]:
    found = []
    has_encoder = model.auto_model == WITH_ENCODER and model.model_type in ENCODER_DECODERS
    is_known = model.auto_model in GENERATES or has_encoder
    if model.auto_model.startswith("AutoModelFor") and not is_known:
        found.append(
            Finding(
                "bad",
                "Neither a decoder-only language model nor one of T5's kin, so it cannot be a "
                "student.",
            )
        )
    if model.own_code:
        found.append(Finding("bad", "Needs code from its own repository, which is not run here."))
    if not model.has_safetensors:
        found.append(Finding("bad", "Has no safetensors weights; no other files are read."))
    return found


def _memory_need(model: HubModel, machine: Machine, quantization: Quantization) -> list[Finding]:
    need = memory_need(model, quantization)
    if need is None:
        return [Finding("note", "Its need of memory is not known.")]
    needed, memory = size(need), size(machine.memory_bytes)
    where = machine.name or "this machine"
    if need <= machine.memory_bytes:
        return [Finding("good", f"Needs about {needed} of memory, of the {memory} of {where}.")]
    in_4_bits = memory_need(model, "4bit")
    if in_4_bits is not None and in_4_bits <= machine.memory_bytes and quantization == "none":
        return [
            Finding(
                "note",
                f"Needs about {needed} of memory, more than the {memory} of {where}; in 4 bits "
                f"about {size(in_4_bits)}, which fits.",
            )
        ]
    return [
        Finding(
            "bad",
            f"Needs about {needed} of memory, more than the {memory} of {where}: take a smaller "
            "one, or one behind a server.",
        )
    ]


def _download(model: HubModel, machine: Machine) -> list[Finding]:
    many = _parameters(model.parameters) if model.parameters else ""
    if model.cached:
        there = f"{many}, on this machine already." if many else "On this machine already."
        return [Finding("good", there)]
    if model.download_bytes is None:
        return [Finding("note", "How much there is to download is not known.")]
    fits = model.download_bytes <= machine.disk_free_bytes
    download, end = size(model.download_bytes), "." if fits else ", more than the disk has free."
    there = f"{many}, {download} to download{end}" if many else f"{download} to download{end}"
    return [Finding("good" if fits else "bad", there)]


def _terms(model: HubModel) -> Finding:
    if model.licence in OPEN_LICENCES:
        return Finding("good", f"Licence: {model.licence}.")
    page = f"https://huggingface.co/{model.id}"
    named = f"Licence: {model.licence}" if model.licence else "Names no licence"
    return Finding("note", f"{named}; read the terms on {page} before you share what you train.")


def _parameters(number: int) -> str:
    if number >= 10**9:
        return f"{number / 10**9:,.1f} billion parameters"
    return f"{max(1, round(number / 10**6))} million parameters"


def _licence(info: ModelInfo) -> str:
    card: Any = info.card_data or {}
    named = card.get("license") or next(
        (tag.partition(":")[2] for tag in info.tags or [] if tag.startswith("license:")), ""
    )
    if isinstance(named, list):
        named = ", ".join(map(str, named))
    if named in ("other", "unknown"):
        named = card.get("license_name") or ""
    return str(named or "")


def _may_read(api: HfApi, model_id: str) -> bool:
    try:
        api.auth_check(model_id)
    except (GatedRepoError, RepositoryNotFoundError):
        return False
    return True


def _gpu() -> tuple[str, int] | None:
    """Name and memory in bytes of the largest GPU, as the driver's own tool says."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None  # a tool without a driver
    rows = [line.rpartition(",") for line in said.splitlines() if "," in line]
    known = [(name.strip(), int(mib) * 2**20) for name, _, mib in rows if mib.strip().isdigit()]
    return max(known, key=lambda gpu: gpu[1], default=None)


def _memory() -> int:
    """The processor's memory, or what the container may have of it."""
    total = int(psutil.virtual_memory().total)
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdigit() else total
