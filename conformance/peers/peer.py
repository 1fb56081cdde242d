"""Sockets of another implementation, driven line by line; conformance/src/foreign/serve.rs is its
twin on FerroMQ, and describes the commands.

peer.py pyzmq|pyomq
"""

import importlib
import sys
from threading import Thread
from time import monotonic

CELL = 251
LONGEST = 4096
WAIT = 10_000
TEXTS = ("routing_id", "plain_username", "plain_password", "zap_domain")
# Who is known to servers of PLAIN.
USER = ("user", "secret")
# And to those of CURVE.
KEY = "i60s^J<]wFUG44shN*zi078&Ne!=^jBz{7OBN*^X"
# The domain in which everybody of NULL is denied.
CLOSED = b"closed"


def parse(word: str) -> bytes | memoryview:
    if "~" not in word:
        return bytes.fromhex(word.removeprefix("-"))
    size, seed = map(int, word.split("~"))
    return memoryview(cell(seed) * (size // CELL + 1))[:size]


def word(part: bytes) -> str:
    if len(part) <= LONGEST:
        return part.hex() or "-"
    seed, step = part[0], CELL * 4096
    expected = cell(seed) * 4096
    for start in range(0, len(part), step):
        piece = part[start : start + step]
        if piece != expected[: len(piece)]:
            return f"{len(part)}-bytes-that-were-not-sent"
    return f"{len(part)}~{seed}"


def cell(seed: int) -> bytes:
    return bytes((seed + 7 * at) % CELL for at in range(CELL))


class Peer:
    """A socket with the events of its connections."""

    def __init__(self, zmq, context, fence, kind: str, options: list[str]) -> None:
        self.zmq, self.fence, self.kind = zmq, fence, kind
        self.socket = context.socket(getattr(zmq, kind))
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = WAIT
        if kind == "ROUTER":
            self.socket.router_mandatory = 1
        self.is_native = hasattr(zmq, "pyomq_version")
        for option in options:
            name, value = option.split("=")
            is_text = name in TEXTS or name.endswith("key")
            setattr(self.socket, name, parse(value) if is_text else int(value))
            if name == "plain_server" and self.is_native:
                self.socket.set_plain_auth([USER])
            if name == "curve_server" and self.is_native:
                self.socket.set_curve_auth([KEY.encode()])
        # Last, for pyomq ignores options that are set after it.
        self.monitor = self.socket.monitor() if self.is_native else self.socket.get_monitor_socket()

    def event(self, *wanted: str) -> str:
        end = monotonic() + WAIT / 1000
        while (left := end - monotonic()) > 0:
            name, detail = self.next_event(int(left * 1000) + 1)
            if name.startswith(wanted):
                return f"{name} {detail}"
        raise TimeoutError("no such event")

    def next_event(self, timeout: int) -> tuple[str, str]:
        if self.is_native:
            event = self.monitor.recv(timeout)
            return event["event"], str(event.get("reason", ""))
        if not self.monitor.poll(timeout):
            raise TimeoutError("no such event")
        from zmq.utils.monitor import recv_monitor_message

        event = recv_monitor_message(self.monitor)
        return self.zmq.Event(event["event"]).name.lower(), hex(event["value"])

    def bind(self, endpoint: str) -> None:
        self.socket.bind(endpoint)

    def connect(self, endpoint: str) -> None:
        self.socket.connect(endpoint)

    def unbind(self, endpoint: str) -> None:
        self.socket.unbind(endpoint)

    def disconnect(self, endpoint: str) -> None:
        self.socket.disconnect(endpoint)

    def send(self, *words: str) -> None:
        self.socket.send_multipart([parse(word) for word in words])

    def attempt(self, *words: str) -> None:
        self.socket.send_multipart([parse(word) for word in words], self.zmq.NOBLOCK)

    def recv(self) -> str:
        return " ".join(map(word, self.socket.recv_multipart()))

    def take(self) -> str:
        return " ".join(map(word, self.socket.recv_multipart(self.zmq.NOBLOCK)))

    def wait(self, within: str) -> str:
        self.socket.poll(int(within))
        return self.take()

    def expect(self) -> None:
        if not self.socket.poll(WAIT):
            raise TimeoutError("no message")

    def settle(self) -> None:
        """Three times, what the thread that tells of connections, and the one that ends sockets, had
        to do is done, and the mailbox in which they leave their news for the socket is emptied."""
        for _ in range(3):
            self.fence.pass_through()
            self.fence.reap()
            self.socket.getsockopt(self.zmq.EVENTS)

    def subscribe(self, topic: str) -> None:
        if self.kind == "XSUB":
            self.socket.send(b"\1" + parse(topic))
        else:
            self.socket.subscribe(parse(topic))

    def unsubscribe(self, topic: str) -> None:
        if self.kind == "XSUB":
            self.socket.send(b"\0" + parse(topic))
        else:
            self.socket.unsubscribe(parse(topic))

    def close(self) -> None:
        if not self.is_native:
            self.socket.disable_monitor()
        self.socket.close(linger=0)


class Fence:
    """Two sockets, between which messages go through the context's one I/O thread."""

    def __init__(self, zmq, context) -> None:
        self.sockets = []
        self.ends = 0
        self.zmq, self.context = zmq, context

    def pass_through(self) -> None:
        if not self.sockets:
            near, far = (self.context.socket(self.zmq.PAIR) for _ in range(2))
            near.bind("tcp://127.0.0.1:*")
            far.connect(near.last_endpoint)
            self.sockets = [near, far]
        self.sockets[0].send(b"")
        self.sockets[1].recv()

    def reap(self) -> None:
        """One more socket ends: the thread that does so has ended those before it."""
        ended, monitor = (self.context.socket(self.zmq.PAIR) for _ in range(2))
        self.ends += 1
        place = f"inproc://end of {self.ends}"
        ended.monitor(place, self.zmq.EVENT_MONITOR_STOPPED)
        monitor.connect(place)
        ended.close()
        monitor.recv_multipart()
        monitor.close()


def authenticate(zmq, context) -> None:
    """libzmq's servers ask a handler in their process. It gives nobody a user id: a REQ that serves
    who has one ends the connection at the first reply."""
    handler = context.socket(zmq.REP)
    handler.bind("inproc://zeromq.zap.01")
    known = [zmq.utils.z85.decode(KEY)]
    user = [text.encode() for text in USER]

    def answer() -> None:
        while True:
            version, number, domain, _, _, mechanism, *shown = handler.recv_multipart()
            welcome = {b"NULL": domain != CLOSED, b"PLAIN": shown == user, b"CURVE": shown == known}
            status = b"200" if welcome[mechanism] else b"400"
            handler.send_multipart([version, number, status, b"", b"", b""])

    Thread(target=answer, daemon=True).start()


def main() -> None:
    zmq = importlib.import_module({"pyzmq": "zmq"}.get(sys.argv[1], sys.argv[1]))
    context = zmq.Context()
    fence = Fence(zmq, context)
    if sys.argv[1] == "pyzmq":
        importlib.import_module("zmq.utils.z85")
        authenticate(zmq, context)
    peers: dict[str, Peer] = {}

    def run(command: str, name: str, *words: str) -> str | None:
        if command == "socket":
            peers[name] = Peer(zmq, context, fence, words[0], list(words[1:]))
            return None
        peer = peers.pop(name) if command == "close" else peers[name]
        return getattr(peer, command)(*words)

    for line in sys.stdin:
        try:
            answer = f"ok {run(*line.split()) or ''}"
        except (zmq.ZMQError, TimeoutError) as problem:
            answer = f"no {type(problem).__name__} {problem}"
        print(answer.rstrip(), flush=True)


main()
