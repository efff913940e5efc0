#!/usr/bin/env python3
"""Requests a second over HTTP, of quire serve and of other servers over the same data.

    bench/http/run.py --build build/release
    bench/http/run.py --build build/release --npm build/bench-npm \\
        --postgres /usr/lib/postgresql/15/bin

The data and the requests are those of `quire-bench graphql`. Peers: quire-http-hello, the HTTP
library of quire serve sending the same bytes with nothing behind them ("canned"); with --npm, where
`npm ci` has run beside copies of bench/npm, Mercurius with its JIT and graphql-yoga over
better-sqlite3; with --postgres, PostGraphile over PostgreSQL. A server that cannot be had is named.

Every answer of every request is compared byte for byte with that of quire serve before anything is
measured; a difference ends the run with status 1. The servers are asked in turns by wrk, 16
connections kept open, and medians are printed. Beside rates, which need a machine with nothing else
to do, stands the processor time of the server a request. All syncs are on, as each server has them.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
WARM = 4  # the first run of each, which does not count, is so much longer
QUERIES = ["Q1", "Q2", "Q3", "Q4", "Q4c", "Q5", "Q6"]

# The same requests in the schema that PostGraphile makes; aliases give the answers Quire's names.
POSTGRAPHILE = {
    "Q1": "query ($id: String!) { user: userByRowId(rowId: $id) { id: rowId name email } }",
    "Q2": "{ posts: allPosts(orderBy: CREATED_AT_DESC, first: 100) { items: nodes { id: rowId "
          "title createdAt author: userByAuthorId { id: rowId name } } } }",
    "Q3": "query ($id: String!) { user: userByRowId(rowId: $id) { id: rowId name posts: "
          "postsByAuthorId(first: 20) { items: nodes { id: rowId title comments: "
          "commentsByPostId(first: 5) { items: nodes { id: rowId text author: userByAuthorId { "
          "id: rowId name } } } } } } }",
    "Q4": "query ($text: String!) { posts: postsWithPrefix(prefix: $text, first: 50) { items: "
          "nodes { id: rowId title createdAt } } }",
    "Q4c": "query ($text: String!) { posts: postsContaining(part: $text, first: 50) { items: "
           "nodes { id: rowId title createdAt } } }",
    "Q5": "mutation ($id: String!, $title: String!, $body: String!, $createdAt: Int!, $authorId: "
          "String!) { createPost(input: { post: { rowId: $id, title: $title, body: $body, "
          "createdAt: $createdAt, authorId: $authorId } }) { post { id: rowId title } } }",
}

POSTGRES_TABLES = """
CREATE TABLE users (id text COLLATE "C" PRIMARY KEY, name text NOT NULL, email text NOT NULL);
CREATE TABLE posts (id text COLLATE "C" PRIMARY KEY, title text COLLATE "C" NOT NULL,
  body text NOT NULL, created_at int NOT NULL, author_id text COLLATE "C" NOT NULL
  REFERENCES users);
CREATE TABLE comments (id text COLLATE "C" PRIMARY KEY, text text NOT NULL,
  post_id text COLLATE "C" NOT NULL REFERENCES posts,
  author_id text COLLATE "C" NOT NULL REFERENCES users);
\\copy users FROM 'users.tsv'
\\copy posts FROM 'posts.tsv'
\\copy comments FROM 'comments.tsv'
CREATE INDEX ON posts (title);
CREATE INDEX ON posts (created_at);
CREATE INDEX ON posts (author_id);
CREATE INDEX ON comments (post_id);
CREATE INDEX ON comments (author_id);
CREATE FUNCTION posts_with_prefix(prefix text) RETURNS SETOF posts STABLE LANGUAGE sql AS
  $$ SELECT * FROM posts WHERE title ^@ prefix ORDER BY created_at DESC $$;
CREATE FUNCTION posts_containing(part text) RETURNS SETOF posts STABLE LANGUAGE sql AS
  $$ SELECT * FROM posts WHERE position(part in title) > 0 ORDER BY created_at DESC $$;
VACUUM ANALYZE;
"""


class Failure(Exception):
    """What ends the run."""


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed with {done.returncode}: {done.stdout[-800:]}")
    return done.stdout


def post(port, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", data=body.encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError as problem:
        raise Failure(f"port {port}: {problem}") from problem


def family(pid):
    """A process and all below it."""
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left.extend(children.get(found[-1], []))
    return found


def processor_seconds(pids):
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_bytes(pids):
    """Memory of some processes; what they share counts once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024
        except OSError:
            continue
    return total


