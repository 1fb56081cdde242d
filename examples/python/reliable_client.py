"""REQ client that asks COUNT times, again after each second. reliable_client.py ENDPOINT COUNT"""
import sys

import zmq

endpoint, count = sys.argv[1], int(sys.argv[2])
with zmq.Context() as context, context.socket(zmq.REQ) as socket:
    socket.setsockopt(zmq.REQ_RELAXED, 1)
    socket.setsockopt(zmq.REQ_CORRELATE, 1)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    for _ in range(count):
        socket.send(b"Are you OK?")
        while not socket.poll(1000):
            socket.send(b"Are you OK?")
        print("response", socket.recv().decode(), flush=True)
