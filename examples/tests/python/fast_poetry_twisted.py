"""Serves a poem to everyone at once, by Twisted."""

import sys

from twisted.internet import protocol, reactor


class Poetry(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(poem)
        self.transport.loseConnection()


with open(sys.argv[1], "rb") as file:
    poem = file.read()
port = reactor.listenTCP(0, protocol.Factory.forProtocol(Poetry), interface="127.0.0.1")
print("Serving on 127.0.0.1:%d." % port.getHost().port, flush=True)
reactor.run()