class Server:
    """A program that answers at a port."""

    def __init__(self, name, command, port, **more):
        self.name, self.port = name, port
        self.log = open(f"{name.replace(' ', '-')}.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, start_new_session=True, **more)
        self.roots = [self.process.pid]  # whose time and memory are the server's
        line = self.process.stdout.readline()
        if line == "":
            raise Failure(f"{name} does not start; see {self.log.name}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def pids(self):
        return [pid for root in self.roots for pid in family(root)]

    def document(self, query):
        return query["document"]

    def plain(self, answer):
        """An answer without what the server's schema cannot do without."""
        return answer


class Postgraphile(Server):
    """PostGraphile, with the PostgreSQL behind it."""

    def __init__(self, tools, node, npm, port):
        self.tools, self.directory = Path(tools), Path("postgres").resolve()
        self.user = []
        self.directory.mkdir()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.directory, "postgres")
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = self.directory / "data"
        self.postgres("initdb", "-D", data, "-A", "trust", "-U", "postgres")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.directory}'\n"
                       "shared_buffers = 256MB\nmax_connections = 40\n")
        self.postgres("pg_ctl", "-D", data, "-w", "-l", self.directory / "log", "start")
        postmaster = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        try:
            run([str(self.tools / "psql"), "-h", str(self.directory), "-U", "postgres", "-q",
                 "-v", "ON_ERROR_STOP=1"], input=POSTGRES_TABLES)
            environment = {
                **os.environ, "GRAPHILE_ENV": "production", "NODE_ENV": "production",
                "PEER_POSTGRES": f"postgres://postgres@localhost/postgres?host={self.directory}"}
            super().__init__("PostGraphile", [node, f"{npm}/server.mjs", "postgraphile",
                                              str(port), "."], port, env=environment)
        except BaseException:
            self.postgres("pg_ctl", "-D", data, "-m", "fast", "stop")
            raise
        self.roots.append(postmaster)

    def postgres(self, tool, *arguments):
        # What it starts may not hold the pipe open that its output is read from.
        with open(self.directory / f"{tool}.out", "w", encoding="utf-8") as out:
            subprocess.run([*self.user, str(self.tools / tool), *map(str, arguments)], stdout=out,
                           stderr=out, check=True, stdin=subprocess.DEVNULL)

    def stop(self):
        super().stop()
        self.postgres("pg_ctl", "-D", self.directory / "data", "-m", "fast", "stop")

    def document(self, query):
        return POSTGRAPHILE.get(query["name"], query["document"])

    def plain(self, answer):
        return answer.replace('{"post":', "").replace("}}}}", "}}}")


def write_rows():
    """The data as PostgreSQL's COPY reads it."""
    with open("data.json", encoding="utf-8") as file:
        data = json.load(file)
    columns = {"users": ("User", ["id", "name", "email"]),
               "posts": ("Post", ["id", "title", "body", "createdAt", "author"]),
               "comments": ("Comment", ["id", "text", "post", "author"])}
    for name, (kind, fields) in columns.items():
        with open(f"{name}.tsv", "w", encoding="utf-8") as file:
            for row in data[kind]:
                file.write("\t".join(str(row[field]) for field in fields) + "\n")


