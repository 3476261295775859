"""How many bytes does Twisted keep for each turn of a loop whose callback returns the next turn's Deferred?

    python3 -m venv venv && venv/bin/pip install twisted
    venv/bin/python benches/compare/turns.py

Each turn is a Deferred that is fired from outside, so that no stack is used but the loop's own. The first
Deferred waits for the last, and all those between have to be kept for it.
"""

import platform
import tracemalloc

import twisted
from twisted.internet.defer import Deferred

TURNS = 100_000

pending = None


def turn():
    global pending
    pending = Deferred()
    return pending.addCallback(lambda left: turn() if left else 7)


def run(turns):
    for _ in range(turns):
        pending.callback(1)


# What stands now is needed to the end.
end = turn()
# So that tables have grown, and what is made once is there.
run(1_000)
tracemalloc.start()
before, _ = tracemalloc.get_traced_memory()
run(TURNS)
after, _ = tracemalloc.get_traced_memory()

print(f"Twisted {twisted.__version__}, Python {platform.python_version()}")
print(f"bytes kept per turn: {(after - before) / TURNS:.0f}")
