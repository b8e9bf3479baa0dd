"""Requests that one program reads in another way than the next: refused with 400, and the connection ends there, so that
nothing behind them is taken for a request. RFC 9112, sections 2.2, 3.2, 5, 6.3, 7.1 and 11.2."""

import pytest

from client import Connection, raw_post
from webhooks import new_id, one

HEAD = b"POST /webhook HTTP/1.1\r\nHost: a\r\n"
JSON = b"Content-Length: 2\r\n\r\n{}"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"

LENGTHS = {
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "a hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "a length with a space in it": HEAD + b"Content-Length: 2 0\r\n\r\n{}",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n{}",
    "a length beyond 64 bits": HEAD + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "a length, then chunked": HEAD + b"Content-Length: 2\r\n" + CHUNKED + CHUNKS,
    "chunked, then a length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" + CHUNKS,
    "another coding and a length": HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
}

CODINGS = {
    "chunked twice": b"Transfer-Encoding: chunked\r\n" + CHUNKED,
    "chunked twice in a list": b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "chunked after another": b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunked after another, in two headers": b"Transfer-Encoding: gzip\r\n" + CHUNKED,
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\n",
    "no coding": b"Transfer-Encoding:\r\n\r\n",
    "a parameter": b"Transfer-Encoding: chunked;q=1\r\n\r\n",
    "quoted": b'Transfer-Encoding: "chunked"\r\n\r\n',
    "a vertical tab before it": b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    "a NUL after it": b"Transfer-Encoding: chunked\x00\r\n\r\n",
}

LINES = {
    "LF everywhere": b"POST /webhook HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}",
    "LF after the request line": b"POST /webhook HTTP/1.1\nHost: a\r\n" + JSON,
    "LF after a header": b"POST /webhook HTTP/1.1\r\nHost: a\n" + JSON,
    "LF in a value": HEAD + b"X: a\nTransfer-Encoding: chunked\r\n" + JSON,
    "LF before the body": HEAD + b"Content-Length: 2\r\n\n{}",
    "CR after the request line": b"POST /webhook HTTP/1.1\rHost: a\r\n" + JSON,
    "CR in a value": HEAD + b"X: a\rTransfer-Encoding: chunked\r\n" + JSON,
    "CR CR LF": HEAD + b"X: a\r\r\n" + JSON,
    "LF before the request": b"\n" + HEAD + JSON,
    "CR before the request": b"\r" + HEAD + JSON,
    "a space before the request": b" " + HEAD + JSON,
    "a folded header": HEAD + b"X: a\r\n b\r\n" + JSON,
    "a folded header, with a tab": HEAD + b"X: a\r\n\tb\r\n" + JSON,
    "a folded length": HEAD + b"Content-Length:\r\n 2\r\n\r\n{}",
    "a blank before the first header": b"POST /webhook HTTP/1.1\r\n Host: a\r\n" + JSON,
    "a space before the colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "a tab before the colon": HEAD + b"Transfer-Encoding\t: chunked\r\n" + JSON,
    "no name": HEAD + b": x\r\n" + JSON,
    "no colon": HEAD + b"X\r\n" + JSON,
    "a space in a name": HEAD + b"X Y: z\r\n" + JSON,
    "NUL in a value": HEAD + b"X: a\x00b\r\n" + JSON,
    "NUL in a name": HEAD + b"X\x00: a\r\n" + JSON,
    "NUL in the target": b"POST /web\x00hook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "two spaces in the request line": b"POST  /webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "tabs in the request line": b"POST\t/webhook\tHTTP/1.1\r\nHost: a\r\n" + JSON,
    "HTTP/0.9": b"POST /webhook\r\n\r\n",
}

HOSTS = {
    "no host": b"POST /webhook HTTP/1.1\r\n" + JSON,
    "two hosts": HEAD + b"Host: b\r\n" + JSON,
    "the same host twice": HEAD + b"Host: a\r\n" + JSON,
    "two hosts in HTTP/1.0": b"POST /webhook HTTP/1.0\r\nHost: a\r\nHost: b\r\n" + JSON,
    "a list of hosts": b"POST /webhook HTTP/1.1\r\nHost: a, b\r\n" + JSON,
    "a host with a path": b"POST /webhook HTTP/1.1\r\nHost: a/b\r\n" + JSON,
    "a host with a user": b"POST /webhook HTTP/1.1\r\nHost: a@b\r\n" + JSON,
    "a URL of another host": b"POST http://b/webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "a URL of another port": b"POST http://a:81/webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "a URL with a user": b"POST http://b@a/webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "a URL without a host": b"POST http:///webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "a URL of another scheme": b"POST ftp://a/webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "a path without a slash": b"POST webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
    "an authority": b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
}

