"""A Space: who signs in at Hugging Face, played by a loopback server, and what they may do."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

pytest.importorskip("authlib", reason="authlib is missing: pip install -r requirements.txt")

import app
from fair_app.access import sessions
from fair_app.access.accounts import accounts_of
from fair_app.access.audit import latest
from fair_app.access.roles import Role
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo
from pages.guard import FAULT
from pages.web import build
from tests.wire.oidc import CLIENT, SECRET, Identities, identity_provider

URL = "https://anna-fair.hf.space"
LOGIN = "/oauth/huggingface/login?_target_url=/signed-in"


@pytest.fixture(scope="module")
def provider() -> Iterator[Identities]:
    with identity_provider() as known:
        yield known


@pytest.fixture(scope="module")
def space(provider: Identities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server as a Space starts it, and its settings."""
    from huggingface_hub import constants

    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, host="0.0.0.0", owners="olga", curators="carl")
    ensure_demo(settings)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "SPACE_ID": "anna/fair",
            "SPACE_AUTHOR_NAME": "Anna",
            "OAUTH_CLIENT_SECRET": SECRET,
        }.items():
            patch.setenv(name, value)
        for name, value in {
            "OAUTH_CLIENT_ID": CLIENT,
            "OAUTH_CLIENT_SECRET": SECRET,
            "OAUTH_SCOPES": "openid profile",
            "OPENID_PROVIDER_URL": provider.url,
        }.items():
            patch.setattr(constants, name, value)
        yield build(settings), settings


@pytest.fixture
def web(space: Any) -> Iterator[TestClient]:
    with TestClient(space[0], base_url=URL, follow_redirects=False) as client:
        yield client


def sign_in(web: TestClient, provider: Identities, name: str) -> Any:
    """From the sign-in page through the provider and back; what came of it."""
    provider.name = name
    begun = web.get(LOGIN)
    assert begun.status_code == 302
    agreed = httpx2.get(begun.headers["location"])
    back = agreed.headers["location"]
    assert back.startswith(f"{URL}/oauth/huggingface/callback")
    called = web.get(back)
    assert called.headers["location"] == "/signed-in"
    return web.get("/signed-in")


def test_the_page_leads_to_hugging_face(web: TestClient) -> None:
    assert web.get("/").headers["location"] == "/sign-in"
    page = web.get("/sign-in").text
    assert f'href="{LOGIN}"' in page
    assert "<input" not in page


@pytest.mark.parametrize(
    ("name", "role"), [("anna", Role.OWNER), ("Olga", Role.OWNER), ("carl", Role.CURATOR)]
)
def test_who_signs_in_has_their_role(
    web: TestClient, space: Any, provider: Identities, name: str, role: Role
) -> None:
    answer = sign_in(web, provider, name)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert web.get("/gradio_api/user").json() == name
    upload = web.post("/gradio_api/upload").status_code
    assert (upload == 403) == (role is not Role.OWNER)
    assert latest(space[1], 1)[0].who == name
    assert provider.faults == []


def test_one_comes_to_where_one_wanted_to_go(web: TestClient, provider: Identities) -> None:
    there = "/?project=demo&tab=review&id=3"
    web.get(web.get(there).headers["location"])
    assert sign_in(web, provider, "anna").headers["location"] == there
    web.get("/sign-in?next=https://evil.example/")
    assert sign_in(web, provider, "anna").headers["location"] == "/"


def test_a_stranger_is_told_whom_to_ask(web: TestClient, provider: Identities) -> None:
    answer = sign_in(web, provider, "eve")
    assert answer.status_code == 403
    assert "eve may not look here" in answer.text
    assert web.get("/config").status_code == 401


def test_another_account_of_a_name_that_was_given_up_is_no_one(
    web: TestClient, space: Any, provider: Identities
) -> None:
    sign_in(web, provider, "carl")
    web.cookies.clear()
    provider.account = "77"
    try:
        answer = sign_in(web, provider, "Carl")
        assert answer.status_code == 403
        assert "another account" in answer.text and "Carl:77" in answer.text
        assert web.get("/config").status_code == 401
        noted = latest(space[1], 1)[0]
        assert (noted.who, noted.what) == ("", "came by another's name")
    finally:
        provider.account = ""
    assert sign_in(web, provider, "carl").status_code == 303


def test_the_browser_keeps_no_token_of_theirs(web: TestClient, provider: Identities) -> None:
    sign_in(web, provider, "anna")
    for value in web.cookies.values():
        inside = value.strip('"').split(".")[0]
        assert "hf_oauth" not in value
        assert b"hf_oauth" not in base64.urlsafe_b64decode(inside + "=" * (-len(inside) % 4))


def test_the_cookie_comes_inside_the_space_s_frame(web: TestClient, provider: Identities) -> None:
    headers = sign_in(web, provider, "anna").headers.get_list("set-cookie")
    ours = next(one for one in headers if one.startswith("__Host-fair_session="))
    for word in ("HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"):
        assert word in ours


