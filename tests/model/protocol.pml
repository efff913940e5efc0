/*
 * How commits become durable: groups written to the log, segments begun,
 * sealed, released and used again, checkpoints, crashes, failed syncs, and
 * recovery. docs/concurrency.md (I1 to I3, I6 to I8) and docs/wal-format.md say the
 * same in prose. snapshots.pml has what happens in memory.
 *
 * The database is two pages, A and B. Commit n writes n into both, in a group
 * of two frames; a segment holds three, so groups cross segments. A word of
 * disk (a page, a frame, a segment header) is written whole: what a crash may
 * leave of it is the old or the new word, or for a page neither. A sync that
 * fails leaves the new word readable and the old one on the disk.
 *
 * Claims: after every recovery both pages have the same number; it is at least
 * that of the last acknowledged commit and of what earlier recoveries showed;
 * and what a crash has left is never taken for damage.
 *
 * With -DNORMAL commits are acknowledged when the log is synced later on.
 * -DDROP_x drops one rule, by the name under which the code can drop it
 * (QR_MUTANT in base/check.h): the model must then fail. Rules that the code
 * cannot drop have a name here alone. Not in the model: creation of files
 * (NO_DIRECTORY_SYNC), page counts (OLD_PAGE_COUNT), groups that are given up
 * and written again (UNCHAINED), commits without syncs and how a file is settled
 * behind them (NO_SETTLE_SYNC). New pages that do not go through the log have
 * a model of their own, direct.pml.
 */
#ifndef COMMITS
#define COMMITS 6
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS 2
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

#ifdef DROP_NO_SPARE
#define SPARE 0
#else
#define SPARE 1 /* free segments that stay unused */
#endif
#ifndef SEGMENTS
#define SEGMENTS 3
#endif
#define FRAMES 3
#define STEP 4                       /* words of a segment: its header, its frames */
#define LOG_WORDS (SEGMENTS * STEP)  /* the database file's two pages follow */
#define WORDS (LOG_WORDS + 2)
#define PAGE_A LOG_WORDS
#define PAGE_B (LOG_WORDS + 1)
#define TORN 255
#define NONE 15

/* A segment header: state, generation, salt, frames in the generation before. */
#define HEADER(live, gen, salt, before) ((live) | (gen) << 1 | (salt) << 5 | (before) << 8)
#define LIVE(h) ((h) & 1)
#define GEN(h) ((h) >> 1 & 15)
#define SALT(h) ((h) >> 5 & 7)
#define BEFORE(h) ((h) >> 8 & 3)

/* A frame: commit, page (B ends the group), synced before, salt. Its generation stands for the
 * chain of checksums, which begins with the header's. */
#define FRAME(id, page, mark, salt, gen) \
    ((id) | (page) << 4 | (mark) << 5 | (salt) << 6 | (gen) << 9)
#define ID(f) ((f) & 15)
#define IS_B(f) ((f) >> 4 & 1)
#define MARK(f) ((f) >> 5 & 1)
#define FRAME_SALT(f) ((f) >> 6 & 7)
#define FRAME_GEN(f) ((f) >> 9 & 15)

short disk[WORDS];  /* what survives a power loss */
short seen[WORDS];  /* what a read returns */
bit dirty[WORDS];   /* written since the last sync, successful or not */

byte issued;  /* newest commit number given out */
byte visible; /* newest boundary */
byte relied;  /* newest commit that somebody may rely on */
byte faults, checkpoints;

/* The process: lost at a crash. */
byte writer, checkpointer, recovery = 1;
bit token, releasing;
byte current = NONE, place, generation, newest_frames, sealed, copied;
bit busy[SEGMENTS];

/* Recovery's findings, kept between its steps. */
byte found_a, found_b, newest, newest_good, top;

/* Scratch, 0 between steps. */
byte i, k, s, t, n, count, good, pending, retired, limit;
bit damage, stop, clean, failed;

inline put(w, x)
{
    seen[w] = x;
    dirty[w] = 1
}

inline forget()
{
    i = 0; k = 0; s = 0; t = 0; n = 0; count = 0; good = 0; pending = 0; retired = 0; limit = 0;
    stop = 0; clean = 0; failed = 0
}

