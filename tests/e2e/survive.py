# SPDX-License-Identifier: GPL-2.0-or-later
"""survive.py SOCKET KEEPER LOG FIRST TIMES: be several clients while the server is replaced so many
times; FIRST is the number of the first time.  No connection may end, no byte may be wrong."""

import os
import random
import signal
import sys
import threading
import time

import nbdraw

sock, keeper, log, first, times = sys.argv[1:]
PAGE = 4096
REGION = 4 << 20
seed = int(os.environ.get("T_SEED", time.time_ns() % 1000000))
print("seed", seed)
stop = threading.Event()
failures = []
rounds = [0, 0, 0, 0]


def data_of(rng, pages):
    """Some of it compresses."""
    return b"".join(rng.randbytes(16) * 256 if rng.random() < 0.6 else rng.randbytes(PAGE)
                    for _ in range(pages))


def check(what, ok):
    if not ok:
        raise AssertionError(what)


def client(number, export, base):
    """Writes, trims and reads of its own region, up to 16 requests at once."""
    rng = random.Random(seed + number)
    c = nbdraw.Raw(sock, export, 60)
    model = bytearray(c.call(nbdraw.READ, base, REGION).data)
    check("a first read fails", len(model) == REGION)
    while not stop.is_set():
        pieces = [(rng.randrange(REGION // PAGE - 32), rng.randint(1, 32)) for _ in range(16)]
        asks = []
        used = set()
        for cookie, (at, n) in enumerate(pieces):
            if used & set(range(at, at + n)):
                continue
            used |= set(range(at, at + n))
            span = slice(at * PAGE, (at + n) * PAGE)
            if rng.random() < 0.2:
                model[span] = bytes(n * PAGE)
                asks.append(nbdraw.request(nbdraw.TRIM, cookie, base + at * PAGE, n * PAGE))
            else:
                model[span] = data_of(rng, n)
                asks.append(nbdraw.request(nbdraw.WRITE, cookie, base + at * PAGE, n * PAGE)
                            + bytes(model[span]))
        check("a change fails", not any(r.error for r in c.burst(asks)))
        at = rng.randrange(REGION // PAGE - 64)
        got = c.call(nbdraw.READ, base + at * PAGE, 64 * PAGE)
        check("a read fails", not got.error)
        check("wrong bytes", got.data == model[at * PAGE:(at + 64) * PAGE])
        rounds[number] += 1
    got = c.call(nbdraw.READ, base, REGION)
    check("wrong bytes at the end", got.data == model)
    c.close()


def run(*args):
    try:
        client(*args)
    except BaseException as e:  # whatever it is, the test has failed
        failures.append(f"client {args}: {e!r}")


def replaced(nr):
    with open(log, encoding="utf-8") as f:
        text = f.read()
    return f"was replaced, for the {nr}. time" in text


def replace(nr):
    os.kill(int(keeper), signal.SIGUSR2)
    end = time.monotonic() + 60 * nbdraw.timeout_scale()
    while not replaced(nr):
        if time.monotonic() > end or failures:
            sys.exit(f"FAIL: not replaced for the {nr}. time; {failures}")
        time.sleep(0.01)


threads = [threading.Thread(target=run, args=a, daemon=True)
           for a in ((0, b"swap0", 0), (1, b"swap0", REGION), (2, b"second", 0))]
for t in threads:
    t.start()
half = nbdraw.Raw(sock, b"swap0", 60)
idle = nbdraw.Raw(sock, b"second", 60)
for nr in range(int(first), int(first) + int(times)):
    # One is in the middle of a write meanwhile, at any byte of it or of its header.
    payload = data_of(random.Random(nr), 16)
    message = nbdraw.request(nbdraw.WRITE, nr, 2 * REGION, len(payload)) + payload
    cut = random.Random(seed + nr).choice((13, 28, 30, 28 + 3 * PAGE, 28 + 5 * PAGE + 77))
    half.send(message[:cut])
    half.wait_until_taken()
    before = list(rounds)
    replace(nr)
    half.send(message[cut:])
    answer = half.reply()
    check("the half write", answer.cookie == nr and not answer.error)
    check("its bytes", half.call(nbdraw.READ, 2 * REGION, len(payload)).data == payload)
    while any(rounds[i] == before[i] for i in range(3)):
        if failures:
            break
        time.sleep(0.01)
check("an idle client", not idle.call(nbdraw.READ, 0, PAGE).error)
stop.set()
for t in threads:
    t.join()
if failures:
    sys.exit("FAIL: " + "; ".join(failures))
print("rounds", rounds[:3])