def test_who_signs_in_inside_the_frame_is_not_sent_in_circles(web: TestClient) -> None:
    """There a browser keeps partitioned cookies alone; where it keeps none, that is said."""
    kept = web.get(LOGIN).headers.get_list("set-cookie")
    assert [one for one in kept if one.startswith("session=") and one.endswith("; partitioned")]
    assert web.get(f"{LOGIN}&_nb_redirects=1").headers["location"] == "/sign-in"
    page = web.get("/sign-in").text
    assert '<a href="/sign-in" target="_blank"' in page


def test_a_role_is_taken_at_the_next_click(
    web: TestClient, space: Any, provider: Identities
) -> None:
    _, settings = space
    accounts = accounts_of(settings, os.environ)
    accounts.set_role("dora", Role.VIEWER, "anna")
    sign_in(web, provider, "dora")
    assert web.get("/config").status_code == 200
    accounts.set_role("dora", Role.NOBODY, "anna")
    assert web.get("/config").status_code == 401


def test_the_sign_in_leads_nowhere_else(web: TestClient) -> None:
    for path in ("login", "callback"):
        answer = web.get(f"/oauth/huggingface/{path}?_target_url=https://evil.example/")
        assert answer.status_code == 400


def test_somebody_else_s_state_is_no_sign_in(web: TestClient, provider: Identities) -> None:
    begun = web.get(LOGIN)
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    web.cookies.clear()  # the attacker's link in another's browser
    back = f"/oauth/huggingface/callback?code=x&state={asked['state'][0]}&_target_url=/signed-in"
    assert "/oauth/huggingface/login" in web.get(back).headers["location"]
    assert web.get("/signed-in").headers["location"] == "/sign-in"
    assert web.get("/config").status_code == 401


def test_who_will_not_agree_comes_back_to_the_sign_in(web: TestClient) -> None:
    asked = parse_qs(urlsplit(web.get(LOGIN).headers["location"]).query)
    back = f"/oauth/huggingface/callback?error=access_denied&state={asked['state'][0]}"
    assert web.get(back).headers["location"] == "/sign-in"
    assert web.get("/config").status_code == 401


def test_a_code_serves_once_and_for_the_browser_that_asked(
    space: Any, web: TestClient, provider: Identities
) -> None:
    provider.name = "anna"
    asked = web.get(LOGIN).headers["location"]
    back = httpx2.get(asked).headers["location"]
    with TestClient(space[0], base_url=URL, follow_redirects=False) as another:
        assert "/oauth/huggingface/login" in another.get(back).headers["location"]
        assert another.get("/config").status_code == 401
    assert web.get(back).headers["location"] == "/signed-in"
    assert web.get("/signed-in").status_code == 303
    web.post("/sign-out")
    assert "/oauth/huggingface/login" in web.get(back).headers["location"]
    assert web.get("/signed-in").headers["location"] == "/sign-in"
    assert web.get("/config").status_code == 401


def test_an_identity_for_another_sign_in_is_none(space: Any, provider: Identities) -> None:
    with TestClient(
        space[0], base_url=URL, follow_redirects=False, raise_server_exceptions=False
    ) as web:
        back = httpx2.get(web.get(LOGIN).headers["location"]).headers["location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        provider.codes[code] = "the nonce of another sign-in"
        answer = web.get(back)
        assert (answer.status_code, answer.text) == (500, FAULT)
        assert web.get("/signed-in").headers["location"] == "/sign-in"
        assert web.get("/config").status_code == 401


def test_a_session_that_somebody_planted_is_not_gone_on_with(
    space: Any, web: TestClient, provider: Identities
) -> None:
    planted = sessions.begin(space[1], "carl", "id of carl")
    web.cookies.set("__Host-fair_session", planted)
    own = sign_in(web, provider, "anna").headers["set-cookie"]
    assert planted not in own
    web.cookies.clear()
    cookies = {"cookie": f"__Host-fair_session={planted}", "x-forwarded-proto": "https"}
    assert web.get("/config", headers=cookies).status_code == 401


def test_hugging_face_s_page_may_frame_it_and_no_other(web: TestClient) -> None:
    for path in ("/", "/sign-in", "/config"):
        policy = web.get(path).headers["content-security-policy"]
        assert policy.endswith("frame-ancestors 'self' https://huggingface.co")


def test_a_foreign_origin_is_not_reflected(web: TestClient, provider: Identities) -> None:
    """Gradio's own answers would do so, with credentials, where the host is a Space's."""
    sign_in(web, provider, "anna")
    for origin in ("https://evil.hf.space", "https://evil.example", "null"):
        for path in ("/healthz", "/", "/config", "/theme.css", "/gradio_api/info"):
            answer = web.get(path, headers={"origin": origin})
            assert answer.status_code == 200
            assert not [one for one in answer.headers if one.startswith("access-control")], path
        write = web.post("/gradio_api/queue/join", json={}, headers={"origin": origin})
        assert write.status_code == 403
        asked = {"origin": origin, "access-control-request-method": "POST"}
        preflight = web.options("/gradio_api/queue/join", headers=asked)
        assert "access-control-allow-origin" not in preflight.headers


def test_without_its_secret_a_space_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the tests' own Ctrl-C stays theirs
    monkeypatch.setenv("SPACE_ID", "anna/fair")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "")
    assert app.main(["--home", str(tmp_path), "--port", "0"]) == 2
    assert "hf_oauth: true" in capsys.readouterr().err
    assert not (tmp_path / "fair.db").exists()
