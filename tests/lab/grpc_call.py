"""One unary gRPC call at a time, by the standard library: enough to drop what tests leave behind.

Nothing of the answer's headers is read: a call that succeeded has a message, and the message of
every Milvus call has a status. A connection serves one call.
"""

import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = (4, 1 << 24)  # SETTINGS_INITIAL_WINDOW_SIZE
SERVICE = "/milvus.proto.milvus.MilvusService/"


class Refused(Exception):
    """The call was not carried out, and why."""


def text_field(number, text):
    """A string field of a message of Protocol Buffers."""
    data = text.encode()
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def fields(message):
    """The (number, value) pairs of a message; bytes where the field has a length."""
    found, at = [], 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 0x80:
                return value

    while at < len(message):
        tag = number()
        kind = tag & 7
        if kind == 0:
            value = number()
        else:
            size = {1: 8, 5: 4}.get(kind) or number()
            value, at = message[at : at + size], at + size
        found.append((tag >> 3, value))
    return found


def texts(message, wanted):
    """The values of a repeated string field."""
    return [value.decode() for number, value in fields(message) if number == wanted]


def check(status):
    """`error_code` is 1 and `code` is 3; some servers set one only."""
    found = dict(fields(status))
    if found.get(1) or found.get(3):
        raise Refused(found.get(2, b"").decode(errors="replace"))


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """A literal that asks for no place in the dynamic table."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def call(port, rpc, request, timeout):
    """The answer's message; the request is Protocol Buffers already."""
    path = SERVICE + rpc
    headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": f"127.0.0.1:{port}"}
    headers |= {"content-type": "application/grpc", "te": "trailers", "user-agent": "milvus-lab"}
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.settimeout(timeout)
        connection.sendall(
            PREFACE
            + frame(SETTINGS, 0, 0, struct.pack(">HI", *WINDOW))
            + frame(HEADERS, END_HEADERS, 1, b"".join(header(*pair) for pair in headers.items()))
            + frame(DATA, END_STREAM, 1, b"\0" + struct.pack(">I", len(request)) + request)
        )
        with connection.makefile("rb") as stream:
            body = answer(connection, stream)
    if len(body) < 5:
        raise Refused(f"{rpc}: no answer")
    return body[5:]


def answer(connection, stream):
    """What the DATA frames carry, to the end of the call."""
    body = b""
    while True:
        start = stream.read(9)
        if len(start) < 9:
            return body
        kind, flags, number = struct.unpack(">BBI", start[3:])
        payload = stream.read(int.from_bytes(start[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif kind in (RST_STREAM, GOAWAY):
            return body
        elif kind == DATA:
            body += payload
        if kind in (DATA, HEADERS) and number == 1 and flags & END_STREAM:
            return body
