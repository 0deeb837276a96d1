"""The committee as cards: who a teacher is, its key, its price, its last test, what it wrote."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.committee.base import TeacherSpec
from fair_app.committee.prices import Price
from fair_app.committee.registry import REMOTE
from fair_app.curation.what_if import TeacherSummary
from fair_app.studio.teachers import OFFLINE, TeacherCard
from pages.components.markup import ago, count
from pages.components.money import usd
from pages.languages import _

HERE = Path(__file__).parent
SIMULATED = "offline, rule-based — simulated"


def teacher_cards() -> gr.HTML:
    """Lay out the cards. The value is what `cards_value` returns.

    Event: `act`, with `event.action` (test, edit, remove, type, forget), `event.teacher`, and for
    `type` the `event.key` that was typed, which is never sent back.
    """
    return gr.HTML(
        {},
        html_template=(HERE / "teacher_cards.html").read_text(encoding="utf-8"),
        js_on_load=(HERE / "teacher_cards.js").read_text(encoding="utf-8"),
        elem_id="committee-cards",
        apply_default_css=False,
    )


def cards_value(
    cards: Sequence[TeacherCard],
    typed: frozenset[str],
    written: Mapping[str, TeacherSummary],
) -> dict[str, Any]:
    """What the cards paint as text. `typed` are the variables whose keys this person typed."""
    return {"cards": [_card(one, typed, written.get(one.name)) for one in cards]}


def _card(
    card: TeacherCard, typed: frozenset[str], written: TeacherSummary | None
) -> dict[str, Any]:
    spec = card.spec
    remote = spec is not None and spec.provider in REMOTE
    return {
        "name": card.name,
        "tag": _(SIMULATED) if card.simulated else _("recorded answers") if spec is None else "",
        "served": " · ".join((spec.provider, spec.model)) if spec else "",
        "settings": settings_line(spec) if spec and spec.provider != OFFLINE else "",
        "price": price_line(card.price) if remote else "",
        "price_known": card.price is not None,
        "key": _key(card, typed) if remote else {"state": "none", "variable": "", "words": ""},
        "probe": {
            "ok": card.probe.ok,
            "at": card.probe.at,
            "words": f"{card.probe.message.rstrip('.')} · {ago(card.probe.at)}",
        }
        if card.probe and remote
        else None,
        "written": _written(written),
        "asked": spec is not None,
        "remote": remote,
    }


def settings_line(spec: TeacherSpec) -> str:
    """A teacher's parameters, only what is set."""
    parts = [
        _("temperature {number}", number=f"{spec.temperature:g}"),
        count(spec.max_tokens, "token"),
    ]
    if spec.reasoning_effort:
        parts.append(_("thinking: {effort}", effort=spec.reasoning_effort))
    if spec.requests_per_minute:
        parts.append(_("{n} calls a minute", n=f"{spec.requests_per_minute:,g}"))
    if spec.tokens_per_minute:
        parts.append(_("{n} tokens a minute", n=f"{spec.tokens_per_minute:,g}"))
    if spec.base_url:
        parts.append(spec.base_url)
    return " · ".join(parts)


def price_line(price: Price | None) -> str:
    """What a million tokens cost, or that nobody knows."""
    if price is None:
        return _("Price unknown")
    if price.input_usd_per_million == price.output_usd_per_million == 0:
        return _("Free")
    sent, received = usd(price.input_usd_per_million), usd(price.output_usd_per_million)
    return _("A million tokens: {sent} in, {received} out", sent=sent, received=received)


def _key(card: TeacherCard, typed: frozenset[str]) -> dict[str, str]:
    variable = card.key_variable
    if variable is None:
        return {"state": "none", "variable": "", "words": _("Asked without a key")}
    if variable in typed:
        return {
            "state": "typed",
            "variable": variable,
            "words": _("{variable}: typed, held in memory for you", variable=variable),
        }
    if card.has_key:
        words = _("Key from {variable}", variable=variable)
        return {"state": "environment", "variable": variable, "words": words}
    return {
        "state": "missing",
        "variable": variable,
        "words": _("No key: set {variable}, or type it here", variable=variable),
    }


def _written(found: TeacherSummary | None) -> str:
    if found is None:
        return _("Nothing written yet")
    said = _(
        "{rationales}, {accepted} accepted",
        rationales=count(found.rationales, "rationale"),
        accepted=f"{found.accepted:,}",
    )
    if found.mean is None:
        return said
    return said + _(", mean score {mean}", mean=f"{found.mean:.2f}")