/* The process ends; the next one recovers. */
inline die()
{
    forget();
    writer = 0; checkpointer = 0; recovery = 1; token = 0; releasing = 0;
    current = NONE; place = 0; generation = 0; newest_frames = 0; sealed = 0; copied = 0;
    found_a = 0; found_b = 0; newest = 0; newest_good = 0; top = 0;
    for (i : 0 .. SEGMENTS - 1) { busy[i] = 0 }
    i = 0
}

/* Words [from, to): on the disk, or the sync fails, nothing is, and the process gives up. */
inline sync(from, to)
{
    failed = 0;
    if
    :: true
    :: faults < FAULTS -> faults++; failed = 1
    fi;
    for (i : from .. to - 1) {
        if
        :: dirty[i] && !failed -> disk[i] = seen[i]
        :: else
        fi;
        dirty[i] = 0
    }
    i = 0;
    if
    :: failed -> die()
    :: else
    fi
}

inline sync_log() { sync(0, LOG_WORDS) }
inline sync_database() { sync(LOG_WORDS, WORDS) }

inline log_is_clean()
{
    clean = 1;
    for (i : 0 .. LOG_WORDS - 1) {
        clean = clean && !dirty[i]
    }
    i = 0
}

inline power_loss()
{
    for (i : 0 .. WORDS - 1) {
        if
        :: dirty[i] -> disk[i] = seen[i]
        :: dirty[i] && i >= LOG_WORDS -> disk[i] = TORN
        :: true
        fi;
        seen[i] = disk[i];
        dirty[i] = 0
    }
    die()
}

inline count_free()
{
    n = 0;
    for (i : 0 .. SEGMENTS - 1) { n = n + (1 - busy[i]) }
    i = 0
}

/* The free segment to use next: the one freed longest ago, so that a header that names the newest
 * retired generation stays. */
inline take_segment()
{
    t = NONE;
    for (i : 0 .. SEGMENTS - 1) {
        if
#ifdef DROP_EARLY_REUSE
        :: !busy[i] -> t = i
#else
        :: !busy[i] && (t == NONE || GEN(seen[i * STEP]) < GEN(seen[t * STEP])) -> t = i
#endif
        :: else
        fi
    }
    i = 0;
    assert(t != NONE)
}

inline begin_segment()
{
    take_segment();
    generation++;
    busy[t] = 1;
    put(t * STEP, HEADER(1, generation, SALT(seen[t * STEP]), newest_frames));
    current = t; place = 0; newest_frames = 0; t = 0
}

/* One frame; `page` is 0 for A, 1 for B. */
inline put_frame(page)
{
    log_is_clean();
    put(current * STEP + 1 + place,
        FRAME(issued, page, clean && page == 0, SALT(seen[current * STEP]), generation));
    place++; newest_frames++; clean = 0
}

inline free_header(segment, gen)
{
#ifdef DROP_REUSE_SALT
    put(segment * STEP, HEADER(0, gen, SALT(seen[segment * STEP]), 0))
#else
    put(segment * STEP, HEADER(0, gen, (SALT(seen[segment * STEP]) + 1) & 7, 0))
#endif
}

/* ---- The log read back: steps 3 to 5 of recovery ---- */

#define STANDS(f, h) ((f) != 0 && FRAME_SALT(f) == SALT(h))

inline read_generation()
{
    good = 0; stop = 0;
    for (i : 1 .. FRAMES) {
        if
        :: !stop && STANDS(seen[s * STEP + i], seen[s * STEP]) &&
           FRAME_GEN(seen[s * STEP + i]) == GEN(seen[s * STEP]) -> good++
        :: else ->
            stop = 1;
            /* In the newest generation: what had been synced is bad. */
            damage = damage || (k + 1 == count && i > good + 1 && MARK(seen[s * STEP + i]) &&
                                STANDS(seen[s * STEP + i], seen[s * STEP]))
        fi
    }
    i = 0
}

inline find_live(gen)
{
    t = NONE;
    for (i : 0 .. SEGMENTS - 1) {
        if
        :: LIVE(seen[i * STEP]) && GEN(seen[i * STEP]) == gen -> t = i
        :: else
        fi
    }
    i = 0
}

