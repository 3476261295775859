"""Transforms a poem a connection, by Twisted: `cummingsify` makes its letters small."""

from twisted.internet import protocol, reactor
from twisted.protocols import basic


class Transforming(basic.NetstringReceiver):
    def stringReceived(self, request):
        name, poem = request.split(b".", 1)
        if name == b"cummingsify":
            self.sendString(poem.lower())
        self.transport.loseConnection()


factory = protocol.Factory.forProtocol(Transforming)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print("Serving on 127.0.0.1:%d." % port.getHost().port, flush=True)
reactor.run()
