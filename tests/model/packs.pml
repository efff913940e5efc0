/*
 * Packs: how pages whose small changes are logged without an image get one
 * before they are written to the database file, and what recovery makes of
 * changes. pager/delta.c and pager/complete.c are the code. protocol.pml has how
 * the log itself survives; here what is synced is there, and of what is not any
 * beginning may be.
 *
 * Two pages. A commit writes its number into one of them, and logs the image or
 * the change from the number before. An image may be in the log long before a
 * checkpoint needs it. A generation ends whenever it likes. A checkpoint logs
 * images of the pages that are due one, syncs, notes what to copy, which is the
 * pages with images in the generations that it covers, writes them and lets go
 * of the generations. A page write that is cut off leaves the old page, the new
 * one, or neither.
 *
 * Claims: after every recovery each page has the number of the last commit to
 * it, no change meets another version than its base, and no page that is needed
 * is torn.
 *
 * -DDROP_x drops one rule, by the name under which the code can drop it
 * (QR_MUTANT in base/check.h): the model must then fail.
 */
#ifndef COMMITS
#define COMMITS 3
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif

#define ENTRIES 12
#define TORN 15
#define DUE 15

/* An entry of the log: page, whether a change, its number, the base's, the generation. */
#define ENTRY(page, change, id, base, gen) \
    ((page) | (change) << 1 | (id) << 2 | (base) << 6 | (gen) << 10)
#define PAGE(e) ((e) & 1)
#define CHANGE(e) ((e) >> 1 & 1)
#define ID(e) ((e) >> 2 & 15)
#define BASE(e) ((e) >> 6 & 15)
#define GENERATION(e) ((e) >> 10 & 15)

short log[ENTRIES];
byte length, synced; /* entries; of these, synced */
byte released;       /* newest generation let go */
byte disk[2];        /* the database file after a power loss, but for what is dirty */
byte seen[2];        /* as read */
bit dirty[2];

byte last[2]; /* number of the last commit to each page: what must be found */
byte issued, checkpoints, crashes;

/* The process: lost at a crash. */
byte generation = 1;
byte image[2]; /* generation of the page's last image, DUE or 0 */
byte covered, checkpointer, recovery, to_release;
byte copy[2]; /* what the checkpoint writes, 0 = nothing */
bit whole;

/* Scratch, 0 between steps. */
byte i, p, n, first;
bit due;

inline append(page, change, id, base)
{
    assert(length < ENTRIES);
    log[length] = ENTRY(page, change, id, base, generation);
    length++
}

#ifdef DROP_STALE_IMAGE
#define COUNTS(g) ((g) != 0)
#else
#define COUNTS(g) ((g) == DUE || (g) > covered)
#endif

#define HERE(e) (PAGE(e) == p && GENERATION(e) > released)

inline commit_image(page)
{
    issued++;
    append(page, 0, issued, 0);
    synced = length;
    last[page] = issued;
    image[page] = generation
}

inline commit_change(page)
{
    issued++;
    append(page, 1, issued, last[page]);
    synced = length;
    last[page] = issued;
    image[page] = (COUNTS(image[page]) -> image[page] : DUE)
}

inline log_images()
{
#ifndef DROP_PACK_WITHOUT_IMAGE
    for (p : 0 .. 1) {
        if
        :: image[p] == DUE -> append(p, 0, last[p], 0); image[p] = generation
        :: else
        fi
    }
    p = 0;
#endif
    whole = 1
}

/* The newest generation ends; all are covered. */
inline note_copies()
{
    synced = length;
    for (i : 0 .. length - 1) {
        if
        :: !CHANGE(log[i]) && GENERATION(log[i]) > released ->
            copy[PAGE(log[i])] = last[PAGE(log[i])]
        :: else
        fi
    }
    i = 0;
    to_release = generation;
    covered = generation;
    generation++;
    whole = 0
}

inline write_page(page)
{
    if
    :: copy[page] != 0 -> seen[page] = copy[page]; dirty[page] = 1
    :: else
    fi
}

inline sync_database()
{
    for (p : 0 .. 1) { disk[p] = seen[p]; dirty[p] = 0 }
    p = 0
}

