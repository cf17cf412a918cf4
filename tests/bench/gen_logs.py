#!/usr/bin/env python3
"""Write a node's container logs: deterministic CRI files under <out>/<namespace>_<pod>_<uid>/<container>/0.log.

    gen_logs.py --out DIR --mib 256 --pods 16 [--seed 7]           a finished set, for throughput and memory
    gen_logs.py --out DIR --rate 10000 --pods 10 --seconds 60      append live, rotating as the kubelet does

Each line carries its pod's sequence number ("seq":N or #N), so a reader can be checked for loss, duplicates and order.
Mix: 75 % JSON (level, ts, msg, trace_id, method, path, status, duration_ms, user, bytes), 15 % access log, 8 % Java stack
traces, 1.9 % klog, 0.1 % messages of 20-60 KiB that the runtime splits into P P F
records of 16 KiB. About a tenth of the
timestamps have trailing zeros cut, as Go's RFC3339Nano does. The manifest.json beside the files holds the true counts.
"""

import argparse
import json
import os
import random
import time
import uuid

SPLIT = 16384
LEVELS = ("info", "info", "info", "info", "debug", "warn", "error")
JAVA = (
    "java.lang.IllegalStateException: order %d not found",
    "\tat com.example.books.Repo.find(Repo.java:%d)",
    "\tat com.example.books.Api.get(Api.java:%d)",
    "Caused by: java.sql.SQLException: timeout %d",
    "\tat java.base/java.lang.Thread.run(Thread.java:%d)",
)


def stamp(ns):
    s, frac = divmod(ns, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(s)) + ".%09d" % frac
    if ns // 1000 % 10 == 0:
        text = text.rstrip("0").rstrip(".")
    return text + "Z"


class Pod:
    def __init__(self, index, seed, out):
        self.rnd = random.Random(seed * 1_000_003 + index)
        self.namespace = ("shop", "payments", "search", "platform")[index % 4]
        self.name = "%s-%08x-%05x" % (
            ("web", "api", "worker", "cron")[index % 4],
            self.rnd.getrandbits(32),
            self.rnd.getrandbits(20),
        )
        self.uid = str(uuid.UUID(int=self.rnd.getrandbits(128), version=4))
        self.container = "app"
        self.dir = os.path.join(out, "%s_%s_%s" % (self.namespace, self.name, self.uid), self.container)
        os.makedirs(self.dir, exist_ok=True)
        self.path = os.path.join(self.dir, "0.log")
        self.seq = self.records = self.bytes = self.rotations = 0
        self.kinds = {}

    def message(self, ns):
        r, n, rnd = self.rnd.random(), self.seq, self.rnd
        self.seq += 1
        if r < 0.75:
            kind, stream = "json", "stdout"
            text = (
                '{"level":"%s","ts":"%s","msg":"GET /api/books","seq":%d,"trace_id":"%032x","method":"GET",'
                '"path":"/api/books/%d","status":%d,"duration_ms":%.1f,"user":"u%d","bytes":%d}'
            ) % (
                rnd.choice(LEVELS),
                stamp(ns),
                n,
                rnd.getrandbits(128),
                n % 5000,
                rnd.choice((200, 200, 200, 200, 201, 404, 500)),
                rnd.random() * 100,
                n % 1000,
                n % 9000,
            )
        elif r < 0.90:
            kind, stream = "access", "stdout"
            text = (
                '10.1.%d.%d - - [20/Nov/2026:10:11:12 +0000] "GET /api/books/%d HTTP/1.1" 200 %d "-" "Mozilla/5.0" #%d'
                % (n % 255, n % 200, n % 5000, n % 9000, n)
            )
        elif r < 0.98:
            kind, stream = "java", "stderr"
            text = JAVA[n % len(JAVA)] % n + " #%d" % n
        elif r < 0.999:
            kind, stream = "klog", "stderr"
            text = "E1120 10:11:12.%06d       1 reflector.go:147] failed to watch: timeout #%d" % (n % 1000000, n)
        else:
            kind, stream = "long", "stdout"
            text = '{"level":"info","seq":%d,"payload":"%s"}' % (n, "x" * rnd.randrange(20000, 60000))
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return stream, text

    def record(self, ns):
        stream, text = self.message(ns)
        t = stamp(ns)
        pieces = [text[i : i + SPLIT] for i in range(0, len(text), SPLIT)]
        self.records += len(pieces)
        data = "".join(
            "%s %s %s %s\n" % (t, stream, "F" if i == len(pieces) - 1 else "P", p) for i, p in enumerate(pieces)
        ).encode()
        self.bytes += len(data)
        return data

    def truth(self):
        return {
            "namespace": self.namespace,
            "pod": self.name,
            "uid": self.uid,
            "lines": self.seq,
            "records": self.records,
            "bytes": self.bytes,
            "rotations": self.rotations,
            "kinds": self.kinds,
        }


def finished(pods, mib, start_ns):
    share = mib * 1024 * 1024 // len(pods)
    for i, pod in enumerate(pods):
        ns = start_ns + i
        with open(pod.path, "wb", buffering=1 << 20) as f:
            while pod.bytes < share:
                ns += 250_013
                f.write(pod.record(ns))


def live(pods, rate, seconds, rotate_mib):
    files = [open(p.path, "ab", buffering=0) for p in pods]
    begin, written, tick = time.monotonic(), 0, 0.05
    while (elapsed := time.monotonic() - begin) < seconds:
        due = int(min(elapsed, seconds) * rate)
        for n in range(written, due):
            k = n % len(pods)
            files[k].write(pods[k].record(time.time_ns()))
            if files[k].tell() > rotate_mib * 1048576:  # as the kubelet does: rename, then a new 0.log
                files[k].close()
                pods[k].rotations += 1
                os.rename(pods[k].path, pods[k].path + "." + time.strftime("%Y%m%d-%H%M%S") + "-%d" % pods[k].rotations)
                files[k] = open(pods[k].path, "ab", buffering=0)
        written = due
        time.sleep(tick)
    for f in files:
        f.close()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", required=True)
    ap.add_argument("--pods", type=int, default=16)
    ap.add_argument("--mib", type=int, default=256)
    ap.add_argument("--rate", type=int, help="lines a second over all pods: append live instead")
    ap.add_argument("--seconds", type=float, default=60)
    ap.add_argument("--rotate-mib", type=float, default=10)
    ap.add_argument("--seed", type=int, default=7)
    a = ap.parse_args()
    pods = [Pod(i, a.seed, a.out) for i in range(a.pods)]
    if a.rate:
        live(pods, a.rate, a.seconds, a.rotate_mib)
    else:
        finished(pods, a.mib, 1_795_168_800_000_000_000)
    truth = {"pods": [p.truth() for p in pods], "lines": sum(p.seq for p in pods), "bytes": sum(p.bytes for p in pods)}
    with open(os.path.join(a.out, "manifest.json"), "w") as f:
        json.dump(truth, f, indent=1)
    print(truth["lines"], "lines,", truth["bytes"], "bytes")


if __name__ == "__main__":
    main()
