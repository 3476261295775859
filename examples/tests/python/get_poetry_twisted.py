"""Gets the poem of each port by a Deferred of Twisted, and prints them in the order in which they are whole."""

import sys

from twisted.internet import defer, endpoints, protocol, task


class Poetry(protocol.Protocol):
    def __init__(self):
        self.pieces = []
        self.whole = defer.Deferred()

    def dataReceived(self, data):
        self.pieces.append(data)

    def connectionLost(self, reason):
        self.whole.callback(b"".join(self.pieces))


def get_poem(reactor, port):
    server = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port))
    connected = endpoints.connectProtocol(server, Poetry())
    connected.addCallback(lambda poetry: poetry.whole)
    return connected.addCallback(sys.stdout.buffer.write)


def main(reactor, *ports):
    return defer.gatherResults([get_poem(reactor, port) for port in ports])


task.react(main, sys.argv[1:])
