"""How many can wait for a Twisted DeferredLock before its release runs out of stack?

    python3 -m venv venv && venv/bin/pip install twisted
    venv/bin/python benches/compare/locks.py

Each gives the lock back at once when it has it, so that the first release hands it to all of them, one inside the
other.
"""

import platform

import twisted
from twisted.internet.defer import DeferredLock


def all_run(waiters):
    """Whether all of them get the lock in their turn."""
    lock = DeferredLock()
    lock.acquire()
    served = []

    def serve(lock):
        served.append(lock)
        lock.release()

    for _ in range(waiters):
        # The failure of the one at which the stack ends is no news here.
        lock.acquire().addCallback(serve).addErrback(lambda _: None)
    try:
        lock.release()
    except RecursionError:
        return False
    return len(served) == waiters


waiters = 1
while waiters < 100_000 and all_run(waiters):
    waiters += 1

print(f"Twisted {twisted.__version__}, Python {platform.python_version()}")
print(f"waiters that a lock survives: {waiters - 1}")
