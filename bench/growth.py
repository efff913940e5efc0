#!/usr/bin/env python3
"""Runs quire-bench over tables of growing size and draws how cost grows.

    bench/growth.py --bench build/bench/quire-bench --out docs/performance
    bench/growth.py --plot docs/performance/growth.jsonl --out docs/performance

The first form measures, writes growth.jsonl (one JSON object a line, as
quire-bench --json prints them) and draws; the second draws what was measured
before. One picture a workload, growth-NAME.svg: time of one operation over the
number of rows, both on logarithmic scales, a line an engine. Needs nothing but
Python 3.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 110, 40, 48
COLOURS = {
    "quire": "#d1495b",
    "sqlite": "#00798c",
    "lmdb": "#edae49",
    "leveldb": "#66a182",
    "rocksdb": "#2e4057",
    "wiredtiger": "#8d6a9f",
}


def measure(arguments):
    """Runs the benchmark for each size and returns the measured figures."""
    points = []
    for rows in arguments.rows:
        engines = arguments.engines
        if rows > arguments.peers_up_to:
            engines = "quire"
        command = [
            arguments.bench, "--json", "--engines", engines,
            "--workloads", arguments.workloads, "--rows", str(rows),
            "--seconds", str(arguments.seconds), "--repeats", str(arguments.repeats),
            "--cache-mib", str(arguments.cache_mib), "--directory", arguments.directory,
        ]
        print(" ".join(command), file=sys.stderr)
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"growth: the benchmark failed with {run.returncode}")
        points += [json.loads(line) for line in run.stdout.splitlines()]
    return points


def short(value):
    """A number as an axis shows it: 10k, 2M, 0.5."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def duration(seconds):
    for limit, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if seconds >= limit * 0.999:
            return f"{seconds / limit:g} {unit}"
    return f"{seconds * 1e9:g} ns"


class Scale:
    """Maps a logarithmic range of values to a range of coordinates."""

    def __init__(self, values, start, end, steps=(1,)):
        self.low = math.log10(min(values))
        self.high = math.log10(max(values))
        if self.high - self.low < 0.6:
            middle = (self.high + self.low) / 2
            self.low, self.high = middle - 0.3, middle + 0.3
        margin = (self.high - self.low) * 0.06
        self.low, self.high = self.low - margin, self.high + margin
        self.start, self.end, self.steps = start, end, steps

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        for exponent in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in self.steps:
                value = step * 10.0**exponent
                if self.low <= math.log10(value) <= self.high:
                    yield value


def spread(places, gap):
    """Moves labels apart: {name: wanted y} to {name: y}, at least `gap` between two."""
    result, last = {}, -math.inf
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        last = max(y, last + gap)
        result[name] = last
    return result


def draw(workload, points):
    """One workload's picture as the text of an SVG file."""
    lines = {}
    for point in points:
        lines.setdefault(point["engine"], []).append((point["rows"], 1 / point["rate"]))
    values = [y for line in lines.values() for _, y in line]
    sizes = [x for line in lines.values() for x, _ in line]
    x_of = Scale(sizes, LEFT, WIDTH - RIGHT)
    y_of = Scale(values, HEIGHT - BOTTOM, TOP, (1, 2, 5))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="12" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="14">{workload}: time of one of its'
        f' {points[0]["unit"].replace("/s", "")}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}"'
        f' text-anchor="middle">rows in the table</text>',
    ]
    for value in x_of.ticks():
        x = x_of(value)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}"'
                   f' text-anchor="middle">{short(value)}</text>')
    for value in y_of.ticks():
        y = y_of(value)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}"'
                   f' text-anchor="end">{duration(value)}</text>')
    for line in lines.values():
        line.sort()
    labels = spread({name: y_of(line[-1][1]) for name, line in lines.items()}, 14)
    for name, line in lines.items():
        colour = COLOURS.get(name, "#777")
        width = 2.5 if name == "quire" else 1.5
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}"'
                   f' stroke-width="{width}"/>')
        for x, y in line:
            out.append(f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>')
        out.append(f'<text x="{x_of(line[-1][0]) + 8:.1f}" y="{labels[name] + 4:.1f}"'
                   f' fill="{colour}">{name}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", help="the quire-bench program")
    parser.add_argument("--plot", help="draw this growth.jsonl instead of measuring")
    parser.add_argument("--out", required=True, help="folder for growth.jsonl and the pictures")
    parser.add_argument("--rows", default="10000,100000,1000000,10000000",
                        type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--peers-up-to", type=int, default=10000000,
                        help="above this many rows measure Quire alone")
    parser.add_argument("--engines", default="quire,sqlite,lmdb,leveldb,rocksdb,wiredtiger")
    parser.add_argument("--workloads", default="open,snapshot,get-1,scan-range,update-1")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--cache-mib", type=int, default=4096)
    parser.add_argument("--directory", default=".")
    arguments = parser.parse_args()
    if (arguments.bench is None) == (arguments.plot is None):
        parser.error("give either --bench or --plot")

    out = Path(arguments.out)
    if arguments.plot:
        text = Path(arguments.plot).read_text(encoding="utf-8")
        points = [json.loads(line) for line in text.splitlines()]
    else:
        points = measure(arguments)
        out.mkdir(parents=True, exist_ok=True)
        (out / "growth.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points),
                                          encoding="utf-8")
    for workload in dict.fromkeys(point["workload"] for point in points):
        chosen = [point for point in points if point["workload"] == workload]
        (out / f"growth-{workload}.svg").write_text(draw(workload, chosen), encoding="utf-8")


if __name__ == "__main__":
    main()
