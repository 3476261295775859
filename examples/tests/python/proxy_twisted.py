"""Passes the poem of the server at a port on to everyone, by Twisted, and asks for it once."""

import sys

from twisted.internet import defer, endpoints, protocol, reactor


class Fetch(protocol.Protocol):
    def __init__(self):
        self.pieces = []
        self.whole = defer.Deferred()

    def dataReceived(self, data):
        self.pieces.append(data)

    def connectionLost(self, reason):
        self.whole.callback(b"".join(self.pieces))


class Proxy(protocol.Protocol):
    def connectionMade(self):
        poem = self.factory.get_poem()
        poem.addCallback(self.transport.write)
        poem.addBoth(lambda _: self.transport.loseConnection())


class ProxyFactory(protocol.Factory):
    protocol = Proxy
    poem = None

    def get_poem(self):
        if self.poem is not None:
            return defer.succeed(self.poem)
        server = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(sys.argv[1]))
        fetched = endpoints.connectProtocol(server, Fetch())
        fetched.addCallback(lambda fetch: fetch.whole)
        return fetched.addCallback(self.keep)

    def keep(self, poem):
        self.poem = poem
        return poem


port = reactor.listenTCP(0, ProxyFactory(), interface="127.0.0.1")
print("Proxying on 127.0.0.1:%d." % port.getHost().port, flush=True)
reactor.run()
