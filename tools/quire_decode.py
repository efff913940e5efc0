#!/usr/bin/env python3
"""Reads a database file and its log by the documents alone and prints what they hold.

    quire_decode.py DATABASE    the rows, index entries and texts as JSON

Written from docs/file-format.md and the documents that it links, to show that
they are complete; shares no code with the library. Nothing on disk is changed.
Every page in use, every frame, tree, index and count is checked: the first
thing that is not as the documents say is reported with its place, and the exit
status is 1.

Canonical values: null, true, 12, "text", {"float": bits in hexadecimal},
{"blob": bytes in hexadecimal}, and an array for a list. Entries of a B-tree
index are listed in the order of their values, those of a hash index by rowid.
"""

import json
import os
import struct
import sys

sys.dont_write_bytecode = True
from quire_decode_log import (  # noqa: E402
    Damage, Log, PACK, PAGE_NUMBER_END, need, page_is_whole, records_of, u16, u32, u64)
from quire_hash import siphash_1_3, xxh3_64, xxh3_128  # noqa: E402

PAGE_NONE, PAGE_HEADER, PAGE_MAP = 0, 1, 2
ROW_LEAF, ROW_INNER, KEY_LEAF, KEY_INNER = 3, 4, 5, 6
OVERFLOW_INDEX, OVERFLOW_DATA, HASH_DIRECTORY, HASH_BUCKET = 7, 8, 9, 10
DEPTH_MAX = 32
PAYLOAD_MAX = 1 << 30


# ---- Pages ----