inline accept_frames()
{
    for (i : 1 .. FRAMES) {
        if
#ifdef DROP_PAST_BAD_FRAME
        :: !STANDS(seen[s * STEP + i], seen[s * STEP]) -> skip
#else
        :: i > limit -> skip
#endif
        :: else ->
            if
            :: !IS_B(seen[s * STEP + i]) -> pending = ID(seen[s * STEP + i])
            :: else ->
                found_a = (pending != 0 -> pending : found_a);
                found_b = ID(seen[s * STEP + i]);
                newest_good = (k + 1 == count -> i : newest_good)
            fi
        fi
    }
    i = 0
}

inline check_free()
{
    for (s : 0 .. SEGMENTS - 1) {
        if
        :: !LIVE(seen[s * STEP]) && STANDS(seen[s * STEP + 1], seen[s * STEP]) ->
            for (i : 2 .. FRAMES) {
                damage = damage || (MARK(seen[s * STEP + i]) &&
                                    STANDS(seen[s * STEP + i], seen[s * STEP]))
            }
        :: else
        fi
    }
    s = 0; i = 0
}

inline scan()
{
    found_a = 0; found_b = 0; newest_good = 0; damage = 0;
    for (s : 0 .. SEGMENTS - 1) {
        if
        :: !LIVE(seen[s * STEP]) && GEN(seen[s * STEP]) > retired -> retired = GEN(seen[s * STEP])
        :: else
        fi
    }
    for (s : 0 .. SEGMENTS - 1) {
        if
        :: LIVE(seen[s * STEP]) && GEN(seen[s * STEP]) > retired -> count++
        :: else
        fi
    }
    top = retired + count;
    do
    :: k < count && !damage ->
        find_live(retired + 1 + k);
        s = t;
        if
        :: s == NONE -> damage = 1
        :: else ->
            newest = s;
            read_generation();
            limit = good;
            find_live(retired + 2 + k);
            if
            :: k + 1 < count && t != NONE ->
                limit = BEFORE(seen[t * STEP]);
                damage = damage || good < limit
            :: else
            fi;
            accept_frames()
        fi;
        k++
    :: else -> break
    od;
    check_free();
#ifdef DROP_PAST_BAD_FRAME
    damage = 0;
#endif
    assert(!damage);
    forget()
}

inline redo(page, found)
{
    if
#ifdef DROP_STRICT_REDO
    :: found != 0 && (seen[page] == TORN || seen[page] < found) -> put(page, found)
#else
    :: found != 0 && (seen[page] == TORN || seen[page] <= found) -> put(page, found)
#endif
    :: else
    fi
}

/* ---- Steps of the process; each is atomic, anything may happen between two ---- */

inline write_group()
{
    if
    :: writer == 1 || writer == 2 ->
        if
        :: current == NONE || place == FRAMES ->
#ifndef DROP_NO_SEGMENT_SYNC
            log_is_clean();
            if
            :: !clean -> clean = 0; sync_log()
            :: else -> clean = 0
            fi;
#endif
            if
            :: writer != 0 -> begin_segment()
            :: else
            fi
        :: else
        fi;
        if
        :: writer != 0 -> put_frame(writer - 1); writer++
        :: else
        fi
#ifdef NORMAL
    :: writer == 3 -> visible = issued; writer = 0; token = 0
#else
    :: writer == 3 ->
#ifdef DROP_ACKNOWLEDGE_BEFORE_SYNC
        visible = issued; relied = issued; writer = 4
    :: writer == 4 -> sync_log(); writer = 0; token = 0
#else
#ifndef DROP_NO_COMMIT_SYNC
        sync_log();
#endif
        writer = (writer == 3 -> 4 : 0)
    :: writer == 4 -> visible = issued; relied = issued; writer = 0; token = 0
#endif
#endif
    fi
}

inline seal()
{
    sealed = generation; current = NONE; place = 0
}