CHUNKED_BODIES = {
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "no number": b"z\r\n{}\r\n0\r\n\r\n",
    "a sign": b"+2\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "0x": b"0x2\r\n{}\r\n0\r\n\r\n",
    "a space before the size": b" 2\r\n{}\r\n0\r\n\r\n",
    "a space after the size": b"2 \r\n{}\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    "LF after the size": b"2\n{}\r\n0\r\n\r\n",
    "LF after the data": b"2\r\n{}\n0\r\n\r\n",
    "LF after the last size": b"2\r\n{}\r\n0\n\n",
    "LF at the end": b"2\r\n{}\r\n0\r\n\n",
    "data longer than the size": b"2\r\n{} \r\n0\r\n\r\n",
    "data shorter than the size": b"5\r\n{}\r\n0\r\n\r\n",
    "LF in an extension": b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    "CR in an extension": b"2;a\rb\r\n{}\r\n0\r\n\r\n",
    "NUL in an extension": b"2;a\x00b\r\n{}\r\n0\r\n\r\n",
    "LF in a quoted extension": b'2;a="\nb"\r\n{}\r\n0\r\n\r\n',
    "NUL in a quoted extension": b'2;a="\x00"\r\n{}\r\n0\r\n\r\n',
    "CR in a quoted extension of the last size": b'2\r\n{}\r\n0;a="\r"\r\n\r\n',
    "an endless extension": b"2;" + b"a" * 40000,
    "an endless trailer": b"2\r\n{}\r\n0\r\nX: " + b"a" * 40000,
    "a length in the trailer": b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a folded trailer": b"2\r\n{}\r\n0\r\nX: y\r\n z\r\n\r\n",
    "a coding in the trailer": b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "LF in the trailer": b"2\r\n{}\r\n0\r\nX: y\nZ: a\r\n\r\n",
}

SHAPES = {**LENGTHS, **LINES, **HOSTS,
          **{"coding: " + name: HEAD + lines + CHUNKS for name, lines in CODINGS.items()},
          "coding: chunked in HTTP/1.0": b"POST /webhook HTTP/1.0\r\nHost: a\r\n" + CHUNKED + CHUNKS,
          **{"chunks: " + name: HEAD + CHUNKED + body for name, body in CHUNKED_BODIES.items()}}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_refused_and_closed(open_receiver, database, shape):
    smuggled = new_id()
    with Connection(open_receiver.port) as connection:
        connection.send(shape + raw_post("/webhook", one(smuggled)))
        answer = connection.read_response()
        assert answer is not None and answer.status == 400, answer
        assert answer.json["status"] == "error"
        assert answer.headers["connection"] == "close"
        assert connection.read_response() is None, "one answer, and no more"
    assert database.states(smuggled) == {}, "what stood behind it is no request"


@pytest.mark.parametrize("shape", [HEAD + JSON, HEAD + CHUNKED + CHUNKS, b"\r\n\r\n" + HEAD + JSON,
                                   b"POST http://A/webhook HTTP/1.1\r\nHost: a\r\n" + JSON,
                                   b"POST /webhook HTTP/1.1\r\nHost:\r\n" + JSON,
                                   b"POST /webhook HTTP/1.1\r\nHost: [::1]:8080\r\n" + JSON,
                                   HEAD + b"Content-Length: 2 \t\r\n\r\n{}",
                                   HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2;a=\"b\"\r\n{}\r\n000\r\nX: y\r\n\r\n"])
def test_what_looks_alike_and_is_right(open_receiver, shape):
    with Connection(open_receiver.port) as connection:
        for piece in (shape, shape):
            connection.send(piece)
            assert connection.read_response().status == 200


@pytest.mark.parametrize("shape", [LINES["LF in a value"], LINES["a folded header"], LENGTHS["two lengths"],
                                   CODINGS["chunked not last"], CHUNKED_BODIES["LF at the end"]])
def test_refused_also_when_it_comes_byte_by_byte(open_receiver, shape):
    if not shape.startswith(b"POST"):
        shape = HEAD + (CHUNKED if shape in CHUNKED_BODIES.values() else b"") + shape
    with Connection(open_receiver.port) as connection:
        try:
            for byte in shape:
                connection.send(bytes([byte]))
        except ConnectionError:
            pass  # it is refused before it is whole
        assert connection.read_response().status == 400
        assert connection.read_response() is None
