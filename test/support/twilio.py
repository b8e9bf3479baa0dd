#!/usr/bin/env python3
"""A fake Twilio: the two requests of its API that msgstatus-refresh sends, over HTTPS with a certificate authority of its own.

Every message that it gives out is checked against Twilio's own description of the API (../data). As a program,
`twilio.py DIRECTORY [PORT]` serves until it is ended; DIRECTORY gets `ca.pem` and `url`. It then knows every message that it is
asked for, as delivered.
"""

import base64
import datetime
import email.utils
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

import jsonschema

DESCRIPTION = pathlib.Path(__file__).resolve().parents[1] / "data/twilio-messages.openapi.json"
ACCOUNT = "AC" + "a1" * 16
KEY = "SK" + "b2" * 16
SECRET = "the-secret-of-the-key-0123"
LIST = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"


def sid(number, kind="SM"):
    """Returns the SID of a message."""
    return f"{kind}{number:032x}"


def rfc2822(moment):
    return email.utils.format_datetime(datetime.datetime.fromtimestamp(moment, datetime.timezone.utc))


def _schema(path):
    """Returns the JSON schema of the answer to a request."""
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))

    def translated(part):
        # What OpenAPI 3.0 calls nullable, JSON Schema writes as a type.
        if isinstance(part, list):
            return [translated(each) for each in part]
        if not isinstance(part, dict):
            return part
        part = {name: translated(value) for name, value in part.items()}
        if part.pop("nullable", False) and "type" in part:
            part["type"] = [part["type"], "null"]
        return part

    answer = description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return {**translated(answer), "components": translated(description["components"])}