inline checkpoint()
{
    if
#ifdef DROP_SEAL_WITHOUT_TOKEN
    :: checkpointer == 1 -> copied = visible; checkpointer = 2
    :: checkpointer == 2 -> seal(); checkpointer = 3
#else
    :: checkpointer == 1 && !token ->
#if defined(NORMAL) && !defined(DROP_COPY_BEFORE_LOG_SYNC)
        sync_log();
        relied = (recovery == 0 -> visible : relied);
#endif
        if
        :: recovery == 0 -> copied = visible; seal(); checkpointer = 3
        :: else
        fi
#endif
    :: checkpointer == 3 -> put(PAGE_A, copied); checkpointer = 4
    :: checkpointer == 4 -> put(PAGE_B, copied); checkpointer = 5
    :: checkpointer == 5 ->
#ifndef DROP_NO_DATABASE_SYNC
        sync_database();
#endif
        checkpointer = (recovery == 0 -> 6 : 0)
    :: checkpointer == 6 && !token ->
        token = 1; releasing = 1; checkpointer = 7;
        for (s : 0 .. SEGMENTS - 1) {
            if
            :: LIVE(seen[s * STEP]) && GEN(seen[s * STEP]) <= sealed -> free_header(s, sealed)
            :: else
            fi
        }
        s = 0
    :: checkpointer == 7 ->
#ifndef DROP_EARLY_REUSE
        sync_log();
#endif
        if
        :: recovery == 0 ->
            for (s : 0 .. SEGMENTS - 1) { busy[s] = LIVE(seen[s * STEP]) }
            s = 0; token = 0; releasing = 0; checkpointer = 0; sealed = 0; copied = 0
        :: else
        fi
    fi
}

inline recover()
{
    if
    :: recovery == 1 -> scan(); recovery = (found_b != 0 -> 2 : 7)
    :: recovery == 2 ->
#ifndef DROP_NO_HARDENING
        for (i : 0 .. FRAMES) {
            if
            :: i <= newest_good -> put(newest * STEP + i, seen[newest * STEP + i])
            :: else
            fi
        }
        i = 0;
#endif
        recovery = 3
    :: recovery == 3 -> recovery = 4; sync_log()
    :: recovery == 4 -> redo(PAGE_A, found_a); recovery = 5
    :: recovery == 5 -> redo(PAGE_B, found_b); recovery = 6
    :: recovery == 6 ->
        recovery = 7;
#ifndef DROP_NO_REDO_SYNC
        sync_database()
#endif
    :: recovery == 7 ->
        for (s : 0 .. SEGMENTS - 1) { free_header(s, top) }
        s = 0;
        recovery = 8
    :: recovery == 8 -> recovery = 9; sync_log()
    :: recovery == 9 ->
        assert(seen[PAGE_A] == seen[PAGE_B]);
        assert(seen[PAGE_A] >= relied && seen[PAGE_A] <= issued);
        generation = top; newest = 0; newest_good = 0; found_a = 0; found_b = 0; top = 0;
        visible = seen[PAGE_A]; relied = visible; recovery = 0
    fi
}

init {
    atomic {
        for (s : 0 .. SEGMENTS - 1) {
            seen[s * STEP] = HEADER(0, 0, 1, 0);
            disk[s * STEP] = seen[s * STEP]
        }
        s = 0
    }
end:
    do
    :: atomic { recovery != 0 -> recover() }
    :: atomic { writer != 0 -> write_group() }
    :: atomic { checkpointer != 0 && !(token && (checkpointer == 1 || checkpointer == 6))
                -> checkpoint() }
    :: atomic { recovery == 0 && writer == 0 && !token && issued < COMMITS ->
        count_free();
        if
        :: n >= SPARE + 1 -> token = 1; issued++; writer = 1
        :: else /* no room: the checkpointer makes some */
        fi;
        n = 0 }
    :: atomic { recovery == 0 && checkpointer == 0 && newest_frames > 0 && current != NONE &&
                visible > 0 && checkpoints < CHECKPOINTS -> checkpoints++; checkpointer = 1 }
#ifdef NORMAL
    :: atomic { recovery == 0 && !token && relied < visible -> sync_log();
                if
                :: recovery == 0 -> relied = visible
                :: else
                fi }
#endif
    :: atomic { faults < FAULTS -> faults++; power_loss() }
    :: atomic { faults < FAULTS && recovery == 0 -> faults++; die() }
    od
}
