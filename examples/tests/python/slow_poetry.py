"""Serves a poem to one client after the other: ten bytes, and then it sleeps, as the tutorial's first server does."""

import socket
import sys
import time

with open(sys.argv[1], "rb") as file:
    poem = file.read()
listener = socket.create_server(("127.0.0.1", 0))
print("Serving on 127.0.0.1:%d." % listener.getsockname()[1], flush=True)

while True:
    client, _ = listener.accept()
    with client:
        for start in range(0, len(poem), 10):
            client.sendall(poem[start : start + 10])
            time.sleep(0.0002)