def bodies_of(server, query):
    """Requests of a query as the server takes them; those of a mutation are one pattern."""
    document = server.document(query)
    sets = query["variables"]
    if query["name"] == "Q5":
        number = int(sets[0]["id"][1:])
        row = {**sets[0], "id": "p%07d", "title": "Nara quarry %d"}
        return [json.dumps({"query": document, "variables": row})], number
    return [json.dumps({"query": document, "variables": row}) for row in sets], 0


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.servers = []
        self.missing = []
        self.answers = {}
        self.created = 0  # numbers of rows below this one are taken

    def start(self, name, make):
        try:
            self.servers.append(make())
        except (Failure, OSError, subprocess.CalledProcessError) as problem:
            self.missing.append(f"{name}: {problem}")

    def start_all(self):
        build, npm = self.arguments.build, self.arguments.npm
        node = shutil.which("node")
        run([f"{build}/bench/quire-bench", "graphql", "--data", ".", "--users",
             str(self.arguments.users)])
        run([f"{build}/tools/quire", "load", "bench.quire", "--schema", "schema.graphql",
             "--data", "data.json"])
        self.servers.append(Server("quire", [f"{build}/tools/quire", "serve", "bench.quire",
                                             "--port", "18200"], 18200))
        if npm is None or node is None:
            self.missing.append("Mercurius, graphql-yoga, PostGraphile: no --npm, or no node")
            return
        run([node, f"{npm}/sqlite.mjs", "."])

        def serve(name, kind, port, *more):
            self.start(name, lambda: Server(
                name, [node, f"{npm}/server.mjs", kind, str(port), ".", *more], port,
                env={**os.environ, "NODE_ENV": "production"}))
        serve("Mercurius", "mercurius", 18201)
        serve("Mercurius x2", "mercurius", 18202, "2")
        serve("graphql-yoga", "yoga", 18203)
        if self.arguments.postgres is None:
            self.missing.append("PostGraphile: no --postgres")
            return
        write_rows()
        self.start("PostGraphile", lambda: Postgraphile(self.arguments.postgres, node, npm, 18204))

    def start_canned(self, query):
        """The HTTP library with the answer to the first of the requests."""
        Path("canned").write_text(self.answers[query["name"], 0], encoding="utf-8")
        return Server("canned", [f"{self.arguments.build}/bench/quire-http-hello", "18210",
                                 str(os.cpu_count()), "canned"], 18210)

    def check(self, query):
        """Every answer of every server; returns those that take part."""
        taking = []
        for server in self.servers:
            bodies, number = bodies_of(server, query)
            self.created = max(self.created, number)
            if query["name"] == "Q5":
                bodies = [self.numbered(bodies[0])]
            if query["name"] == "Q6" and server.name == "PostGraphile":
                if '"__schema":{' not in post(server.port, bodies[0]):
                    raise Failure("PostGraphile does not answer Q6")
                taking.append(server)
                continue
            for i, body in enumerate(bodies):
                answer = post(server.port, body)
                if query["name"] == "Q5":
                    answer = server.plain(answer)
                expected = self.answers.setdefault((query["name"], i), answer)
                if query["name"] == "Q5" and '"errors"' not in answer:
                    expected = re.sub(r"\d{7}", re.search(r"\d{7}", answer).group(0), expected)
                    expected = re.sub(r"quarry \d+", re.search(r"quarry \d+", answer).group(0),
                                      expected)
                if answer != expected or '"errors"' in answer:
                    raise Failure(f"{query['name']}, {server.name}: {answer[:300]}\n"
                                  f"in place of {expected[:300]}")
            taking.append(server)
        return taking

    def numbered(self, pattern):
        number = self.created
        self.created += 1
        return pattern.replace("%07d", f"{number:07d}").replace("%d", str(number))

    def ask(self, server, query, seconds):
        """One run of wrk."""
        bodies, _ = bodies_of(server, query)
        Path("bodies").write_text("\n".join(bodies) + "\n", encoding="utf-8")
        pids = server.pids()
        before = processor_seconds(pids)
        out = run(["wrk", "-t1", f"-c{self.arguments.connections}",
                   f"-d{seconds}s", "--latency",
                   "--timeout", "10s", "-s", str(HERE / "requests.lua"),
                   f"http://127.0.0.1:{server.port}/graphql", "--", "bodies", str(self.created)])
        used = processor_seconds(pids) - before
        if "Non-2xx" in out or "Socket errors" in out:
            raise Failure(f"{query['name']}, {server.name}: {out}")
        count = int(re.search(r"(\d+) requests in", out).group(1))
        self.created += count + 1000  # more may be on their way
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
        scale = {"us": 1, "ms": 1000, "s": 1000000}[unit]
        return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
                "p99": float(value) * scale, "us": used * 1e6 / max(count, 1),
                "memory": resident_bytes(server.pids())}

    def measure(self, query):
        """Medians by server."""
        servers = self.check(query)
        canned = self.start_canned(query) if query["name"] != "Q5" else None
        figures = {}
        try:
            every = [*servers, *([canned] if canned else [])]
            for server in every:  # compilers that work as they go need a while
                self.ask(server, query, WARM * self.arguments.seconds)
            for _ in range(self.arguments.rounds):
                for server in every:
                    figure = self.ask(server, query, self.arguments.seconds)
                    figures.setdefault(server.name, []).append(figure)
        finally:
            if canned:
                canned.stop()
        return {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
                for name, runs in figures.items()}


def show(results, missing):
    names = []
    for figures in results.values():
        names += [name for name in figures if name not in names]
    for title, key, scale, form in (("requests/s", "rate", 1, "{:,.0f}"),
                                    ("processor time a request, us", "us", 1, "{:,.1f}"),
                                    ("99th percentile, us", "p99", 1, "{:,.0f}"),
                                    ("memory, MB", "memory", 1e-6, "{:,.0f}")):
        print(f"\n| {title} | " + " | ".join(results) + " |")
        print("|---|" + "---:|" * len(results))
        for name in names:
            cells = [form.format(figures[name][key] * scale) if name in figures else ""
                     for figures in results.values()]
            print(f"| {name} | " + " | ".join(cells) + " |")
    for line in missing:
        print(f"\nNot measured: {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="a build directory with QUIRE_BENCH=ON")
    parser.add_argument("--npm", help="where server.mjs and node_modules are")
    parser.add_argument("--postgres", help="the directory of PostgreSQL's programs")
    parser.add_argument("--queries", default=",".join(QUERIES))
    parser.add_argument("--users", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--directory", default=".", help="where the databases are put")
    arguments = parser.parse_args()
    arguments.build = Path(arguments.build).resolve()
    arguments.npm = Path(arguments.npm).resolve() if arguments.npm else None
    if shutil.which("wrk") is None:
        parser.error("wrk is missing")

    start = Path.cwd()
    scratch = Path(tempfile.mkdtemp(dir=arguments.directory)).resolve()
    scratch.chmod(0o755)
    os.chdir(scratch)
    bench = Bench(arguments)
    try:
        bench.start_all()
        queries = {q["name"]: q for q in json.loads(Path("queries.json").read_text("utf-8"))}
        results = {}
        for name in arguments.queries.split(","):
            results[name] = bench.measure(queries[name])
            print(json.dumps({"bench": "http", "case": name, **results[name]}), file=sys.stderr)
        show(results, bench.missing)
        return 0
    except Failure as failure:
        print(f"http: {failure}", file=sys.stderr)
        return 1
    finally:
        for server in bench.servers:
            server.stop()
        os.chdir(start)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
