"""A process of msgstatus-console, as those use it who sign in."""

import json
import os
import pathlib

from client import request
from receiver import PROGRAM, ROOT, Receiver

BUILT = ROOT / "build/receiver/console/msgstatus-console"
CONSOLE = os.environ.get("MSGSTATUS_CONSOLE", str(pathlib.Path(PROGRAM).with_name("msgstatus-console") if "MSGSTATUS_RECEIVER" in os.environ else BUILT))
PASSWORD = "correct horse"
COOKIE = "msgstatus_session"
SECURE_COOKIE = f"__Host-{COOKIE}"  # behind HTTPS
PEOPLE = {"otto": "operator", "anna": "analyst", "nora": None}  # roles, and the level of each


class Console(Receiver):
    """A running console. Its flags and its log are like those of the receiver."""

    program = CONSOLE

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, target, token=None, headers=None):
        return request(self.port, "GET", target, headers={**cookie(token), **(headers or {})})

    def post(self, target, body, token=None, headers=None):
        """Sends what a page would send; a header that is None is left out."""
        own = {"Content-Type": "application/json", "Origin": self.origin, **cookie(token), **(headers or {})}
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(self.port, "POST", target, body, {name: value for name, value in own.items() if value is not None})

    def sign_in(self, role, password=PASSWORD, token=None, client=None):
        """Signs in, from an address that a proxy tells."""
        return self.post("/api/login", {"role": role, "password": password}, token, {"X-Forwarded-For": client} if client else None)

    def token(self, role):
        """Signs in, and returns the token."""
        answer = self.sign_in(role)
        assert answer.status == 200, answer
        return token_of(answer)


def cookie(token, name=COOKIE):
    return {"Cookie": f"other=1; {name}={token}"} if token else {}


def token_of(answer, name=COOKIE):
    sent, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert sent == name
    return value


def let_passwords_count(server, rules):
    """Makes the roles of people, and has the server ask for passwords."""
    server.execute("postgres", "".join(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';\n" for name in PEOPLE))
    (server.data / "pg_hba.conf").write_text(rules, encoding="utf-8")
    server.execute("postgres", "SELECT pg_reload_conf();")
