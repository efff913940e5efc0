/*
 * New pages of a large transaction that go straight to the database file, while
 * commits before it may not be durable yet. docs/concurrency.md ("The direct
 * route", I11) says the same in prose.
 *
 * The state of the database is one of four, in order:
 *   0  page P belongs to a tree; the file holds its image, 1
 *   1  P is free
 *   2  the large transaction has begun: its own group, of page 0, is in the log
 *   3  P belongs to another tree, with the image 2; the log has no frame of it
 * The log is the number of the newest state that it holds. What is not synced a
 * crash may lose: of the log any number of the newest groups, of the file any
 * write, one that was under way being torn.
 *
 * A checkpoint may run at any time and writes the newest image of P that it
 * finds in memory, if the file lacks it. A transaction may also be given up.
 *
 * Claim: after a crash P holds what the state that the log tells of wants.
 *
 * -DDROP_x drops one rule: the model must then fail. NO_BULK_SYNC and
 * NO_BULK_FENCE are rules that the code can drop too; OLD_IMAGE is one that it
 * cannot: a page with an image in memory that the file lacks is not written.
 */
#define TORN 3
#define OLD 1
#define NEW 2

byte log;         /* newest state in the log, as the system shows it */
byte log_synced;  /* as the disk holds it at least */
byte file = OLD;  /* P in the file, as the system shows it */
byte disk = OLD;  /* as the disk holds it */
bool under_way;   /* a write of P has begun and not ended */
bool dirty;       /* memory has image 1 of P and the file may lack it */
bool copying;     /* a checkpoint has picked it up */
bool crashed;

/* What the crash leaves of log and page, chosen freely, must agree. */
inline crash()
{
    atomic {
        byte kept, page;
        crashed = true;
        select(kept : log_synced .. log);
        if
        :: page = disk
        :: page = file
        :: under_way -> page = TORN
        fi;
        /* Recovery has a frame of image 1 as long as no checkpoint has synced it: the frame is
         * older than a whole image 2, and repairs a torn page. */
        if
        :: dirty && page != NEW -> page = OLD
        :: else
        fi;
        assert(kept != 0 || page == OLD);
        assert(kept != 3 || page == NEW)
    }
}

proctype writer()
{
    log = 1; /* frees P; without a sync */
    if
    :: atomic { log_synced = log } /* durability FULL, or by time */
    :: skip
    fi;
    /* The group of page 0, synced, and with it all before it. */
#ifndef DROP_NO_BULK_FENCE
    log = 2;
    atomic { log_synced = log };
#endif
#ifndef DROP_OLD_IMAGE
    atomic { !dirty && !copying };
#endif
    under_way = true;
    atomic { file = NEW; under_way = false };
    if
    :: goto given_up
    :: skip
    fi;
#ifndef DROP_NO_BULK_SYNC
    atomic { disk = file };
#endif
    log = 3;
    atomic { log_synced = log };
given_up:
    skip
}

proctype checkpointer()
{
    if
    :: atomic { dirty -> copying = true }
    :: !dirty -> goto nothing
    fi;
    under_way = true;
    atomic { file = OLD; under_way = false };
    atomic { disk = file };
    atomic { dirty = false; copying = false };
nothing:
    skip
}

init
{
    if
    :: dirty = true
    :: skip
    fi;
    atomic { run writer(); run checkpointer() };
    crash()
}