def issue(directory, name, subject="localhost", ca=None):
    """Makes a key and a certificate for localhost, signed by itself or by `ca`, and returns the paths of both."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
               "-subj", f"/CN={name}", "-keyout", key, "-out", certificate]
    if ca is None:
        command += ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    else:
        command += ["-CA", ca.with_suffix(".pem"), "-CAkey", ca.with_suffix(".key"), "-addext", "basicConstraints=critical,CA:FALSE",
                    "-addext", f"subjectAltName=DNS:{subject}"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0 and ca is not None:  # openssl before 3.1 cannot sign by -CA here
        request, extensions = directory / f"{name}.csr", directory / f"{name}.ext"
        extensions.write_text(f"basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:{subject}\n")
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                        "-keyout", key, "-out", request], capture_output=True, check=True)
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-days", "30", "-extfile", extensions, "-CA", ca.with_suffix(".pem"),
                        "-CAkey", ca.with_suffix(".key"), "-CAcreateserial", "-out", certificate], capture_output=True, check=True)
    elif done.returncode != 0:
        raise RuntimeError(done.stderr)
    return certificate, key


class FakeTwilio:
    """A server on a free port. Tests put messages into it, tell it how to misbehave, and read what it was asked."""

    def __init__(self, directory, port=0, invents=False, subject="localhost"):
        issue(directory, "ca")
        certificate, key = issue(directory, "server", subject, directory / "ca")
        self.ca = directory / "ca.pem"
        self.invents = invents
        self.accounts = {ACCOUNT}
        self.refused = {}  # the status with which the key is not let in, by account
        self.secret = SECRET
        self.messages = {}
        self.misbehaviour = {}  # by SID, or by "list": what to do instead, once each
        self.everywhere = []  # the same for any request
        self.page_size = 1000
        self.requests = []  # (time, path with query)
        self.errors = []
        self._schemas = {path: jsonschema.Draft4Validator(_schema(path)) for path in (ONE, LIST)}
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._released.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, message, status="delivered", account=ACCOUNT, age=60, **fields):
        """Puts a message in, sent so many seconds ago, and returns it."""
        sent = int(time.time()) - age
        self.accounts.add(account)
        uri = f"/2010-04-01/Accounts/{account}/Messages/{message}"
        self.messages[message] = {
            "account_sid": account, "api_version": "2010-04-01", "body": "hello", "date_created": rfc2822(sent),
            "date_sent": rfc2822(sent), "date_updated": rfc2822(sent + 5), "direction": "outbound-api", "error_code": None,
            "error_message": None, "from": "whatsapp:+15005550006", "messaging_service_sid": None, "num_media": "0",
            "num_segments": "1", "price": None, "price_unit": "USD", "sid": message, "status": status,
            "subresource_uris": {"media": f"{uri}/Media.json", "feedback": f"{uri}/Feedback.json"},
            "to": "whatsapp:+14155550100", "uri": f"{uri}.json", **fields}
        return self.messages[message]

    def misbehave(self, what, *answers):
        """Lets the next requests for a message (or "list") be answered otherwise.

        An answer is a status, (status, headers), or one of hang, oversize, redirect, broken, another, html.
        """
        self.misbehaviour.setdefault(what, []).extend(answers)

    def asked(self, part=""):
        """Returns the requests whose path contains a text."""
        with self._lock:
            return [path for _, path in self.requests if part in path]

    def times(self):
        with self._lock:
            return [moment for moment, _ in self.requests]

    def _checked(self, path, document):
        for error in self._schemas[path].iter_errors(document):
            self.errors.append(error.message)
        return document

    def _page(self, account, query, path):
        since, until, day = (query.get(name, [""])[0] for name in ("DateSent>", "DateSent<", "DateSent"))

        def day_of(message):
            return email.utils.parsedate_to_datetime(message["date_sent"]).date().isoformat()

        found = [m for m in self.messages.values() if m["account_sid"] == account and m["date_sent"] is not None
                 and day_of(m) >= since and (not until or day_of(m) <= until) and (not day or day_of(m) == day)]
        found.sort(key=lambda m: m["sid"])
        size = min(int(query.get("PageSize", ["50"])[0]), self.page_size)
        number = int(query.get("Page", ["0"])[0])
        part = found[number * size:(number + 1) * size]
        base = urllib.parse.urlsplit(path).path
        arguments = {name: values[0] for name, values in query.items() if name not in ("Page", "PageToken")}

        def page(n):
            return f"{base}?{urllib.parse.urlencode({**arguments, 'Page': n, 'PageToken': f'PASM{n}'})}"

        return {"messages": part, "page": number, "page_size": size, "start": number * size,
                "end": number * size + max(len(part) - 1, 0), "uri": path, "first_page_uri": page(0),
                "previous_page_uri": page(number - 1) if number > 0 else None,
                "next_page_uri": page(number + 1) if (number + 1) * size < len(found) else None}

    def _handler(fake):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def log_message(self, *_):
                pass

            def answer(self, status, document, headers=None):
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def error(self, status, code, headers=None):
                self.answer(status, {"code": code, "message": "The requested resource was not found or so", "status": status,
                                     "more_info": f"https://www.twilio.com/docs/errors/{code}"}, headers)

            def do_GET(self):
                with fake._lock:
                    fake.requests.append((time.monotonic(), self.path))
                split = urllib.parse.urlsplit(self.path)
                parts = split.path.split("/")
                expected = base64.b64encode(f"{KEY}:{fake.secret}".encode()).decode()
                if self.headers.get("Authorization") != f"Basic {expected}":
                    return self.error(401, 20003)
                if len(parts) < 5 or parts[1:3] != ["2010-04-01", "Accounts"]:
                    return self.error(404, 20404)
                account, what = parts[3], parts[5].removesuffix(".json") if len(parts) == 6 else "list"
                if account in fake.refused:
                    return self.error(fake.refused[account], 20003)
                with fake._lock:
                    planned = fake.everywhere or fake.misbehaviour.get(what)
                    instead = planned.pop(0) if planned else None
                if instead is not None:
                    return self.misbehave(instead, what)
                if fake.invents and what != "list" and what not in fake.messages:
                    fake.add(what, account=account, price="-0.00750")
                if account not in fake.accounts:
                    return self.error(404, 20404)
                if what == "list":
                    return self.answer(200, fake._checked(LIST, fake._page(account, urllib.parse.parse_qs(split.query), self.path)))
                message = fake.messages.get(what)
                if message is None or message["account_sid"] != account:
                    return self.error(404, 20404)
                return self.answer(200, fake._checked(ONE, message))

            def misbehave(self, instead, what):
                status, headers = instead if isinstance(instead, tuple) else (instead, {})
                if isinstance(status, int):
                    return self.error(status, {401: 20003, 403: 20403, 404: 20404, 429: 20429}.get(status, 20500), headers)
                message = fake.messages.get(what, {"sid": what})
                if status == "hang":
                    fake._released.wait(30)
                    self.close_connection = True
                    return None
                if status == "oversize":
                    return self.answer(200, {**message, "body": "x" * 70000})
                if status == "redirect":
                    return self.answer(302, b"", {"Location": f"{fake.url}/elsewhere/{what}"})
                if status == "broken":
                    return self.answer(200, json.dumps(message).encode()[:-20])
                if status == "another":
                    return self.answer(200, {**message, "sid": sid(0xffff)})
                if status == "null":
                    return self.answer(200, {**message, "body": "\0"})
                assert status == "html"
                return self.answer(404, b"<html>404 Not Found</html>", {"Content-Type": "text/html"})

        return Handler


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    with FakeTwilio(directory, int(sys.argv[2]) if len(sys.argv) > 2 else 0, invents=True) as fake:
        (directory / "url").write_text(fake.url + "\n", encoding="utf-8")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
