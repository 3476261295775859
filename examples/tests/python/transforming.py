"""Transforms a poem a connection, by asyncio: `cummingsify` makes its letters small."""

import asyncio


async def transform(reader, writer):
    length = await reader.readuntil(b":")
    request = await reader.readexactly(int(length[:-1]))
    assert await reader.readexactly(1) == b","
    name, poem = request.split(b".", 1)
    if name == b"cummingsify":
        writer.write(b"%d:%b," % (len(poem), poem.lower()))
    writer.close()


async def main():
    server = await asyncio.start_server(transform, "127.0.0.1", 0)
    print("Serving on 127.0.0.1:%d." % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
