"""The three programs on Twisted."""

import common

from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import defer, protocol, reactor, task


class AtOnce(protocol.Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)


class Echo(AtOnce):
    def dataReceived(self, data):
        self.transport.write(data)


class Poem(AtOnce):
    def connectionMade(self):
        super().connectionMade()
        self.transport.write(self.factory.poem)
        self.transport.loseConnection()


class Fetch(AtOnce):
    def dataReceived(self, data):
        self.factory.bytes += len(data)

    def connectionLost(self, reason):
        self.factory.one_has_gone()


class FetchFactory(protocol.ClientFactory):
    protocol = Fetch
    noisy = False

    def __init__(self, poems, at_once):
        self.to_begin = poems
        self.to_finish = poems
        self.bytes = 0
        self.done = defer.Deferred()
        for _ in range(min(poems, at_once)):
            self.begin()

    def begin(self):
        if self.to_begin > 0:
            self.to_begin -= 1
            host, port, _ = common.fetch_arguments()
            reactor.connectTCP(host, port, self)

    def one_has_gone(self):
        self.to_finish -= 1
        self.begin()
        if self.to_finish == 0:
            self.done.callback(self.bytes)

    def clientConnectionFailed(self, connector, reason):
        self.done.errback(reason)


def listen(kind):
    factory = protocol.Factory.forProtocol(kind)
    factory.noisy = False
    if kind is Poem:
        factory.poem = common.payload(int(common.ARGUMENTS[0]))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1", backlog=1024)
    common.end_with_parent()
    common.say(port.getHost().port)
    reactor.run()


async def fetch(_):
    _, _, at_once = common.fetch_arguments()
    for poems in common.numbers_of_poems():
        common.say(await FetchFactory(poems, at_once).done)


if common.KIND == "echo":
    listen(Echo)
elif common.KIND == "poems":
    listen(Poem)
else:
    task.react(lambda reactor: defer.ensureDeferred(fetch(reactor)))
