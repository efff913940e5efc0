"""The write-ahead log for quire_decode.py, by docs/wal-format.md alone; and what
every part of the decoder reads bytes and reports damage with."""

import struct
import sys

sys.dont_write_bytecode = True
from quire_hash import xxh3_64  # noqa: E402

PAGE_NUMBER_END = 0xFFFFFF00
PACK = 0xFFFFFF01  # in place of a page number: the frame holds changes of pages


class Damage(Exception):
    """Something on disk is not as the documents say."""


def need(condition, *what):
    if not condition:
        raise Damage(" ".join(str(word) for word in what))


def u16(data, offset):
    return struct.unpack_from("<H", data, offset)[0]


def u32(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


def u64(data, offset):
    return struct.unpack_from("<Q", data, offset)[0]


def page_is_whole(page, number, idw):
    return u64(page, 0) == xxh3_64(page[8:], idw ^ number if number else 0) and \
        u32(page, 16) == number


# ---- The log ----


class Segment:
    """One segment of the log: its header judged, its frames not yet."""

    FREE, LIVE, UNUSED, TORN = "free", "live", "unused", "torn"

    def __init__(self, log, number, cut):
        self.number = number
        self.log = log
        self.offset = 4096 + number * log.segment_size
        header = log.data[self.offset:self.offset + 32]
        self.generation, self.salt, self.before = 0, 0, 0
        if len(header) < 32:
            self.kind = self.UNUSED
            return
        magic, version, state, generation, salt, before, checksum = \
            struct.unpack("<4sHHQIIQ", header)
        if header == bytes(32):
            self.kind = self.UNUSED
            rest = log.data[self.offset:self.offset + log.segment_size]
            need(cut or not any(rest), "log: segment", number, "has no header over its content")
            return
        need(magic == b"QSEG" and version == 1, "log: segment", number, "has no valid header")
        if checksum != xxh3_64(header[:24], log.idw):
            self.kind = self.TORN
            return
        need(state in (0, 1), "log: segment", number, "has state", state)
        self.kind = self.LIVE if state else self.FREE
        self.generation, self.salt, self.before = generation, salt, before
        self.checksum = checksum

    def frames(self):
        """Yields (offset, header, page) of every place for a frame."""
        step = 24 + self.log.page_size
        for index in range((self.log.segment_size - 32) // step):
            at = self.offset + 32 + index * step
            frame = self.log.data[at:at + step]
            if len(frame) < step:
                return
            yield at, frame[:24], frame[24:]

    def stands(self, index, header, page):
        number, _, salt, place = struct.unpack_from("<IIII", header)
        return salt == self.salt and place & 0x7FFFFFFF == index and \
            (number < PAGE_NUMBER_END or number == PACK) and \
            u64(page, 0) == xxh3_64(page[8:], self.log.idw ^ number if number else 0) and \
            (number != PACK or records_of(page) is not None)

    def good(self):
        """The good frames as (page number, commit mark, page), and what follows the last of them:
        its offset and whether a later frame was marked as written after a sync."""
        seed, good, bad_at, marked = self.checksum, [], None, False
        for index, (at, header, page) in enumerate(self.frames()):
            stands = self.stands(index, header, page)
            if bad_at is None:
                if stands and u64(header, 16) == xxh3_64(header[:16] + page[:8], seed):
                    seed = u64(header, 16)
                    good.append((u32(header, 0), u32(header, 4), page))
                    continue
                bad_at = at
            elif stands and u32(header, 12) >> 31:
                marked = True
        return good, bad_at, marked


def ranges_of(record, page_size):
    """The ranges of a record as (offset, bytes), None when they are not sound."""
    at, ranges = 24, []
    for _ in range(u16(record, 6)):
        where, size = struct.unpack_from("<HH", record + bytes(4), at)
        if where < 16 or size == 0 or where + size > page_size or at + 4 + size > len(record):
            return None
        ranges.append((where, record[at + 4:at + 4 + size]))
        at += 4 + size
    return ranges if ranges and at == len(record) else None


def records_of(pack):
    """The records of a pack as (page number, base, sequence number, ranges), None when it is not
    sound."""
    count, zero, used, zero2 = struct.unpack_from("<HHII", pack, 20)
    at, records = 32, []
    while at + 24 <= used <= len(pack):
        number, size, _, base, lsn = struct.unpack_from("<IHHQQ", pack, at)
        ranges = ranges_of(pack[at:at + size], len(pack)) if 24 <= size <= used - at else None
        if not 0 < number < PAGE_NUMBER_END or lsn <= base or ranges is None:
            return None
        records.append((number, base, lsn, ranges))
        at += size
    sound = records and (at, count, zero, zero2, u32(pack, 16)) == \
        (used, len(records), 0, 0, PACK) and u64(pack, 8) == max(lsn for _, _, lsn, _ in records)
    return records if sound else None


class Log:
    """The accepted frames of the log, by steps 1 to 5 of its recovery."""

    def __init__(self, data, database_id, page_size, header_lsn):
        self.data = data
        self.idw = u64(database_id, 0)
        self.page_size = page_size
        self.accepted = []
        self.pages = None  # size of the database after the last accepted group
        magic, version, page_log, segment_log, flags, log_id, checksum = \
            struct.unpack("<4sBBBB16sQ", data[:32])
        need(magic == b"QLOG" and checksum == xxh3_64(data[:24]), "log: header is not valid")
        need(version == 1 and flags == 0, "log: version", version, "flags", flags)
        need(log_id == database_id, "log: belongs to another database")
        need(1 << page_log == page_size, "log: page size is 2 to the power", page_log)
        need(12 <= segment_log <= 30, "log: segment size is 2 to the power", segment_log)
        self.segment_size = 1 << segment_log
        need(self.segment_size >= 32 + 24 + page_size, "log: a segment holds no frame")
        self.read(self.segments(), header_lsn)

    def segments(self):
        body = max(len(self.data) - 4096, 0)
        whole, rest = divmod(body, self.segment_size)
        segments = [Segment(self, k, False) for k in range(whole)]
        if rest:
            last = Segment(self, whole, True)
            if last.kind == Segment.LIVE:
                segments.append(last)
        return segments

    def read(self, segments, header_lsn):
        retired = max([s.generation for s in segments if s.kind == Segment.FREE], default=0)
        live = sorted((s for s in segments if s.kind == Segment.LIVE and s.generation > retired),
                      key=lambda s: s.generation)
        for step, segment in enumerate(live):
            need(segment.generation == retired + 1 + step,
                 "log: generation", retired + 1 + step, "is missing")
        frames = []
        for segment, successor in zip(live, live[1:] + [None]):
            good, bad_at, marked = segment.good()
            if successor is not None:
                need(len(good) >= successor.before, "log: bad frame at", bad_at)
                good = good[:successor.before]
            else:
                need(not marked, "log: bad frame at", bad_at, "before a sync")
            frames += good
        marks = [i for i, (_, mark, _) in enumerate(frames) if mark]
        if marks:
            self.accepted = frames[:marks[-1] + 1]
            self.pages = frames[marks[-1]][1]
        newest = max([u64(page, 8) for _, _, page in self.accepted], default=0)
        for segment in segments:
            self.check_unused(segment, max(newest, header_lsn))

    def check_unused(self, segment, newest):
        """That a segment without a live header did not lose one."""
        if segment.kind == Segment.FREE:
            frames = list(segment.frames())
            if frames and u32(frames[0][1], 8) == segment.salt:
                lost = any(index and segment.stands(index, header, page) and
                           u32(header, 12) >> 31
                           for index, (_, header, page) in enumerate(frames))
                need(not lost, "log: segment", segment.number, "lost its header")
        elif segment.kind == Segment.TORN:
            for at, header, page in segment.frames():
                number = u32(header, 0)
                need(not page_is_whole(page, number, self.idw) or u64(page, 8) <= newest,
                     "log: a frame at", at, "is needed, its segment's header is torn")
