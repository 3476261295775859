"""The three programs on asyncio, by its own loop or by uvloop's. Both set `TCP_NODELAY` by themselves."""

import asyncio

import common


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Poem(asyncio.Protocol):
    poem = b""

    def connection_made(self, transport):
        transport.write(self.poem)
        transport.close()


class Fetch(asyncio.Protocol):
    def __init__(self, done):
        self.done = done
        self.bytes = 0

    def data_received(self, data):
        self.bytes += len(data)

    def connection_lost(self, error):
        if error is None:
            self.done.set_result(self.bytes)
        else:
            self.done.set_exception(error)


async def listen(kind):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(kind, "127.0.0.1", 0, backlog=1024)
    common.end_with_parent()
    common.say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def fetch_some(counter):
    """Gets poems one after the other, as long as the counter has some."""
    loop = asyncio.get_running_loop()
    host, port, _ = common.fetch_arguments()
    fetched = 0
    for _ in counter:
        done = loop.create_future()
        await loop.create_connection(lambda: Fetch(done), host, port)
        fetched += await done
    return fetched


async def fetch():
    _, _, at_once = common.fetch_arguments()
    for poems in common.numbers_of_poems():
        counter = iter(range(poems))
        fetched = await asyncio.gather(*(fetch_some(counter) for _ in range(at_once)))
        common.say(sum(fetched))


async def main():
    if common.KIND == "echo":
        await listen(Echo)
    elif common.KIND == "poems":
        Poem.poem = common.payload(int(common.ARGUMENTS[0]))
        await listen(Poem)
    else:
        await fetch()


if common.MODULE == "uvloop":
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