inline checkpoint()
{
    if
    :: checkpointer == 1 -> log_images(); checkpointer = 2
    :: checkpointer == 2 -> note_copies(); checkpointer = 3
    :: checkpointer == 3 -> write_page(0); checkpointer = 4
    :: checkpointer == 4 -> write_page(1); checkpointer = 5
    :: checkpointer == 5 -> sync_database(); checkpointer = 6
    :: checkpointer == 6 ->
        released = to_release;
        copy[0] = 0; copy[1] = 0; to_release = 0; checkpointer = 0
    fi
}

/* What the log makes of page p, beginning with its last image there, or with the file: n. `due`:
 * the log's last word on it is a change. */
inline work_out()
{
    n = seen[p]; due = 0; first = 0;
    for (i : 0 .. length - 1) {
        if
        :: HERE(log[i]) && !CHANGE(log[i]) -> n = ID(log[i]); first = i
        :: else
        fi
    }
    for (i : first .. length - 1) {
        if
        :: HERE(log[i]) && CHANGE(log[i]) ->
            due = 1;
            assert(n == BASE(log[i]) || (n != TORN && n >= ID(log[i])));
            n = (n < ID(log[i]) -> ID(log[i]) : n)
        :: else
        fi
    }
    i = 0; first = 0
}

/* The last image of page p goes to the file. */
inline redo()
{
    n = 0;
    for (i : 0 .. length - 1) {
        if
        :: HERE(log[i]) && !CHANGE(log[i]) -> n = ID(log[i])
        :: else
        fi
    }
    i = 0;
    if
    :: n != 0 && (seen[p] == TORN || seen[p] <= n) -> seen[p] = n; dirty[p] = 1
    :: else
    fi;
    n = 0
}

inline recover()
{
    if
    :: recovery == 1 ->
        for (p : 0 .. 1) {
            work_out();
            if
            :: due -> append(p, 0, n, 0)
            :: else
            fi
        }
        p = 0; n = 0; due = 0; recovery = 2
    :: recovery == 2 -> /* hardened again, with the images */
#ifndef DROP_NO_HARDENING
        synced = length;
#endif
        recovery = 3
    :: recovery == 3 -> p = 0; redo(); recovery = 4
    :: recovery == 4 -> p = 1; redo(); p = 0; recovery = 5
    :: recovery == 5 -> sync_database(); recovery = 6
    :: recovery == 6 ->
        assert(seen[0] == last[0] && seen[1] == last[1]);
        for (i : 0 .. ENTRIES - 1) { log[i] = 0 }
        i = 0;
        length = 0; synced = 0; released = 0; generation = 1; recovery = 0
    fi
}

/* Of what is not synced a beginning is left; the next process recovers. */
inline power_loss()
{
    do
    :: length > synced -> length--; log[length] = 0
    :: break
    od;
    synced = length;
    for (p : 0 .. 1) {
        if
        :: dirty[p] -> disk[p] = seen[p]
        :: dirty[p] -> disk[p] = TORN
        :: true
        fi;
        seen[p] = disk[p];
        dirty[p] = 0
    }
    p = 0;
    /* Generations go on above what is there. */
    generation = (length > 0 -> GENERATION(log[length - 1]) + 1 : released + 1);
    image[0] = 0; image[1] = 0; covered = 0; checkpointer = 0; to_release = 0;
    copy[0] = 0; copy[1] = 0; whole = 0; recovery = 1
}

#ifdef DROP_PACK_BEHIND_IMAGES
#define MAY_PACK true
#else
#define MAY_PACK !whole
#endif

init {
end:
    do
    :: atomic { recovery != 0 -> recover() }
    :: atomic { checkpointer != 0 -> checkpoint() }
    :: atomic { recovery == 0 && issued < COMMITS -> commit_image(0) }
    :: atomic { recovery == 0 && issued < COMMITS -> commit_image(1) }
    :: atomic { recovery == 0 && issued < COMMITS && MAY_PACK -> commit_change(0) }
    :: atomic { recovery == 0 && issued < COMMITS && MAY_PACK -> commit_change(1) }
    :: atomic { recovery == 0 && length > 0 && generation < released + 4 &&
                GENERATION(log[length - 1]) == generation -> generation++ }
    :: atomic { recovery == 0 && checkpointer == 0 && checkpoints < CHECKPOINTS && length > 0 ->
        checkpoints++; checkpointer = 1 }
    :: atomic { crashes < CRASHES -> crashes++; power_loss() }
    od
}
