"""The test peer of `cargo xtask interop`, on pyzmq; examples/examples/interop_peer.rs is its twin.

interop_peer.py TYPE bind|connect MODE COUNT SEED ENDPOINT...

Modes that send: `send` (probes until told `go`, then COUNT messages), `ask` (COUNT requests, each
answered before the next), `exchange` and `exchange+` (COUNT requests, up to 20 under way; `+`: with
an empty delimiter), `route` (ROUTER: the same, in turn to `router1` to `router3`), `tick` (a request per line of input), `flow` (PROCESS.NUMBER for ever), `topics` (all
topics, round after round), `burst` (COUNT large numbered messages after `go`), `once` (one message,
the number SEED), `leave` (DEALER: a hello, one answer read, then 1 MiB, and off).

Modes that receive: `recv`, `echo:N` (sends back; N parts of envelope), `watch` (prints numbers),
`live` (subscribes to 10 000 topics, prints `all ROUND` when each arrived), `answers` (ROUTER for
`leave`).

Prints one line per event: `ready SEED` (first probe), `s DIGEST`, `r DIGEST`; a digest is
`length:crc32` of each part.
"""

import os
import queue
import sys
import threading
import time
import zlib

import zmq

PROBE = b"probe"
TOPICS = 10_000
WINDOW = 20
SIZES = (0, 1, 255, 256)
MASK = (1 << 64) - 1


class Dice:
    """Random numbers by xorshift, the same in both twins."""

    def __init__(self, seed: int) -> None:
        self.state = (seed * 0x9E3779B97F4A7C15 + 1) & MASK | 1

    def roll(self) -> int:
        x = self.state
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        self.state = x
        return x


class Content:
    """Messages of one to three parts of 0, 1, 255, 256, 64 Ki and 1 Mi bytes."""

    def __init__(self, seed: int) -> None:
        fill = Dice(1)
        words = ((1 << 20) + 4096) // 8
        self.bytes = b"".join(fill.roll().to_bytes(8, "little") for _ in range(words))
        self.dice = Dice(seed)

    def message(self) -> list[bytes]:
        return [self.part() for _ in range(1 + self.dice.roll() % 3)]

    def part(self) -> bytes:
        pick = self.dice.roll() % 64
        size = 1 << 20 if pick == 0 else 1 << 16 if pick < 5 else SIZES[pick % 4]
        start = self.dice.roll() % 4096
        return self.bytes[start : start + size]


def digest(parts: list[bytes]) -> str:
    return ",".join(f"{len(part)}:{zlib.crc32(part):08x}" for part in parts)


def say(*words: object) -> None:
    print(*words, flush=True)


def input_lines() -> "queue.Queue[str]":
    lines: "queue.Queue[str]" = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line.strip())

    threading.Thread(target=read, daemon=True).start()
    return lines


def probe_until_told(socket: zmq.Socket, seed: int) -> None:
    lines = input_lines()
    while lines.empty():
        socket.send_multipart([PROBE, str(seed).encode()])
        time.sleep(0.02)


def send(socket: zmq.Socket, count: int, seed: int) -> None:
    content = Content(seed)
    probe_until_told(socket, seed)
    for _ in range(count):
        message = content.message()
        socket.send_multipart(message)
        say("s", digest(message))


def ask(socket: zmq.Socket, count: int, seed: int) -> None:
    content = Content(seed)
    for _ in range(count):
        message = content.message()
        socket.send_multipart(message)
        say("s", digest(message))
        say("r", digest(socket.recv_multipart()))


def exchange(socket: zmq.Socket, count: int, seed: int, envelope: list[bytes]) -> None:
    content = Content(seed)
    for number in range(count + WINDOW):
        if number < count:
            message = content.message()
            socket.send_multipart(envelope + message)
            say("s", digest(message))
        if number >= WINDOW:
            reply = socket.recv_multipart()
            assert reply[: len(envelope)] == envelope, reply[:2]
            say("r", digest(reply[len(envelope) :]))


def route(socket: zmq.Socket, count: int, seed: int) -> None:
    content = Content(seed)
    socket.router_mandatory = 1
    for number in range(count + WINDOW):
        if number < count:
            message = content.message()
            send_when_known(socket, [b"router%d" % (number % 3 + 1), *message])
            say("s", digest(message))
        if number >= WINDOW:
            say("r", digest(socket.recv_multipart()[1:]))


