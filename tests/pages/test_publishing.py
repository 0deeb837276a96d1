"""The sheet by which an owner pushes to the hub: who sees it, and what it says of a token."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from fair_app.access.roles import Role, Visitor, visiting
from fair_app.exchange.hub import HUB_KEY
from fair_app.keys import TypedKeys
from fair_app.settings import Settings
from pages.components.page import Place
from pages.components.publishing import Publishing, push_button

KEY = "typed-for-the-hub-0123456789"
HOSTILE = "push.checkpoint:<img src=x onerror=a()>${1}"


@pytest.fixture
def typed() -> TypedKeys:
    return TypedKeys()


@pytest.fixture
def sheet(tmp_path: Path, typed: TypedKeys) -> Publishing:
    with gr.Blocks():
        boxes = [gr.Textbox("") for _ in range(3)]
        return Publishing(Settings(home=tmp_path), Place(*boxes, typed))


def filled(sheet: Publishing, item: str, role: Role = Role.OWNER, asking: str = "ann") -> list[Any]:
    with visiting(Visitor("x", role)):
        return sheet.filled(item, asking)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CURATOR])
def test_only_an_owner_sees_the_sheet(sheet: Publishing, role: Role) -> None:
    box, heading, what, *_ = filled(sheet, "push.data", role)
    assert (box.visible, heading, what) == (False, "", "")
    box, heading, what, *_ = filled(sheet, "push.data")
    assert (box.visible, what) == (True, "data")
    assert "Push the training set" in heading
    assert filled(sheet, "elsewhere")[0].visible is False


def test_what_an_address_names_is_text(sheet: Publishing) -> None:
    assert "<img" not in filled(sheet, HOSTILE)[1]
    assert "<img" not in push_button(HOSTILE)


def test_a_typed_token_is_told_of_and_not_shown(
    sheet: Publishing, typed: TypedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HUB_KEY, raising=False)
    assert "No token yet" in filled(sheet, "push.data")[3]
    monkeypatch.setenv(HUB_KEY, "of-the-environment-0123456789")
    assert "The token of this server" in filled(sheet, "push.data")[3]
    typed.set("ann", HUB_KEY, KEY)
    shown = filled(sheet, "push.data")
    assert "held in this server’s memory for you alone" in shown[3]
    assert shown[4].visible
    assert KEY not in str(shown)
    assert not filled(sheet, "push.data", asking="bob")[4].visible
