#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
An independent model of a replay, which knows only the trace: contexts, live chunks, requested bytes
and counts after every event, the errors and their places.  replay_dump must agree with it at random
events of random traces and of recorded ones.  On small traces every event is looked at: the peak must
be the first of the greatest total, and its tree the one that stood there.

    replay_oracle.py [--seed N] [--rounds N] DUMP [TRACE...]
"""
import argparse
import json
import random
import re
import subprocess
import sys
import tempfile

NUMBERED = ("create ident alloc realloc free reset resetonly delete deletechildren move base "
            "freebase").split()
SKIPS = ("syntax", "dead_chunk", "dead_ctx", "taken", "kind_rule", "cycle", "base", "after_lost")
FIELD = re.compile(rb'[ \t]*((?:[^ \t"]|"(?:[^"\\]|\\.)*")+)')
NUMBER = re.compile(rb"(0x[0-9a-fA-F]+|[0-9]+)$")


class Bad(Exception):
    """The line alone is in error."""


class Refused(Exception):
    def __init__(self, why, field):
        self.why, self.field = why, field


class Context:
    def __init__(self, ident, parent, kind, name, text, chunk, serial):
        self.id, self.parent, self.kind, self.name = ident, parent, kind, name
        self.ident, self.chunk, self.serial = text, chunk, serial
        self.children = []
        self.chunks = {}
        self.bases = {}
        self.allocs = self.frees = self.reallocs = self.resets = 0

    def live(self):
        return len(self.chunks) + sum(self.bases.values())

    def requested(self):
        return sum(self.chunks.values()) + sum(s * n for s, n in self.bases.items())


def fields_of(line):
    at, found = 0, []
    while True:
        match = FIELD.match(line, at)
        if not match:
            if line[at:].strip(b" \t"):
                raise Bad
            return found
        found.append((match.group(1), match.start(1) + 1))
        at = match.end()


def number(field):
    if not NUMBER.match(field):
        raise Bad
    value = int(field, 16 if field[:2] == b"0x" else 10)
    if value >= 1 << 64:
        raise Bad
    return value


def string(field):
    if len(field) < 2 or field[:1] != b'"' or field[-1:] != b'"':
        raise Bad
    return re.sub(rb'\\(x[0-9a-fA-F]{2}|.)', lambda m: {b"n": b"\n", b"t": b"\t"}.get(
        m.group(1), bytes([int(m.group(1)[1:], 16)]) if m.group(1)[:1] == b"x" else m.group(1)),
        field[1:-1])


class Model:
    def __init__(self, keep_going):
        self.keep_going = keep_going
        self.contexts, self.where = {}, {}
        self.events = self.serial = self.created = 0
        self.ops = dict.fromkeys(NUMBERED, 0)
        self.skips = dict.fromkeys(SKIPS, 0)
        self.empty_resets = self.lost = 0
        self.was_lost = False
        self.live = self.requested = self.peak_live = self.peak_requested = 0
        self.time = None
        self.threads, self.thread = set(), None
        self.error = None

    # What the events ask for.
    def context(self, value, field):
        if value not in self.contexts:
            raise Refused("dead_ctx", field)
        return self.contexts[value]

    def chunk(self, value, field):
        if value not in self.where:
            raise Refused("after_lost" if self.was_lost else "dead_chunk", field)
        return self.where[value]

    def add(self, context, chunk, size):
        context.chunks[chunk] = size
        self.where[chunk] = context
        self.live += 1
        self.requested += size

    def drop(self, chunk):
        context = self.where.pop(chunk)
        self.live -= 1
        self.requested -= context.chunks.pop(chunk)
        return context

    def clear(self, context):
        self.live -= context.live()
        self.requested -= context.requested()
        for chunk in context.chunks:
            del self.where[chunk]
        context.chunks, context.bases = {}, {}

    def below(self, context):
        todo, found = list(context.children), []
        while todo:
            found.append(todo.pop())
            todo += found[-1].children
        return found

    def end_below(self, context):
        for one in self.below(context):
            self.clear(one)
            del self.contexts[one.id]
        context.children = []

    def end(self, context):
        self.end_below(context)
        self.clear(context)
        del self.contexts[context.id]
        if context.parent:
            context.parent.children.remove(context)

    # The lines.
    def create(self, ctx, parent, kind, name, *keys):
        old = self.contexts.get(number(ctx[0]))
        parent_id = None if parent[0] == b"-" else number(parent[0])
        kind = kind[0].decode()
        if kind not in ("aset", "slab", "generation", "bump", "malloc"):
            raise Bad
        values = dict(key[0].split(b"=", 1) for key in keys)
        if kind == "slab" and b"chunk" not in values:
            raise Bad
        name = string(name[0])
        if old and not self.was_lost:
            raise Refused("taken", ctx)
        above = None
        if parent_id is not None:
            above = self.context(parent_id, parent)
            if old and (above is old or above in self.below(old)):
                raise Refused("dead_ctx", parent)
        if old:
            self.end(old)
        self.serial += 1
        new = Context(number(ctx[0]), above, kind, name,
                      string(values[b"ident"]) if b"ident" in values else None,
                      number(values.get(b"chunk", b"0")), self.serial)
        self.contexts[new.id] = new
        if above:
            above.children.append(new)
        self.created += 1

    def ident(self, ctx, text):
        text = string(text[0])
        self.context(number(ctx[0]), ctx).ident = text

    def alloc(self, ctx, chunk, size, *keys):
        bytes_, value = number(size[0]), number(chunk[0])
        for key in keys:
            if key[0].startswith(b"align="):
                align = number(key[0][6:])
                if align == 0 or align & (align - 1):
                    raise Bad
        context = self.context(number(ctx[0]), ctx)
        if value in self.where and not self.was_lost:
            raise Refused("taken", chunk)
        if context.kind == "slab" and bytes_ != context.chunk:
            raise Refused("kind_rule", size)
        for key in keys:
            if key[0].startswith(b"align=") and number(key[0][6:]) > 1 << 30:
                raise Refused("kind_rule", key)
        if value in self.where:
            self.drop(value).frees += 1
        self.add(context, value, bytes_)
        context.allocs += 1

    def realloc(self, chunk, size, new=None):
        bytes_, value = number(size[0]), number(chunk[0])
        new_value = value if new is None else number(new[0])
        context = self.chunk(value, chunk)
        if context.kind == "bump":
            raise Refused("kind_rule", chunk)
        if context.kind == "slab" and bytes_ != context.chunk:
            raise Refused("kind_rule", size)
        if new_value != value and new_value in self.where:
            raise Refused("taken", new)
        self.drop(value)
        self.add(context, new_value, bytes_)
        context.reallocs += 1

    def free(self, chunk):
        context = self.chunk(number(chunk[0]), chunk)
        if context.kind == "bump":
            raise Refused("kind_rule", chunk)
        self.drop(number(chunk[0]))
        context.frees += 1

    def reset(self, ctx, only=False):
        context = self.context(number(ctx[0]), ctx)
        self.empty_resets += context.live() == 0 and (only or not context.children)
        if not only:
            self.end_below(context)
        self.clear(context)
        context.resets += 1

    def resetonly(self, ctx):
        self.reset(ctx, True)

    def delete(self, ctx):
        self.end(self.context(number(ctx[0]), ctx))

    def deletechildren(self, ctx):
        self.end_below(self.context(number(ctx[0]), ctx))

    def move(self, ctx, parent):
        parent_id = None if parent[0] == b"-" else number(parent[0])
        context = self.context(number(ctx[0]), ctx)
        above = None if parent_id is None else self.context(parent_id, parent)
        if above and (above is context or above in self.below(context)):
            raise Refused("cycle", parent)
        if context.parent:
            context.parent.children.remove(context)
        context.parent = above
        if above:
            above.children.append(context)

    def base(self, ctx, size, count):
        bytes_, n = number(size[0]), number(count[0])
        context = self.context(number(ctx[0]), ctx)
        if context.kind == "slab" and bytes_ != context.chunk:
            raise Refused("kind_rule", size)
        if n:
            context.bases[bytes_] = context.bases.get(bytes_, 0) + n
        context.allocs += n
        self.live += n
        self.requested += n * bytes_

    def freebase(self, ctx, size):
        bytes_ = number(size[0])
        context = self.context(number(ctx[0]), ctx)
        if context.kind == "bump":
            raise Refused("kind_rule", ctx)
        if not context.bases.get(bytes_):
            raise Refused("base", size)
        context.bases[bytes_] -= 1
        context.frees += 1
        self.live -= 1
        self.requested -= bytes_

    def other(self, word, fields):
        if len(fields) != 1:
            raise Bad
        value = number(fields[0][0])
        if word == "time":
            if self.time is not None and value < self.time:
                raise Bad
            self.time = value
        elif word == "lost":
            self.was_lost = True
            self.lost += value
        elif not self.threads and self.events:
            self.threads |= {0, value}
        else:
            self.threads.add(value)

    def apply(self, word, fields):
        before = self.events
        self.events += 1
        try:
            method = getattr(self, word)
            try:
                method(*fields)
            except TypeError as problem:
                if "positional argument" not in str(problem):
                    raise
                raise Bad from None
            self.ops[word] += 1
        except Refused as refused:
            if refused.why != "after_lost" and not self.keep_going:
                self.events = before
                raise
            self.skips[refused.why] += 1
        self.peak_live = max(self.peak_live, self.live)
        self.peak_requested = max(self.peak_requested, self.requested)

    def run(self, text):
        """Yields after every event; stops at the first error, unless it keeps going."""
        for line_number, line in enumerate(text.split(b"\n"), 1):
            line = line.removesuffix(b"\r")
            if line_number == 1 or not line.strip(b" \t") or line.lstrip(b" \t")[:1] == b"#":
                continue
            before = self.events
            word = line.split()[0].decode("latin1")
            try:
                fields = fields_of(line)[1:]
                if word in NUMBERED:
                    self.apply(word, fields)
                elif word in ("time", "lost", "thread"):
                    self.other(word, fields)
                else:
                    raise Bad
            except Bad:
                if not self.keep_going:
                    self.events = before
                    self.error = (line_number, None)
                    return
                self.skips["syntax"] += 1
            except Refused as refused:
                self.error = (line_number, refused.field[1])
                return
            if self.events != before:
                yield self.events

    def tree(self):
        """The contexts as a snapshot has them."""
        found, todo = [], []
        for context in sorted(self.contexts.values(), key=lambda c: -c.serial):
            if not context.parent:
                todo.append((context, 1))
        while todo:
            context, level = todo.pop()
            found.append({
                "id": context.id, "level": level,
                "parent": context.parent.id if context.parent else None,
                "name": context.name.decode("latin1"), "kind": context.kind,
                "ident": None if context.ident is None else context.ident.decode("latin1"),
                "live_chunks": context.live(), "requested_bytes": context.requested(),
                "allocs": context.allocs, "frees": context.frees,
                "reallocs": context.reallocs, "resets": context.resets})
            todo += [(child, level + 1) for child in
                     sorted(context.children, key=lambda c: -c.serial)]
        return found

    def moment(self):
        return {"event": self.events, "time": -1 if self.time is None else self.time,
                "live_contexts": len(self.contexts), "moment_chunks": self.live,
                "moment_requested": self.requested,
                "kinds_replaced": 0,
                "contexts": self.tree()}

    def counts(self):
        return {"events": self.events, "ops": self.ops, "skips": list(self.skips.values()),
                "skipped": sum(self.skips.values()), "empty_resets": self.empty_resets,
                "contexts_created": self.created, "kinds_replaced": 0,
                "lost": self.lost, "threads": max(1, len(self.threads)),
                "peak_live_chunks": self.peak_live, "peak_requested_bytes": self.peak_requested,
                "time": -1 if self.time is None else self.time}


class Writer:
    """Random traces: mostly right, with what the format allows and some of what it does not."""

    def __init__(self, rng):
        self.rng = rng
        self.wrong = rng.choice([0, 0, 0.02, 0.1])
        self.lost = rng.random() < 0.3
        self.frees = rng.choice([5, 15, 40])
        self.way = rng.randrange(3)
        self.spread = rng.choice([6, 20, 200])
        self.model = Model(True)
        self.lines = [b"memctx-trace 1"]
        self.now = 0

    def id(self):
        value = self.rng.randrange(self.spread)
        value = (value, 0x7F0000000000 + value * 16, (1 << 64) - 1 - value * 4096)[self.way]
        return b"0x%x" % value if self.rng.random() < 0.1 else b"%d" % value

    def size(self):
        rng = self.rng
        return b"%d" % rng.choice([0, 1, 8, 9, rng.randrange(300), rng.randrange(300),
                                   rng.randrange(9000), rng.randrange(40000)])

    def live(self, of, wrong):
        if not of or self.rng.random() < wrong:
            return self.id()
        return b"%d" % self.rng.choice(list(of))

    def text(self):
        return b'"' + b"".join(self.rng.choice(
            [b"a", b"Z", b" ", b"\xc3\xa9", b'\\"', b"\\\\", b"\\n", b"\\xff"])
            for _ in range(self.rng.randrange(5))) + b'"'

    def fresh(self, of):
        for _ in range(20):
            value = self.id()
            if number(value) not in of or self.rng.random() < self.wrong:
                break
            if self.model.was_lost and self.rng.random() < 0.2:
                break
        return value

    def create(self):
        rng = self.rng
        contexts = self.model.contexts
        parent = b"-" if not contexts or rng.random() < 0.1 else self.live(contexts, self.wrong)
        kind = rng.choice(["aset"] * 5 + ["slab", "generation", "bump", "malloc"])
        keys = rng.choice([b"", b" init=1024 max=8192", b" init=8192 max=8388608", b" init=0",
                           b" init=8192 max=8192 min=16384", b" max=100", b" init=65536 max=5"])
        if kind == "slab":
            keys += b" chunk=%d" % rng.choice([8, 64, 1000, 9000])
        if rng.random() < 0.3:
            keys += b" ident=" + self.text()
        return b"create %s %s %s %s%s" % (self.fresh(contexts), parent, kind.encode(),
                                          self.text(), keys)

    def alloc(self):
        rng = self.rng
        ctx = self.live(self.model.contexts, self.wrong)
        size = self.size()
        context = self.model.contexts.get(number(ctx))
        if context and context.kind == "slab" and rng.random() >= self.wrong:
            size = b"%d" % context.chunk
        align = b""
        if rng.random() < 0.05:
            align = b" align=%d" % rng.choice([1, 8, 16, 64, 4096, 4096, 1 << 31])
        return b"alloc %s %s %s%s" % (ctx, self.fresh(self.model.where), size, align)

    def line(self):
        rng, model = self.rng, self.model
        ctx = self.live(model.contexts, self.wrong)
        kind = rng.choices(
            ("alloc free realloc create reset resetonly delete deletechildren move ident base "
             "freebase time thread lost bad").split(),
            (60, self.frees, 8, 8, 1, 1, 1, 0.5, 2, 2, 3, 4, 3, 0.5, 2 * self.lost,
             10 * self.wrong))[0]
        if kind == "alloc":
            return self.alloc()
        if kind == "create":
            return self.create()
        if kind == "free":
            return b"free " + self.live(model.where, self.wrong)
        if kind == "realloc":
            new = b" " + self.fresh(model.where) if rng.random() < 0.3 else b""
            return b"realloc %s %s%s" % (self.live(model.where, self.wrong), self.size(), new)
        if kind == "move":
            parent = b"-" if rng.random() < 0.2 else self.live(model.contexts, self.wrong)
            return b"move %s %s" % (ctx, parent)
        if kind == "ident":
            return b"ident %s %s" % (ctx, self.text())
        if kind == "base":
            return b"base %s %d %d" % (ctx, rng.choice([8, 64, 1000, 9000]), rng.randrange(5))
        if kind == "freebase":
            held = [(one.id, size) for one in model.contexts.values() for size in one.bases]
            if held and rng.random() >= self.wrong:
                return b"freebase %d %d" % rng.choice(held)
            return b"freebase %s %d" % (ctx, rng.choice([8, 64, 1000, 9000]))
        if kind == "time":
            self.now += rng.randrange(1000)
            return b"time %d" % self.now
        if kind in ("thread", "lost"):
            return b"%s %d" % (kind.encode(), rng.randrange(4))
        if kind == "bad":
            return rng.choice([b"alloc 1", b"frob 7", b"free x", b"create 1 - heap \"x\"",
                               b"free 1 2", b"time -1", b"alloc 1 2 3 align=3", b"ident 1 x"])
        return kind.encode() + b" " + ctx

    def write(self, events):
        while self.model.events < events:
            line = self.create() if not self.model.contexts else self.line()
            before, skips = self.model.events, dict(self.model.skips)
            if self.model.was_lost and self.rng.random() < 0.02:
                line = b"free %s" % self.id()
            list(self.model.run(b"\n" + line))
            wrong = dict(self.model.skips, after_lost=0) != dict(skips, after_lost=0)
            if wrong and self.rng.random() >= self.wrong * 5:
                self.model.events, self.model.skips = before, skips
                continue
            self.lines.append(line)
            if self.rng.random() < 0.02:
                self.lines.append(self.rng.choice([b"", b"# a comment", b"  \t"]))
        return b"\n".join(self.lines) + self.rng.choice([b"\n", b"", b"\n\n"])


def differences(said, known, place):
    for key, value in known.items():
        if key == "contexts":
            ids = [c["id"] for c in said[key]]
            if ids != [c["id"] for c in value]:
                return f"{place}: contexts {ids}, the model has {[c['id'] for c in value]}"
            for one, other in zip(said[key], value):
                found = differences(one, other, f"{place}, context {one['id']}")
                if found:
                    return found
        elif said[key] != value:
            return f"{place}: {key} is {said[key]}, the model has {value}"
    return None


def run_dump(dump, options, path, events):
    done = subprocess.run([dump, *options, path, *map(str, events)], capture_output=True,
                          check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, done.stderr.decode(), lines


def judge(dump, text, path, options, events):
    """None, or what the replayer says otherwise than the model."""
    keep_going = "-k" in options
    status, complaints, lines = run_dump(dump, options, path, events)
    if status not in (0, 1) or complaints:
        return f"status {status}: {complaints}"
    by_event = {line["event"]: line for line in lines if line["point"] == "event"}
    model = Model(keep_going)
    for event in model.run(text):
        if event in by_event:
            found = differences(by_event.pop(event), model.moment(), f"event {event}")
            if found:
                return found
    if by_event:
        return f"events {list(by_event)} are not in the model"
    end, peak, counts = lines[-3:]
    found = differences(end, model.moment(), "the end") or \
        differences(counts, model.counts(), "the counts")
    if found:
        return found
    line, column = model.error or (0, 0)
    if status != (model.error is not None) or counts["line"] != line:
        return f"stopped at line {counts['line']} with {status}, the model at {line}"
    if column is not None and counts["column"] != column:
        return f"line {line}: column {counts['column']}, the model has {column}"
    if counts["carved"] + counts["reused"] + counts["large"] < counts["ops"]["alloc"] and \
            "-d" not in options:
        return "fewer chunks have a place than were allocated"
    if "-d" not in options and len(events) >= model.events:
        return judge_peak([line for line in lines if line["point"] == "event"], peak)
    return None


def judge_peak(lines, peak):
    """Against every event's tree."""
    greatest = max((line["total_bytes"] for line in lines), default=0)
    if greatest == 0:
        return None if peak["event"] == 0 else "a peak without memory"
    first = next(line for line in lines if line["total_bytes"] == greatest)
    if first["event"] != peak["event"]:
        return f"the peak is event {peak['event']}, by every event it is {first['event']}"
    for key, value in first.items():
        if key != "point" and peak[key] != value:
            if key == "contexts":
                return differences(peak, first, "the peak") or "the peak's contexts differ"
            return f"the peak: {key} is {peak[key]}, after that event it was {value}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dump")
    parser.add_argument("traces", nargs="*")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    failed = looked_at = 0
    for trace in args.traces:
        with open(trace, "rb") as file:
            text = file.read()
        last = sum(1 for _ in Model(True).run(text))
        for options in ((), ("-d",)):
            events = sorted({rng.randrange(1, last + 1) for _ in range(6)})
            found = judge(args.dump, text, trace, options, events)
            if found:
                print(f"{trace} {' '.join(options)}: {found}")
                failed += 1
    with tempfile.NamedTemporaryFile(suffix=".trace") as file:
        for number_ in range(args.rounds):
            seed = rng.randrange(1 << 32)
            text = Writer(random.Random(seed)).write(random.Random(seed).choice([40, 150, 400]))
            file.seek(0)
            file.truncate()
            file.write(text)
            file.flush()
            last = sum(1 for _ in Model(True).run(text))
            looked_at += last
            for options in ((), ("-k",), ("-k", "-d")):
                found = judge(args.dump, text, file.name, options, list(range(1, last + 1)))
                if found:
                    kept = f"/tmp/replay_oracle.{seed}.trace"
                    with open(kept, "wb") as copy:
                        copy.write(text)
                    print(f"seed {args.seed}, round {number_} {' '.join(options)}, "
                          f"kept as {kept}: {found}")
                    failed += 1
    print(f"seed {args.seed}: {len(args.traces)} traces, {args.rounds} made up with {looked_at} "
          f"events, {failed} failed")
    return 1 if failed or looked_at < 40 * args.rounds else 0


if __name__ == "__main__":
    sys.exit(main())
