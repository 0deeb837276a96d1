"""A loopback server that signs persons in as Hugging Face does (OpenID Connect, RFC 6749).

It needs `joserfc`, which signs the identity token; it comes with `authlib`.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "fair-client", "a secret of the Space"


@dataclass
class Identities:
    """Who signs in next, and what the server was asked."""

    name: str = "anna"
    account: str = ""
    """The number of their account; by default one a name."""
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    codes: dict[str, str] = field(default_factory=dict)
    """The nonce of each code that was given out."""
    faults: list[str] = field(default_factory=list)


@contextmanager
def identity_provider() -> Iterator[Identities]:
    """Serve on a free port of this machine."""
    known = Identities()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._json(_metadata(known.url))
            elif parts.path == "/jwks":
                self._json({"keys": [known.key.as_dict(private=False)]})
            elif parts.path == "/oauth/authorize":
                if asked.get("client_id") != CLIENT or asked.get("response_type") != "code":
                    known.faults.append("another client, or no code asked for")
                code = secrets.token_urlsafe(16)
                known.codes[code] = asked.get("nonce", "")
                back = urlencode({"code": code, "state": asked["state"]})
                separator = "&" if "?" in asked["redirect_uri"] else "?"
                self.send_response(302)
                self.send_header("Location", asked["redirect_uri"] + separator + back)
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            asked = {
                name: one[0] for name, one in parse_qs(self.rfile.read(length).decode()).items()
            }
            wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                known.faults.append("the secret is not the client's")
            nonce = known.codes.pop(asked.get("code", ""), None)
            if nonce is None:
                self.send_error(400)
                return
            self._json(
                {
                    "access_token": "hf_oauth_of_theirs",
                    "token_type": "bearer",
                    "expires_in": 3600,
                    "scope": "openid profile",
                    "id_token": _identity(known, nonce),
                }
            )

        def _json(self, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _metadata(url: str) -> dict[str, Any]:
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "jwks_uri": f"{url}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }


def _identity(known: Identities, nonce: str) -> str:
    now = int(time.time())
    claims = {
        "iss": known.url,
        "aud": CLIENT,
        "sub": known.account or f"id of {known.name.lower()}",
        "iat": now,
        "exp": now + 600,
        "nonce": nonce,
        "name": known.name.title(),
        "preferred_username": known.name,
        "picture": "",
        "profile": "",
    }
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims, known.key)
