"""HTTP as providers and careless clients speak it, and the providers' signatures."""

import base64
import hashlib
import hmac
import http.client
import io
import json
import socket
import urllib.parse

PATIENCE = 30


class Response:
    """A status, headers by lower-case name, and a body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body!r}>"


def request(port, method, target, body=b"", headers=None):
    """Makes one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, target, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


class _NoMore(Exception):
    pass


class Connection:
    """A connection on which bytes are written as given and responses read one by one."""

    def __init__(self, port, tls=None, host="127.0.0.1", source=""):
        """tls is an ssl.SSLContext, with which the handshake is done at once; source is the client's own address."""
        self.socket = socket.create_connection((host, port), timeout=PATIENCE, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            try:
                self.socket = tls.wrap_socket(self.socket, server_hostname="hooks.example.org")
            except BaseException:
                self.socket.close()
                raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise _NoMore
        self.buffer += data

    def read_response(self, head=False):
        """Returns the next response, or None where the connection ends instead."""
        try:
            while b"\r\n\r\n" not in self.buffer:
                self._fill()
            head_bytes, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            status_line, _, header_lines = head_bytes.partition(b"\r\n")
            parsed = http.client.parse_headers(io.BytesIO(header_lines + b"\r\n\r\n"))
            headers = {name.lower(): value for name, value in parsed.items()}
            status = int(status_line.split()[1])
            length = 0 if head or status in (100, 204) else int(headers["content-length"])
            while len(self.buffer) < length:
                self._fill()
        except _NoMore:
            assert not self.buffer, f"a response that ends in the middle: {self.buffer!r}"
            return None
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Response(status, headers, body)

    def post(self, target, body, headers=None):
        """Sends a webhook on the open connection and returns the response."""
        self.send(raw_post(target, body, headers))
        return self.read_response()


def raw_post(target, body, headers=None, content_type="application/json"):
    """Returns the bytes of a POST request."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"POST {target} HTTP/1.1", "Host: hooks.example.org", f"Content-Type: {content_type}",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def meta_signature(secret, body):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def aisensy_signature(secret, body, prefix=""):
    return {"X-AiSensy-Signature": prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def twilio_signature(token, url, fields=(), key=None):
    """Signs as Twilio does; fields are (name, value) pairs. With a key, it is named and the token is its secret."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha256 if key else hashlib.sha1).digest()
    settings = {"X-Twilio-Webhooks-Signature-Settings": f"key={key},algorithm=HMAC_SHA256"} if key else {}
    return {"X-Twilio-Signature": base64.b64encode(digest).decode(), **settings}


def form(fields):
    return urllib.parse.urlencode(fields).encode()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
