/*
 * What snapshots see, and when memory is used again: boundaries, slots, chains
 * of versions, eviction, a checkpoint that overwrites images, pins and grace
 * periods. docs/concurrency.md says the same in prose; protocol.pml has what
 * happens on disk. Memory is sequentially consistent here: the document's
 * table of memory orders says why the code's is enough.
 *
 * There is one page. Commit n makes version n of it, and n becomes a boundary.
 * A reader takes a snapshot, reads the page in an operation, keeps a pin, and
 * reads through the pin in a second operation. A version lies in its frame,
 * or is what the database file holds.
 *
 * Claims: a snapshot finds the version that it stands for, and nobody reads a
 * frame that has been given to somebody else.
 *
 * -DDROP_x drops one rule: the model must then fail. The code can drop some of
 * them too (QR_MUTANT in base/check.h): IGNORE_SNAPSHOTS, where it lets the
 * pages of freed versions be allocated again; LATE_BOUNDARY, a snapshot that
 * reads at another boundary than the one in its slot; STALE_BOUNDARY, one that
 * takes an older boundary than the newest.
 */
#ifndef ROUNDS
#define ROUNDS 1 /* snapshots that the reader takes; 2 holds too, in half a minute */
#endif
#define VERSIONS 3
#define NONE 255

/* Where a version is. */
mtype = { absent, linked, on_disk, loaded, dropped };

mtype state[VERSIONS] = absent;
bool freed[VERSIONS]; /* its frame holds something else now */
bool backed[VERSIONS]; /* the database file has it, and is going to have it */
byte image;           /* the version in the database file */
byte published;       /* newest version in the page table; its group may be open */
byte moves;           /* newest boundary */

byte snapshot = NONE; /* the reader's slot */
byte operation;       /* odd inside one */
byte pin = NONE;      /* the frame that the reader keeps */

inline use_frame(v)
{
    assert(!freed[v])
}

inline enter() { operation++ }
inline leave() { operation++ }

/* A first operation: finds the version through the links, reads it, pins it. */
inline read_page()
{
    enter();
again:
    atomic {
        where = state[mine];
        assert(where != absent && where != dropped)
    }
    if
    :: where == linked ->
        use_frame(mine);
        pin = mine;
        use_frame(mine)
    :: where == loaded -> skip
    :: where == on_disk ->
        atomic { read = image }
#ifndef DROP_LOOK_AGAIN
        if
        :: state[mine] != on_disk -> goto again
        :: else
        fi;
#endif
        assert(read == mine)
    fi;
    leave()
}

/* A second operation: reads through the pin, lets go of it, and is not over yet. */
inline read_pinned()
{
    if
    :: pin != NONE ->
        enter();
        use_frame(pin);
        atomic { read = pin; pin = NONE }
        use_frame(read);
        leave()
    :: else
    fi
}

proctype reader()
{
    byte seen, mine, read, rounds;
    mtype where;
    do
    :: rounds < ROUNDS ->
        rounds++;
        do
        :: seen = moves;
            mine = seen;
#ifdef DROP_STALE_BOUNDARY
            if
            :: mine > 0 -> mine--
            :: else
            fi;
#endif
            snapshot = mine;
#ifdef DROP_SECOND_LOOK
            break
#else
            if
            :: moves == seen -> break
            :: else
            fi
#endif
        od;
#ifdef DROP_LATE_BOUNDARY
        mine = moves;
#endif
        read_page();
        read_pinned();
        snapshot = NONE
    :: else -> break
    od
}

/* Publishes into the open group, then makes the group's end visible. */
proctype writer()
{
    byte next;
    do
    :: published + 1 < VERSIONS ->
        next = published + 1;
        atomic { state[next] = linked; published = next }
        /* The flush: written and, in durability FULL, synced. */
        moves = next
    :: else -> break
    od
}

/* Whether version v, superseded by v + 1, is needed: by a boundary that a snapshot can take still,
 * or by a snapshot that is there. The boundary is read first. */
inline look(v)
{
#ifdef DROP_BOUNDARY_FIRST
    slot = snapshot;
    boundary = moves;
#else
    boundary = moves;
    slot = snapshot;
#endif
    needed = 0;
#ifndef DROP_OPEN_GROUP
    needed = needed || boundary == v;
#endif
#ifndef DROP_IGNORE_SNAPSHOTS
    needed = needed || slot == v;
#endif
}

inline grace()
{
    before = operation;
    (before % 2 == 0 || operation != before)
}

/* From unlinked to free: a period, a look at the pins, a second period. What is pinned begins again. */
inline reclaim(v)
{
    do
    :: true ->
#ifndef DROP_FIRST_PERIOD
        grace();
#endif
#ifdef DROP_LOOK_AT_PINS
        break
#else
        if
        :: pin != v -> break
        :: else -> (pin != v)
        fi
#endif
    od;
#ifndef DROP_SECOND_PERIOD
    grace();
#endif
    freed[v] = true
}

/* Drops what nobody needs, or evicts what the database file has. */
proctype reclaimer()
{
    byte victim, slot, boundary, before;
    bool needed, gone;
    do
    :: victim < VERSIONS - 1 ->
        published > victim;
        gone = false;
        if
        :: atomic { state[victim] == linked && backed[victim] ->
                    state[victim] = on_disk; gone = true }
        :: state[victim] == linked ->
            look(victim);
            atomic {
                if
                :: !needed && state[victim] == linked -> state[victim] = dropped; gone = true
                :: else
                fi
            }
        :: state[victim] != linked
        fi;
        if
        :: gone -> reclaim(victim)
        :: else
        fi;
        if
        :: victim++
        :: true
        fi
    :: else -> break
    od
}

/* Copies a newer version into the database file: first the links to the image go. Its own snapshot
 * keeps that version, so the copy is taken as given. */
proctype checkpointer()
{
    byte next, old;
    do
    :: image + 1 < VERSIONS ->
        next = image + 1;
        moves >= next;
        old = image;
        atomic {
            backed[old] = false;
#ifndef DROP_DISK_LINK
            if
            :: state[old] == on_disk -> state[old] = loaded
            :: else
            fi
#endif
        }
        image = next;
        backed[next] = true
    :: else -> break
    od
}

init {
    atomic {
        state[0] = linked;
        backed[0] = true;
        run reader();
        run writer();
        run reclaimer();
        run checkpointer()
    }
}
