/*
 * A page at the end of the database that is freed, taken off the end, perhaps
 * grown again, and the file that is cut meanwhile. docs/concurrency.md ("A
 * shorter database") says the same in prose.
 *
 * The state of the database is one of four, in order:
 *   0  page P, the last one, is in use; the file holds its image
 *   1  P is free
 *   2  P is taken off: the database ends before it
 *   3  the database has grown again: P is in use with a new image, which the log
 *      frames
 * P is an ordinary page, which snapshots of state 0 read, or one of the free
 * map, which those of state 1 read too. The log is the number of the newest
 * state that it holds; snapshots see it before it is synced, as in durability
 * NORMAL. What is not synced a crash may lose.
 *
 * Claims: every snapshot reads the image that it wants, and so does whoever
 * recovers from a crash.
 *
 * -DDROP_x drops one rule: the model must then fail. CUT_UNDER_SNAPSHOTS and
 * TRUNCATE_EARLY are rules that the code can drop too; NEW_VERSION is one that
 * it cannot: a page of the free map that comes again before the file was cut is
 * a new version of the old one.
 */
#define USED 1
#define CUT 2
#define NEW 3
#define NO_SNAPSHOT 9

byte log;        /* newest state in the log, and what a new snapshot sees */
byte log_synced; /* as the disk holds it at least */
byte file = USED, disk = USED;
byte snapshot = NO_SNAPSHOT;
bool map;    /* P belongs to the free map */
bool linked; /* the new version of P leads to the old image */

#define WANTED(state) (state == 0 || (state == 1 && map))

inline perhaps_sync_log()
{
    if
    :: atomic { log_synced = log }
    :: skip
    fi
}

proctype writer()
{
    log = 1;
    perhaps_sync_log();
    /* Taken off is what may be allocated again: no snapshot sees it in use. */
#ifndef DROP_CUT_UNDER_SNAPSHOTS
    atomic { snapshot != 0 -> log = 2 };
#else
    log = 2;
#endif
#ifdef DROP_TRUNCATE_EARLY
    file = CUT;
#endif
    perhaps_sync_log();
    if
    :: atomic {
#ifndef DROP_NEW_VERSION
           linked = map && file == USED;
#endif
           log = 3
       }
    :: skip
    fi;
    perhaps_sync_log()
}

/* The file is cut under the writer lock: no state begins meanwhile. */
proctype checkpointer()
{
    byte copied, rounds;
    do
    :: rounds < 3 ->
        rounds++;
        atomic { log_synced = log; copied = log };
        if
        :: copied == 3 -> file = NEW
        :: else
        fi;
        if
        :: disk = file
        :: skip
        fi;
        atomic {
            if
#ifndef DROP_CUT_UNDER_SNAPSHOTS
            :: copied >= 2 && log == 2 && snapshot >= 2 -> file = CUT
#else
            :: copied >= 2 && log == 2 -> file = CUT
#endif
            :: else
            fi
        }
    :: break
    od
}

proctype reader()
{
    byte rounds, reads;
    do
    :: rounds < 2 ->
        rounds++;
        snapshot = log;
        reads = 0;
        do
        :: reads < 2 ->
            reads++;
            atomic {
                if
                :: WANTED(snapshot) && log == 3 -> assert(linked)
                :: WANTED(snapshot) && log < 3 -> assert(file == USED)
                :: else
                fi
            }
        :: break
        od;
        snapshot = NO_SNAPSHOT
    :: break
    od
}

init
{
    byte kept, page;
    if
    :: map = true
    :: skip
    fi;
    atomic { run writer(); run checkpointer(); run reader() };
    atomic {
        select(kept : log_synced .. log);
        if
        :: page = disk
        :: page = file
        fi;
        assert(!WANTED(kept) || page == USED)
    }
}
