"""Gets the poem of one port after the other, by calls that block, and prints them in that order."""

import socket
import sys

for port in sys.argv[1:]:
    with socket.create_connection(("127.0.0.1", int(port))) as server:
        while piece := server.recv(1024):
            sys.stdout.buffer.write(piece)
