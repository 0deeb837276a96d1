"""Teachers to begin with: the providers' models, servers of one's own, what needs no network.

The models were checked on 21 November 2026 in the providers' documentation and SDKs: served, no
preview, no end announced. A preset keeps thinking off or at its least, since thoughts count among
the tokens of an answer and a cut-off answer is lost; `max_tokens` leaves room all the same.
"""

from dataclasses import dataclass

from fair_app.committee.base import TeacherSpec
from fair_app.committee.committee_file import default_committee

ROOM = 1024
"""Tokens an answer may take. The paper allows 512; today's models write more, and only what is
written is paid for."""


@dataclass(frozen=True)
class Preset:
    """A teacher that the committee page offers. `note` says what to know before choosing it."""

    key: str
    title: str
    note: str
    spec: TeacherSpec


_GPT = TeacherSpec(
    name="gpt",
    provider="openai",
    model="gpt-6-luna",
    max_tokens=ROOM,
    # It thinks unless told not to, and takes a temperature only when it does not.
    reasoning_effort="none",
)
_GEMINI = TeacherSpec(
    name="gemini",
    provider="gemini",
    model="gemini-3.5-flash-lite",
    # The model ignores any other temperature: what is recorded should be what was used.
    temperature=1.0,
    max_tokens=2 * ROOM,
    reasoning_effort="minimal",
)
_MISTRAL = TeacherSpec(
    name="mistral",
    provider="mistral",
    model="mistral-small-2603",
    max_tokens=ROOM,
    reasoning_effort="none",
)

_SMALL_OPEN_MODEL = "Qwen/Qwen3-4B-Instruct-2507"
"""An example for servers and machines of one's own: Apache-2.0, writes no thoughts."""


def _own_server(name: str, port: int, model: str) -> TeacherSpec:
    return TeacherSpec(
        name=name,
        provider="openai",
        model=model,
        base_url=f"http://127.0.0.1:{port}/v1",
        max_tokens=ROOM,
        usd_per_million_input=0.0,
        usd_per_million_output=0.0,
        timeout_s=600,
    )


PRESETS: tuple[Preset, ...] = (
    Preset("openai", "OpenAI", "Needs OPENAI_API_KEY. Asked without thinking.", _GPT),
    Preset(
        "gemini",
        "Google Gemini",
        "Needs GEMINI_API_KEY. Thinks a little at its least setting, which counts as output, and "
        "always samples at a temperature of its own.",
        _GEMINI,
    ),
    Preset("mistral", "Mistral", "Needs MISTRAL_API_KEY. Asked without thinking.", _MISTRAL),
    Preset(
        "openrouter",
        "OpenRouter",
        "Needs OPENROUTER_API_KEY. Any model of openrouter.ai, by its name there.",
        TeacherSpec(
            name="openrouter",
            provider="openai",
            model="mistralai/mistral-small-2603",
            base_url="https://openrouter.ai/api/v1",
            api_key_env="OPENROUTER_API_KEY",
            max_tokens=ROOM,
        ),
    ),
    Preset(
        "deepinfra",
        "DeepInfra",
        "Needs DEEPINFRA_API_KEY. No table has its prices: give yours, or a budget cannot hold.",
        TeacherSpec(
            name="deepinfra",
            provider="openai",
            model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
            base_url="https://api.deepinfra.com/v1/openai",
            api_key_env="DEEPINFRA_API_KEY",
            max_tokens=ROOM,
        ),
    ),
    Preset(
        "vllm",
        "vLLM",
        "A server of your own: `vllm serve MODEL`. The model is the one that it serves.",
        _own_server("vllm", 8000, _SMALL_OPEN_MODEL),
    ),
    Preset(
        "llama-cpp",
        "llama.cpp",
        "A server of your own: `llama-server -m FILE.gguf`. With one model it takes any name.",
        _own_server("llama-cpp", 8080, "default"),
    ),
    Preset(
        "ollama",
        "Ollama",
        "A server of your own: `ollama serve`, after `ollama pull MODEL`.",
        _own_server("ollama", 11434, "qwen3:4b-instruct"),
    ),
    Preset(
        "transformers-serve",
        "transformers serve",
        "A server of your own: `transformers serve`. Slow: good for a trial.",
        _own_server("transformers-serve", 8000, _SMALL_OPEN_MODEL),
    ),
    Preset(
        "local",
        "A model on this machine",
        "Runs inside the job, in batches, on the GPU where there is one. The model is named as a "
        "student is: a hub id, a folder, checkpoint:NAME, or smollm2-135m.",
        TeacherSpec(
            name="local",
            provider="local",
            model=_SMALL_OPEN_MODEL,
            max_tokens=ROOM,
            timeout_s=3600,
        ),
    ),
    *(
        Preset(
            spec.name,
            f"Offline: {spec.model}",
            "Rule-based, for tasks whose gold solutions have equations. Needs no key, costs "
            "nothing; all that it writes is marked as simulated.",
            spec,
        )
        for spec in default_committee()
    ),
)
"""In the order in which a page shows them."""

PAPER_NOTE = (
    "The three teachers of arXiv 2410.03663 with its settings, kept for the record: all three are "
    "retired (Gemini 1.0 Pro and Mixtral-8x7B in 2025, GPT-3.5 Turbo on 23 October 2026) and will "
    "answer with an error; Mixtral's weights are open, so a server of your own can still serve it."
)


def default_remote_committee() -> list[TeacherSpec]:
    """One cheap, capable model of each provider, under the names of the reference's files."""
    return [_GPT, _GEMINI, _MISTRAL]


def paper_committee() -> list[TeacherSpec]:
    """The paper's committee (section 4): temperature 0.8, 512 tokens. See PAPER_NOTE."""
    return [
        TeacherSpec(name=name, provider=provider, model=model, temperature=0.8, max_tokens=512)
        for name, provider, model in (
            ("gpt", "openai", "gpt-3.5-turbo"),
            ("gemini", "gemini", "gemini-1.0-pro"),
            ("mistral", "mistral", "open-mixtral-8x7b"),
        )
    ]


TERMS = {
    "openai": "OpenAI forbids using its output to develop models that compete with its own "
    "(OpenAI Services Agreement, 3.3(e)).",
    "gemini": "Google forbids using Gemini to develop models that compete with it "
    "(Gemini API Additional Terms of Service, Use Restrictions).",
    "mistral": "Mistral forbids reverse engineering its models, by means of their output too "
    "(Mistral AI Commercial Terms of Service).",
}
"""What a provider's terms say of training on its output, a sentence each; no legal advice."""

OTHER_TERMS = (
    "The terms of whoever runs the server, and the licence of its model, say whether you may train "
    "on its output (the model's page and the server's terms of service)."
)


def terms_of(spec: TeacherSpec) -> str | None:
    """What to know before training on a teacher's output; None for the rule-based ones.

    The provider's own terms hold where it is asked itself; other servers and local models have
    their own.
    """
    return terms(spec.provider, spec.base_url)


def terms(provider: str, base_url: str | None) -> str | None:
    """The same of a provider's name and the address of another server, where it has one."""
    if provider == "offline":
        return None
    return OTHER_TERMS if base_url else TERMS.get(provider, OTHER_TERMS)
