"""Keeps a server on 127.0.0.1.

Milvus has no setting for its listening address: it binds every component to all interfaces. The
server therefore starts under a seccomp filter that hands each bind() to its supervisor, which
rewrites a wildcard address to 127.0.0.1 in the server's memory before the call goes on.
Milvus 2.2 also registers its parts under the machine's own address, so there connect() to an own
address is rewritten too. x86_64 Linux 5.9 or newer.
"""

import ctypes
import errno
import fcntl
import socket
import struct

NR_BIND = 49
NR_CONNECT = 42
NR_SECCOMP = 317
NOTIF_RECV = 0xC0502100
NOTIF_SEND = 0xC0182101
NOTIF_CONTINUE = 1
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SIOCGIFADDR = 0x8915
LOOPBACK = b"\x7f\0\0\1"

libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal):
    """Asks the kernel to send `signal` to this process when its parent ends."""
    if libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def own_ipv4():
    """This machine's own IPv4 addresses other than loopback, packed."""
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                found.add(fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)[20:24])
            except OSError:
                pass
    return {address for address in found if address[0] != 127}


def trap(also):
    """In the server to be: traps bind() and the system call `also`; returns the listener."""
    # ld arch; other than x86_64 -> allow; ld nr; bind or `also` -> notify; allow
    program = [
        (0x20, 0, 0, 4),
        (0x15, 0, 4, 0xC000003E),
        (0x20, 0, 0, 0),
        (0x15, 1, 0, NR_BIND),
        (0x15, 0, 1, also),
        (0x06, 0, 0, 0x7FC00000),
        (0x06, 0, 0, 0x7FFF0000),
    ]
    blob = b"".join(struct.pack("<HBBI", *step) for step in program)
    steps = ctypes.create_string_buffer(blob, len(blob))
    header = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(steps))
    filter_ = ctypes.create_string_buffer(header, len(header))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(NR_SECCOMP, 1, 8, ctypes.byref(filter_))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def rewritten(call, address, own):
    """The address to use in place of `address`, or None."""
    family = struct.unpack_from("<H", address, 0)[0] if len(address) >= 2 else -1
    four = family == socket.AF_INET and len(address) >= 16
    six = family == socket.AF_INET6 and len(address) >= 28
    if call == NR_CONNECT:
        if four and address[4:8] in own:
            return address[:4] + LOOPBACK + address[8:]
    elif four and address[4:8] == bytes(4):
        return address[:4] + LOOPBACK + address[8:]
    elif six and address[8:24] == bytes(16):
        return address[:8] + bytes(10) + b"\xff\xff" + LOOPBACK + address[24:]
    return None


def answer_one(listener, own, log):
    """Handles one trapped call. Returns False when there is nobody left to trap."""
    request = ctypes.create_string_buffer(80)
    try:
        fcntl.ioctl(listener, NOTIF_RECV, request, True)
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.EINTR)
    number, pid, _ = struct.unpack_from("<QII", request.raw, 0)
    call = struct.unpack_from("<i", request.raw, 16)[0]
    arguments = struct.unpack_from("<6Q", request.raw, 32)
    try:
        with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
            memory.seek(arguments[1])
            address = memory.read(min(arguments[2], 28))
            new = rewritten(call, address, own)
            if new is not None:
                memory.seek(arguments[1])
                memory.write(new)
    except OSError as error:
        print(f"address hook: {error}", file=log, flush=True)
    try:
        fcntl.ioctl(listener, NOTIF_SEND, bytearray(struct.pack("<QqiI", number, 0, 0, NOTIF_CONTINUE)), True)
    except OSError:
        pass  # the caller is gone
    return True


def trapped_calls(version):
    """What `trap` should trap beside bind()."""
    return NR_CONNECT if version == "2.2.16" else NR_BIND