def send_when_known(socket: zmq.Socket, message: list[bytes]) -> None:
    while True:
        try:
            return socket.send_multipart(message)
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            time.sleep(0.01)


def tick(socket: zmq.Socket, envelope: list[bytes]) -> None:
    lines = input_lines()
    while True:
        socket.send_multipart([*envelope, lines.get().encode()])
        say(socket.recv_multipart()[-1].decode())


def flow(socket: zmq.Socket) -> None:
    number = 0
    while True:
        socket.send(b"%d.%d" % (os.getpid(), number))
        number += 1
        time.sleep(0.001)


def topics(socket: zmq.Socket) -> None:
    number = 0
    while True:
        number += 1
        for topic in range(TOPICS):
            socket.send_multipart([b"t%05d" % topic, b"%d.%d" % (os.getpid(), number)])
            if topic % 250 == 0:
                time.sleep(0.005)
        time.sleep(0.1)


def live(socket: zmq.Socket) -> None:
    for topic in range(TOPICS):
        socket.subscribe(b"t%05d" % topic)
    current, seen = b"", set()
    while True:
        topic, number = socket.recv_multipart()
        if number != current:
            current, seen = number, set()
        seen.add(topic)
        if len(seen) == TOPICS:
            say("all", number.decode())


def burst(socket: zmq.Socket, count: int, seed: int) -> None:
    probe_until_told(socket, seed)
    for number in range(count):
        socket.send(b"%d " % number + bytes(1000))


def leave(socket: zmq.Socket, seed: int) -> None:
    socket.send(b"hello")
    socket.recv_multipart()
    socket.send_multipart([str(seed).encode(), Content(seed).bytes[: 1 << 20]])


def answers(socket: zmq.Socket) -> None:
    while True:
        who, first, *rest = socket.recv_multipart()
        if not rest:
            for _ in range(20):
                socket.send_multipart([who, bytes(1000)])
        else:
            say(first.decode(), digest(rest))


def receive(socket: zmq.Socket) -> None:
    known = set()
    while True:
        message = socket.recv_multipart()
        if message[0] != PROBE:
            say("r", digest(message))
        elif message[1] not in known:
            known.add(message[1])
            say("ready", message[1].decode())


def echo(socket: zmq.Socket, envelope: int) -> None:
    while True:
        message = socket.recv_multipart()
        say("r", digest(message[envelope:]))
        socket.send_multipart(message)


def watch(socket: zmq.Socket) -> None:
    known = set()
    while True:
        message = socket.recv_multipart()
        if message[0] != PROBE:
            say(message[0].split(b" ")[0].decode())
        elif message[1] not in known:
            known.add(message[1])
            say("ready", message[1].decode())


def run(socket: zmq.Socket, mode: str, count: int, seed: int) -> None:
    mode, _, envelope = mode.partition(":")
    modes = {
        "send": lambda: send(socket, count, seed),
        "ask": lambda: ask(socket, count, seed),
        "exchange": lambda: exchange(socket, count, seed, []),
        "exchange+": lambda: exchange(socket, count, seed, [b""]),
        "route": lambda: route(socket, count, seed),
        "tick": lambda: tick(socket, []),
        "tick+": lambda: tick(socket, [b""]),
        "flow": lambda: flow(socket),
        "topics": lambda: topics(socket),
        "burst": lambda: burst(socket, count, seed),
        "once": lambda: socket.send(str(seed).encode()),
        "leave": lambda: leave(socket, seed),
        "recv": lambda: receive(socket),
        "echo": lambda: echo(socket, int(envelope)),
        "watch": lambda: watch(socket),
        "live": lambda: live(socket),
        "answers": lambda: answers(socket),
    }
    modes[mode]()


def main() -> None:
    kind, side, mode, count, seed = sys.argv[1:6]
    with zmq.Context() as context, context.socket(getattr(zmq, kind.upper())) as socket:
        if mode in ("send", "live"):
            # libzmq gives room back in steps: a PUB at the mark would drop messages, and a SUB
            # drops subscriptions beyond it.
            socket.sndhwm = 0
        if mode != "live" and kind == "sub":
            socket.subscribe(b"")
        if kind == "router":
            socket.routing_id = b"router%d" % int(seed)
        for endpoint in sys.argv[6:]:
            (socket.bind if side == "bind" else socket.connect)(endpoint)
        if kind == "xsub":
            socket.send(b"\x01")
        run(socket, mode, int(count), int(seed))


main()