class Pages:
    """The pages of the database as its file and its log have them together."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        need(self.data[32:48] == b"Quire database\r\n", "not a database:", path)
        log_data = b""
        if os.path.exists(path + "-wal"):
            with open(path + "-wal", "rb") as file:
                log_data = file.read()
        self.page_size, self.id = u32(self.data, 56), self.data[64:80]
        first = self.data[:self.page_size]
        whole = len(first) >= 1024 and page_is_whole(first, 0, 0)
        if not whole:
            need(any(log_data[:32]), "page 0 is not readable, and there is no log")
            self.page_size, self.id = 1 << log_data[5], log_data[8:24]
        need(self.page_size in [1 << n for n in range(10, 16)], "page size", self.page_size)
        self.logged = {}
        self.count = None
        log = None
        if any(log_data[:32]):
            log = Log(log_data, self.id, self.page_size, u64(first, 8) if whole else 0)
            if log.accepted:
                self.redo(log)
        self.read_header(log)

    def redo(self, log):
        self.due = set()  # pages with a change of something else: an image must follow
        for number, _, page in log.accepted:
            if number == PACK:
                for record in records_of(page):
                    self.apply(*record)
                continue
            need(u32(page, 16) == number, "log: page", u32(page, 16), "is logged as", number)
            before = self.logged.get(number) or self.on_disk(number)
            if before is None or u64(before, 8) <= u64(page, 8):
                self.logged[number] = page
            self.due.discard(number)
        need(not self.due, "log: changes of pages", sorted(self.due), "have no base")
        self.count = log.pages

    def apply(self, number, base, lsn, ranges):
        page = self.logged.get(number) or self.on_disk(number)
        if number not in self.due and page is not None and u64(page, 8) >= lsn:
            return
        if number in self.due or page is None or u64(page, 8) != base:
            self.due.add(number)
            return
        page = bytearray(page)
        for where, data in ranges:
            page[where:where + len(data)] = data
        struct.pack_into("<Q", page, 8, lsn)
        struct.pack_into("<Q", page, 0, xxh3_64(bytes(page[8:]), u64(self.id, 0) ^ number))
        self.logged[number] = bytes(page)

    def on_disk(self, number):
        page = self.data[number * self.page_size:(number + 1) * self.page_size]
        if len(page) < self.page_size or not page_is_whole(page, number, u64(self.id, 0)):
            return None
        return page

    def read_header(self, log):
        page = self.page(0, PAGE_HEADER)
        written, oldest, size, flags = struct.unpack_from("<IIII", page, 48)
        need(oldest <= 1 <= written, "format", written, "for readers of", oldest)
        need(size == self.page_size and page[64:80] == self.id, "page 0: not of this log")
        need(flags in (0, 1), "page 0: flags", flags)
        need(log is not None or flags == 1, "the database is not clean and its log is missing")
        pages, self.free_count, root, free_map = struct.unpack_from("<IIII", page, 88)
        need(root == 1 and free_map == 2, "page 0: catalog root", root, "free map", free_map)
        if self.count is None:
            self.count = pages
            need(u64(page, 80) >= u64(page, 8), "page 0: newest sequence number")
        else:
            self.free_count = None
        self.cookie, self.application, self.version = struct.unpack_from("<QQQ", page, 104)
        need(u64(page, 136) == 0, "page 0: not everything is synced")
        need(page[144:] == bytes(self.page_size - 144), "page 0: bytes that should be zero")

    def page(self, number, *types):
        """A page that must be whole and of one of the types."""
        need(number < PAGE_NUMBER_END and (self.count is None or number < self.count),
             "page", number, "is beyond the end")
        page = self.logged.get(number) or self.on_disk(number)
        need(page is not None, "page", number, "is not readable")
        need(page[20] in types, "page", number, "has type", page[20])
        return page

    def free_pages(self):
        """The set of free pages and the set of map pages."""
        free, maps = set(), set()
        bits = (self.page_size - 32) * 8
        for k, number in enumerate(range(2, self.count, bits)):
            maps.add(number)
            body = self.page(number, PAGE_MAP)[32:]
            for i, byte in enumerate(body):
                for bit in range(8):
                    if byte >> bit & 1:
                        free.add(k * bits + i * 8 + bit)
        need(not free & (maps | {0, 1}), "free map: pages in use are free")
        need(not free or max(free) < self.count, "free map: page", max(free, default=0),
             "is beyond the end")
        return free, maps


# ---- Trees ----


class Walk:
    """Reads trees and remembers which pages they own."""

    def __init__(self, pages):
        self.pages = pages
        self.size = pages.page_size
        self.owner = {}

    def claim(self, number, tree, *types):
        page = self.pages.page(number, *types)
        need(number not in self.owner, "page", number, "is owned twice: by tree", tree,
             "and", self.owner.get(number))
        need(u32(page, 28) == tree, "page", number, "belongs to tree", u32(page, 28), "not", tree)
        self.owner[number] = tree
        return page

    def rows(self, root, tree):
        """All (rowid, payload) of a row tree."""
        return self.tree(root, tree, (ROW_LEAF, ROW_INNER), self.row_leaf, self.row_inner)

    def keys(self, root, tree):
        """All (key, payload) of a key tree."""
        return self.tree(root, tree, (KEY_LEAF, KEY_INNER), self.key_leaf, self.key_inner)

    def tree(self, root, tree, types, leaf, inner):
        out, leaf_depths = [], set()

        def visit(number, low, high, depth):
            need(depth <= DEPTH_MAX, "tree", tree, "is too deep")
            page = self.claim(number, tree, *types)
            need(depth == 1 or u64(page, 32) == 0, "page", number, "counts entries, is no root")
            if page[20] == types[0]:
                leaf_depths.add(depth)
                entries = leaf(page, number, tree)
                keys = [key for key, _ in entries]
                out.extend(entries)
                need(entries or depth == 1, "page", number, "is an empty leaf")
                children = []
            else:
                keys, children = inner(page, number)
            ordered = all(a < b for a, b in zip(keys, keys[1:]))
            need(ordered, "page", number, "has keys out of order")
            need(not keys or ((low is None or low <= keys[0]) and
                              (high is None or keys[-1] < high)),
                 "page", number, "has keys outside its separators")
            bounds = [low] + keys + [high]
            for i, child in enumerate(children):
                visit(child, bounds[i], bounds[i + 1], depth + 1)
            return page

        page = visit(root, None, None, 1)
        need(len(leaf_depths) == 1, "tree", tree, "has leaves at different depths")
        need(u64(page, 32) == len(out), "tree", tree, "counts", u64(page, 32), "entries, has",
             len(out))
        return out

    def cells(self, number, page, offsets, arrays_end, sizes):
        """Checks that cells lie in the heap and share no byte."""
        end = arrays_end
        need(arrays_end <= u16(page, 26) <= self.size, "page", number, "has a bad heap")
        for at, size in sorted(zip(offsets, sizes)):
            need(at >= max(end, u16(page, 26)) and at + size <= self.size,
                 "page", number, "has a bad cell at", at)
            end = at + size

    def row_leaf(self, page, number, tree):
        count, capacity = u16(page, 22), u16(page, 24)
        arrays_end = 48 + 8 * capacity + 2 * count
        need(count <= capacity and arrays_end <= self.size, "page", number, "has bad arrays")
        need(u16(page, 42) == 0 and u32(page, 44) == 0, "page", number, "has a bad header")
        keys = struct.unpack_from("<%dq" % count, page, 48)
        offsets = struct.unpack_from("<%dH" % count, page, 48 + 8 * capacity)
        need(all(at + 2 <= self.size for at in offsets), "page", number, "has a bad cell")
        sizes = [u16(page, at) for at in offsets]
        self.cells(number, page, offsets, arrays_end, [2 + (size & 0x7FFF) for size in sizes])
        inline_max = (self.size - 48) // 4 - 12
        return [(key, self.body(page, number, at + 2, size, inline_max, tree))
                for key, at, size in zip(keys, offsets, sizes)]

    def row_inner(self, page, number):
        count, capacity = u16(page, 22), u16(page, 24)
        hints = 48
        keys_at = hints + 8 * (capacity // 16)
        children_at = keys_at + 8 * capacity
        need(count <= capacity and capacity % 16 == 0 and
             children_at + 4 * (capacity + 1) <= self.size, "page", number, "has bad arrays")
        keys = list(struct.unpack_from("<%dq" % count, page, keys_at))
        for j in range(count // 16):
            need(struct.unpack_from("<q", page, hints + 8 * j)[0] == keys[16 * j + 15],
                 "page", number, "has a wrong hint", j)
        return keys, struct.unpack_from("<%dI" % (count + 1), page, children_at)

    def key_arrays(self, page, number, extra):
        """Prefix, heads and offsets of a key node, and the place of what lies between."""
        count, capacity, prefix_size = u16(page, 22), u16(page, 24), u16(page, 42)
        heads_at = 48 + (prefix_size + 3) // 4 * 4
        middle_at = heads_at + 4 * capacity
        offsets_at = middle_at + extra * (capacity + 1)
        arrays_end = offsets_at + 2 * count
        need(count <= capacity and arrays_end <= self.size, "page", number, "has bad arrays")
        need(u32(page, 44) == 0, "page", number, "has a bad header")
        heads = [page[heads_at + 4 * i:heads_at + 4 * i + 4] for i in range(count)]
        offsets = struct.unpack_from("<%dH" % count, page, offsets_at)
        fixed = 2 if extra else 4
        need(all(at + fixed <= self.size for at in offsets), "page", number, "has a bad cell")
        return page[48:48 + prefix_size], heads, middle_at, offsets, arrays_end

    def key_of(self, page, number, prefix, head, size, rest_at):
        """The key of a cell: prefix, head, and the suffix from its fifth byte on."""
        need(size >= 4 or head[size:] == bytes(4 - size), "page", number, "has a bad head")
        key = prefix + head[:size] + page[rest_at:rest_at + max(size - 4, 0)]
        need(len(key) <= self.size // 4 - 32, "page", number, "has a key of", len(key), "bytes")
        return key

    def key_leaf(self, page, number, tree):
        prefix, heads, _, offsets, arrays_end = self.key_arrays(page, number, 0)
        out, sizes = [], []
        for head, at in zip(heads, offsets):
            suffix, body = u16(page, at), u16(page, at + 2)
            rest = max(suffix - 4, 0)
            sizes.append(4 + rest + (body & 0x7FFF))
            need(at + sizes[-1] <= self.size, "page", number, "has a bad cell")
            inline_max = (self.size - 48) // 4 - 6 - 4 - rest
            out.append((self.key_of(page, number, prefix, head, suffix, at + 4),
                        self.body(page, number, at + 4 + rest, body, inline_max, tree)))
        self.cells(number, page, offsets, arrays_end, sizes)
        return out

    def key_inner(self, page, number):
        prefix, heads, children_at, offsets, arrays_end = self.key_arrays(page, number, 4)
        keys, sizes = [], []
        for head, at in zip(heads, offsets):
            suffix = u16(page, at)
            sizes.append(2 + max(suffix - 4, 0))
            need(at + sizes[-1] <= self.size, "page", number, "has a bad cell")
            keys.append(self.key_of(page, number, prefix, head, suffix, at + 2))
        self.cells(number, page, offsets, arrays_end, sizes)
        return keys, struct.unpack_from("<%dI" % (len(keys) + 1), page, children_at)

    def body(self, page, number, at, size, inline_max, tree):
        if size & 0x8000 == 0:
            need(size <= inline_max, "page", number, "keeps", size, "bytes in a cell")
            return page[at:at + size]
        need(size & 0x7FFF == 12, "page", number, "has a bad overflow reference")
        payload_size, first = u64(page, at), u32(page, at + 8)
        need(inline_max < payload_size <= PAYLOAD_MAX, "page", number, "has an overflow value of",
             payload_size, "bytes")
        return self.overflow(first, payload_size, tree)

    def overflow(self, first, size, tree):
        capacity = self.size - 32
        if size <= capacity:
            return self.claim(first, tree, OVERFLOW_DATA)[32:32 + size]
        numbers = []
        while first:
            page = self.claim(first, tree, OVERFLOW_INDEX)
            runs = u16(page, 22)
            need(1 <= runs <= (self.size - 40) // 8 and u32(page, 36) == 0,
                 "page", first, "has", runs, "runs")
            for j in range(runs):
                start, length = struct.unpack_from("<II", page, 40 + 8 * j)
                need(length and start + length <= self.pages.count, "page", first, "has a bad run")
                numbers.extend(range(start, start + length))
            first = u32(page, 32)
        need(len(numbers) == -(-size // capacity), "an overflow value of", size, "bytes has",
             len(numbers), "pages")
        return b"".join(self.claim(n, tree, OVERFLOW_DATA)[32:] for n in numbers)[:size]

    # ---- Hash indexes ----

    def hash_index(self, root, tree, secret):
        """All (stored key, is cut, rowid) of a hash index."""
        page = self.claim(root, tree, HASH_DIRECTORY)
        rowids, cells, cell_bytes, buckets = struct.unpack_from("<QQQI", page, 32)
        depth = page[60]
        need(buckets >= 1 and depth <= 3, "page", root, "has", buckets, "buckets, depth", depth)
        fanout = 1 << ((self.size - 64) // 4).bit_length() - 1
        need(buckets <= fanout ** (depth + 1), "page", root, "has too many buckets")

        def numbers(directory, level, first):
            span = fanout ** level
            for i in range(fanout):
                at = u32(directory, 64 + 4 * i)
                if first + i * span >= buckets:
                    return
                if level == 0:
                    yield first + i, at
                else:
                    below = self.claim(at, tree, HASH_DIRECTORY)
                    need(below[32:64] == bytes(32), "page", at, "has bytes that should be zero")
                    yield from numbers(below, level - 1, first + i * span)

        found = []
        for bucket, at in numbers(page, depth, 0):
            found += self.bucket(bucket, at, tree, secret, buckets)
        out = [(key, cut, rowid) for key, cut, ids, _ in found for rowid in ids]
        need((rowids, cells, cell_bytes) == (len(out), len(found), sum(f[3] for f in found)),
             "hash index", tree, "counts", rowids, cells, cell_bytes, "has", len(out), len(found),
             sum(f[3] for f in found))
        return out

    def bucket(self, bucket, number, tree, secret, buckets):
        found, first = [], True
        level = buckets.bit_length() - 1
        while number:
            page = self.claim(number, tree, HASH_BUCKET)
            need(u32(page, 36) == bucket and page[21] == (0 if first else 1),
                 "page", number, "is not of bucket", bucket)
            slot_count = self.size // 16
            slots = struct.unpack_from("<%dI" % slot_count, page, 40)
            used = [(i, slot) for i, slot in enumerate(slots) if slot]
            need(len(used) == u16(page, 22) <= slot_count * 7 // 8,
                 "page", number, "counts", u16(page, 22), "cells, has", len(used))
            total, low = 0, self.size
            for i, slot in used:
                at, tag = slot & 0xFFFF, slot >> 16
                need(40 + self.size // 4 <= at <= self.size - 3, "page", number, "has a bad slot")
                cell = self.hash_cell(page, number, at, tree)
                h = siphash_1_3(cell[0], secret)
                home = h % (2 << level)
                need((home if home < buckets else h % (1 << level)) == bucket,
                     "page", number, "has a key of another bucket")
                need(h >> 48 == tag, "page", number, "has a wrong tag")
                way = [slots[(tag + k) % slot_count] for k in range((i - tag) % slot_count)]
                need(all(way), "page", number, "has a cell that a search misses")
                found.append(cell)
                total, low = total + cell[3], min(low, at)
            need(low >= u16(page, 24) and u16(page, 24) + total + u16(page, 26) == self.size,
                 "page", number, "has", total, "bytes of cells and", u16(page, 26), "removed from",
                 u16(page, 24))
            number, first = u32(page, 32), False
        return found

    def hash_cell(self, page, number, at, tree):
        flags = u16(page, at)
        try:
            value, key_at = varint(page, at + 2)
        except IndexError:
            raise Damage("page %d has a bad cell at %d" % (number, at)) from None
        end = key_at + (flags & 0x3FFF)
        need(end <= self.size, "page", number, "has a bad cell at", at)
        if flags & 0x8000:
            rowids = [rowid for rowid, payload in self.rows(value, tree) if payload == b""]
        else:
            rowids = [value >> 1 if value & 1 == 0 else ~(value >> 1)]
        return page[key_at:end], bool(flags & 0x4000), rowids, end - at


# ---- Records and keys ----


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    need(value < 1 << 64 and (byte or shift == 7), "a varint that is not in its shortest form")
    return value, at


class Float(int):
    """The bits of a binary64."""


class List(list):
    """The elements of a list value."""


def record(data, depth=0):
    """The columns of a record."""
    need(depth <= 16, "a list nested too deep")
    try:
        count, at = varint(data, 0)
        need(count <= len(data), "a record of", count, "columns in", len(data), "bytes")
        serials = []
        for _ in range(count):
            serial, at = varint(data, at)
            serials.append(serial)
    except IndexError:
        raise Damage("a record ends in its header") from None
    values = []
    for serial in serials:
        need(serial not in (14, 15), "serial type", serial)
        size = (serial - 16) // 3 if serial >= 16 else 8 if serial == 13 else max(serial - 4, 0)
        body = data[at:at + size]
        need(len(body) == size, "a record ends in a value")
        at += size
        values.append(value_of(serial, body, depth))
    need(at == len(data), "a record with", len(data) - at, "bytes behind it")
    return values


def value_of(serial, body, depth):
    if serial >= 16:
        kind = (serial - 16) % 3
        return body.decode() if kind == 0 else body if kind == 1 else List(record(body, depth + 1))
    if serial == 13:
        return Float(u64(body, 0))
    if serial >= 5:
        value = int.from_bytes(body, "little", signed=True)
        bits = (~value if value < 0 else value).bit_length() + 1
        need(value not in (0, 1) and len(body) == (bits + 7) // 8,
             "an integer that is not in its shortest form")
        return value
    return (None, False, True, 0, 1)[serial]


def element(value):
    """A value as an element of an index key."""
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return b"\x09" if value else b"\x08"
    if isinstance(value, Float):
        exponent, fraction = value >> 52 & 0x7FF, value & (1 << 52) - 1
        if exponent == 0x7FF and fraction:
            return b"\x20" + bytes(8)
        bits = 0 if value == 1 << 63 else int(value)
        bits ^= (1 << 64) - 1 if bits >> 63 else 1 << 63
        return b"\x20" + bits.to_bytes(8, "big")
    if isinstance(value, int):
        size = (abs(value).bit_length() + 7) // 8
        magnitude = abs(value).to_bytes(size, "big")
        if value >= 0:
            return bytes([0x14 + size]) + magnitude
        return bytes([0x14 - size]) + complement(magnitude)
    tag, data = (b"\x30", value.encode()) if isinstance(value, str) else (b"\x31", value)
    return tag + data.replace(b"\0", b"\0\xff") + b"\0\0"


def complement(data):
    return bytes(255 - byte for byte in data)


def index_key(values, parts):
    """The key of a row in an index of these (column, descending, collation)."""
    key = b""
    for value, (_, down, collation) in zip(values, parts):
        need(collation in (None, "nocase"), "collation", collation, "is not known here")
        if collation and value is not None:
            value = value.casefold()
        key += complement(element(value)) if down else element(value)
    return key


def element_size(data, down):
    """The size of the element that an index key begins with."""
    data = complement(data) if down else data
    need(data, "an index key that ends early")
    if data[0] in (0x30, 0x31):
        at = 1
        while data[at:at + 2] != b"\0\0":
            need(at + 1 < len(data), "an index key that ends in a text")
            at += 2 if data[at] == 0 else 1
        return at + 2
    return 9 if data[0] == 0x20 else 1 if data[0] < 0x0C else 1 + abs(data[0] - 0x14)


def rowid_of(data):
    """The rowid that an element stands for."""
    size = element_size(data, False)
    need(size == len(data) and 0x0C <= data[0] <= 0x1C, "a rowid in an index")
    magnitude = data[1:] if data[0] >= 0x14 else complement(data[1:])
    value = int.from_bytes(magnitude, "big")
    return value if data[0] >= 0x14 else -value


def cut_key(key, page_size):
    """The key as an index stores it, and whether it is cut."""
    whole_max = page_size // 4 - 41
    if len(key) <= whole_max:
        return key, False
    return key[:whole_max - 16] + xxh3_128(key).to_bytes(16, "little"), True


# ---- The database ----


TYPES = {1: "bool", 2: "int", 3: "float", 4: "text", 5: "blob", 6: "list"}
KINDS = {1: "tree", 2: "table", 3: "index", 4: "view", 5: "trigger", 6: "text",
         7: "key tree"}
SPACES = {"tree": 1, "key tree": 1, "table": 1, "view": 1, "index": 1, "trigger": 2, "text": 3}


class Database:
    """Everything that a database holds, checked and ready to be listed."""

    def __init__(self, path):
        self.pages = Pages(path)
        self.walk = Walk(self.pages)
        self.objects = self.catalog()
        self.tables, self.trees, self.views = {}, {}, {}
        for each in sorted(self.objects.values(), key=lambda each: each["id"]):
            if each["kind"] == "table":
                self.tables[each["name"]] = self.table(each)
            elif each["kind"] == "tree":
                self.trees[each["name"]] = self.walk.rows(each["root"], each["id"])
            elif each["kind"] == "key tree":
                self.trees[each["name"]] = self.walk.keys(each["root"], each["id"])
        for each in self.objects.values():
            if each["kind"] == "index":
                self.index(each)
            elif each["kind"] == "trigger":
                self.trigger(each)
            elif each["kind"] == "view":
                self.view(each)
        self.check_pages()

    def catalog(self):
        root = self.pages.page(1, PAGE_NONE, KEY_LEAF, KEY_INNER)
        if root[20] == PAGE_NONE:
            self.walk.owner[1] = 0
            return {}
        objects, names, owned, gaps, next_id = {}, {}, set(), {}, None
        for key, payload in self.walk.keys(1, 1):
            if key == b"\0":
                next_id, = record(payload)
            elif key[0] == 1 and len(key) == 5:
                number = int.from_bytes(key[1:], "big")
                objects[number] = self.object(number, record(payload))
            elif key[0] == 2 and len(key) > 2:
                names[key[1:]], = record(payload)
            elif key[0] == 4 and len(key) == 5:
                gaps[int.from_bytes(key[1:], "big")] = record(payload)
            elif key[0] == 3 and len(key) == 9 and payload == b"":
                owned.add((int.from_bytes(key[1:5], "big"), int.from_bytes(key[5:], "big")))
            else:
                raise Damage("catalog: key " + key.hex())
        need(next_id is not None and 2 <= min(objects, default=2) and
             max(objects, default=1) < next_id, "catalog: next id", next_id)
        expected = {}
        for number, each in objects.items():
            name = each["name"].encode()
            if len(name) > 160:
                name = name[:160] + number.to_bytes(4, "big")
            expected[bytes([SPACES[each["kind"]]]) + name] = number
        need(expected == names, "catalog: names differ from objects")
        need(owned == {(each["owner"], number) for number, each in objects.items()
                       if each["kind"] in ("index", "trigger", "view")}, "catalog: owners differ")
        need(set(gaps) == {number for number, each in objects.items() if each["building"]},
             "catalog: gaps differ from indexes being built")
        for number, gap in gaps.items():
            objects[number]["gap"] = gap
        return objects

    @staticmethod
    def object(number, columns):
        need(5 <= len(columns) <= 11 and columns[0] in KINDS, "catalog: object", number)
        columns += [None] * (11 - len(columns))
        kind, name, root, owner, detail = columns[:5]
        hashed, unique, secret, included, where, building = columns[5:]
        need(1 <= len(name.encode()) <= 255, "catalog: name of object", number)
        return {"id": number, "kind": KINDS[kind], "name": name, "root": root, "owner": owner,
                "detail": detail, "hashed": hashed, "unique": unique, "secret": secret,
                "included": included or [], "where": where, "building": building}

    def table(self, each):
        detail = each["detail"]
        columns = [tuple(detail[i:i + 3]) for i in range(0, len(detail), 3)]
        rows = []
        for rowid, payload in self.walk.rows(each["root"], each["id"]):
            values = record(payload)
            need(len(values) <= len(columns), each["name"], rowid, "has too many columns")
            values += [None] * (len(columns) - len(values))
            for value, (name, kind, not_null) in zip(values, columns):
                need(fits(value, TYPES[kind]) and not (value is None and not_null),
                     each["name"], rowid, "column", name, "does not fit its type")
            rows.append((rowid, values))
        return {"columns": columns, "rows": rows, "indexes": {}, "triggers": {}}

    def index(self, each):
        owner = self.objects[each["owner"]]
        table = self.tables[owner["name"]]
        detail = each["detail"]
        parts = [tuple(detail[i:i + 3]) for i in range(0, len(detail), 3)]
        keys = {rowid: [None if isinstance(source, str) else values[source]
                        for source, _, _ in parts] for rowid, values in table["rows"]
                if not self.in_gap(each, rowid)}
        included = {rowid: [values[column] for column in each["included"]]
                    for rowid, values in table["rows"]}
        if each["where"] or any(isinstance(source, str) for source, _, _ in parts):
            order = self.computed(each, parts, keys, included)
        else:
            order = self.plain_index(each, parts, keys, included)
        if each["building"]:
            return  # checked, but nobody sees it yet
        names = [column[0] for column in table["columns"]]
        listing = {
            "kind": "hash" if each["hashed"] else "btree", "unique": each["unique"],
            "columns": [[source if isinstance(source, str) else names[source], down] +
                        ([collation] if collation else []) for source, down, collation in parts],
            "included": [names[column] for column in each["included"]],
            "entries": [[rowid, List(keys[rowid]), *included[rowid]] for rowid in order]}
        if each["where"]:
            listing["where"] = each["where"]
        table["indexes"][each["name"]] = listing

    @staticmethod
    def in_gap(each, rowid):
        return each["building"] and each["gap"][0] <= rowid <= each["gap"][1]

    def plain_index(self, each, parts, keys, included):
        """The rowids of an index of all rows by their columns, whose entries are compared."""
        encoded = {rowid: index_key(key, parts) for rowid, key in keys.items()}
        stored = {rowid: cut_key(key, self.pages.page_size) for rowid, key in encoded.items()}
        if each["unique"]:
            whole = [encoded[rowid] for rowid, key in keys.items() if None not in key]
            need(len(set(whole)) == len(whole), "index", each["name"], "has equal keys")
        if not each["hashed"]:
            self.check_ordered(each, keys, stored, included)
            return sorted(keys, key=lambda rowid: (encoded[rowid], rowid))
        found = sorted(self.walk.hash_index(each["root"], each["id"], each["secret"]),
                       key=lambda entry: entry[2])
        need(found == [(*stored[rowid], rowid) for rowid in sorted(stored)],
             "index", each["name"], "differs from the rows")
        return sorted(keys)

    def computed(self, each, parts, keys, included):
        """The rowids of an index with expressions, which are not evaluated here: its entries must
        be of rows, one a row at most, with the columns and the included values that these have."""
        if each["hashed"]:
            found = [(key, rowid, None) for key, _, rowid in
                     self.walk.hash_index(each["root"], each["id"], each["secret"])]
            found.sort(key=lambda entry: entry[1])
        else:
            found = [self.entry(each, key, payload, len(parts))
                     for key, payload in self.walk.keys(each["root"], each["id"])]
        for key, rowid, values in found:
            need(rowid in keys, "index", each["name"], "has an entry without a row", rowid)
            need(values is None or repr(values) == repr(included[rowid]),
                 "index", each["name"], "includes other values than row", rowid)
            at = 0
            for value, (source, down, collation) in zip(keys[rowid], parts):
                size = element_size(key[at:], down)
                need(collation or isinstance(source, str) or
                     key[at:at + size] == index_key([value], [(source, down, None)]),
                     "index", each["name"], "has another key than row", rowid)
                at += size
        order = [rowid for _, rowid, _ in found]
        need(len(set(order)) == len(order), "index", each["name"], "has a row twice")
        return order

    def entry(self, each, key, payload, parts):
        """Key, rowid and included values of an entry whose key is whole."""
        need(payload[:1] != b"\1", "index", each["name"], "has a cut key: not known here")
        if payload and payload[0] > 2:
            size = element_size(payload, False)
            rowid, rest = rowid_of(payload[:size]), payload[size:]
        else:
            at = 0
            for part in range(parts):
                at += element_size(key[at:], each["detail"][3 * part + 1])
            key, rowid, rest = key[:at], rowid_of(key[at:]), payload[1:]
        return key, rowid, record(rest) if rest else []

    def view(self, each):
        table = self.tables[self.objects[each["owner"]]["name"]]
        condition, columns, order = record(each["detail"])
        columns, order = columns or [], order or []
        names = [column[0] for column in table["columns"]]
        need(condition is None or type(condition) is str, "view", each["name"], "filter")
        need(len(columns) % 2 == 0 and all(type(text) is str for text in columns),
             "view", each["name"], "columns")
        need(len(order) % 2 == 0 and len(order) <= 32 and
             all(name in names for name in order[::2]) and
             all(type(down) is bool for down in order[1::2]), "view", each["name"], "order")
        self.views[each["name"]] = {
            "table": self.objects[each["owner"]]["name"], "filter": condition,
            "columns": [list(pair) for pair in zip(columns[::2], columns[1::2])],
            "order": [list(pair) for pair in zip(order[::2], order[1::2])]}

    def trigger(self, each):
        table = self.tables[self.objects[each["owner"]]["name"]]
        time, events, enabled, function = record(each["detail"])
        need(time in (0, 1) and 1 <= events <= 7 and type(enabled) is bool and
             1 <= len(function.encode()) <= 255, "trigger", each["name"], "is malformed")
        table["triggers"][each["name"]] = {
            "time": ("before", "after")[time], "enabled": enabled, "function": function,
            "events": [name for bit, name in ((1, "insert"), (2, "update"), (4, "delete"))
                       if events & bit]}

    def check_ordered(self, each, keys, stored, included):
        """That the entries of a B-tree index are those of the rows."""
        expected = []
        for rowid, (key, cut) in stored.items():
            if each["unique"] and not cut and None not in keys[rowid]:
                expected.append((key, element(rowid), included[rowid]))
            else:
                mark = b"\1" if cut else b"\2" if each["included"] else b""
                expected.append((key + element(rowid), mark, included[rowid]))
        expected.sort(key=lambda entry: entry[:2])
        found = self.walk.keys(each["root"], each["id"])
        need(len(found) == len(expected), "index", each["name"], "has too many or few entries")
        for (key, payload), (wanted, head, values) in zip(found, expected):
            need(key == wanted and payload.startswith(head),
                 "index", each["name"], "differs from the rows")
            rest = payload[len(head):]
            need(repr(record(rest) if rest else []) == repr(values),
                 "index", each["name"], "includes other values than the rows")

    def check_pages(self):
        free, maps = self.pages.free_pages()
        owned = set(self.walk.owner)
        need(not owned & free, "free and in use:", sorted(owned & free)[:8])
        need(not owned & maps, "of a tree and of the free map:", sorted(owned & maps)[:8])
        lost = set(range(1, self.pages.count)) - owned - free - maps
        need(not lost, "neither free nor in use:", sorted(lost)[:8])
        need(self.pages.free_count in (None, len(free)), "page 0: counts",
             self.pages.free_count, "free pages, there are", len(free))

    def listing(self):
        def named(kind):
            return sorted((each for each in self.objects.values() if each["kind"] == kind),
                          key=lambda each: each["name"].encode())

        return {
            "page_size": self.pages.page_size,
            "texts": {each["name"]: each["detail"].decode() for each in named("text")},
            "trees": {each["name"]: [[rowid, payload.hex()]
                                     for rowid, payload in self.trees[each["name"]]]
                      for each in named("tree")},
            "key trees": {each["name"]: [[key.hex(), payload.hex()]
                                         for key, payload in self.trees[each["name"]]]
                          for each in named("key tree")},
            "tables": {each["name"]: self.table_listing(self.tables[each["name"]])
                       for each in named("table")},
            "views": dict(sorted(self.views.items())),
        }

    @staticmethod
    def table_listing(table):
        return {
            "columns": [[name, TYPES[kind], not_null] for name, kind, not_null in table["columns"]],
            "rows": [[rowid, plain(List(values))] for rowid, values in table["rows"]],
            "indexes": {name: {**index, "entries": [[rowid, *map(plain, values)]
                                                    for rowid, *values in index["entries"]]}
                        for name, index in sorted(table["indexes"].items())},
            "triggers": dict(sorted(table["triggers"].items())),
        }


def fits(value, kind):
    types = {"bool": bool, "int": int, "float": Float, "text": str, "blob": bytes, "list": List}
    return value is None or type(value) is types[kind]


def plain(value):
    """A value in its canonical JSON form."""
    if isinstance(value, Float):
        return {"float": "%016x" % value}
    if isinstance(value, List):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    return value


def write(value, out, indent=0):
    """JSON, with the rows of a table a line each."""
    flat = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, (dict, list)) or (len(flat) <= 100 and indent > 0):
        out.write(flat)
        return
    pad = "\n" + " " * (indent + 1)
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    out.write("{" if isinstance(value, dict) else "[")
    for place, (key, each) in enumerate(items):
        out.write(("," if place else "") + pad)
        if key is None:
            out.write(json.dumps(each, ensure_ascii=False))
        else:
            out.write(json.dumps(key, ensure_ascii=False) + ": ")
            write(each, out, indent + 1)
    out.write("\n" + " " * indent + ("}" if isinstance(value, dict) else "]"))


def main(arguments):
    if len(arguments) != 2 or arguments[1].startswith("-"):
        sys.stderr.write(__doc__)
        return 64
    try:
        listing = Database(arguments[1]).listing()
    except OSError as error:
        sys.stderr.write("quire_decode: %s\n" % error)
        return 1
    except (Damage, ValueError, TypeError, LookupError, struct.error) as error:
        sys.stderr.write("quire_decode: %s: %s\n" % (arguments[1], error))
        return 1
    write(listing, sys.stdout)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
