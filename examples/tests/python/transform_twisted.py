"""Has a poem transformed by the server at a port, by Twisted, and prints what comes back: PORT NAME POEM-FILE."""

import sys

from twisted.internet import defer, endpoints, task
from twisted.protocols import basic


class Transform(basic.NetstringReceiver):
    def __init__(self, name, poem):
        self.request = name.encode() + b"." + poem
        self.poems = []
        self.done = defer.Deferred()

    def connectionMade(self):
        self.sendString(self.request)

    def stringReceived(self, poem):
        self.poems.append(poem)

    def connectionLost(self, reason):
        self.done.callback(self.poems)


def main(reactor, port, name, path):
    with open(path, "rb") as file:
        transform = Transform(name, file.read())
    server = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port))
    connected = endpoints.connectProtocol(server, transform)
    connected.addCallback(lambda _: transform.done)
    return connected.addCallback(lambda poems: sys.stdout.buffer.write(b"".join(poems)))


task.react(main, sys.argv[1:])
