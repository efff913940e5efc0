/*
 * What a write transaction begins with, while commits before it are being made
 * durable. A transaction adds one to a number. Writers take turns; a commit
 * publishes its version into the open group and lets the next writer in before
 * the group is flushed, so the newest version may be above the newest boundary.
 * A commit is acknowledged when its group is visible.
 *
 * Claims: no update is lost, and whoever is acknowledged finds its change, or a
 * later one, in what is visible. docs/concurrency.md says the same in prose.
 *
 * -DDROP_STALE_WRITER lets a transaction begin with the newest boundary instead
 * of the newest version, which the code can do too (QR_MUTANT in base/check.h):
 * the model must then fail.
 */
#define WRITERS 3

bool held;     /* the writer lock */
byte newest;   /* the number in the newest version */
byte visible;  /* that at the newest boundary */
byte commits;  /* published so far */
byte finished; /* writers that have been acknowledged */

proctype writer()
{
    byte mine;
    atomic { !held -> held = true }
#ifdef DROP_STALE_WRITER
    mine = visible;
#else
    mine = newest;
#endif
    mine++;
    atomic {
        newest = mine;
        commits++;
        assert(newest == commits)
    }
    held = false;
    visible >= mine; /* waits for its group */
    assert(visible >= mine && visible <= newest);
    finished++
}

/* Closes the open group, writes and syncs it, moves the boundary. */
proctype flusher()
{
    byte end;
    do
    :: visible < newest ->
        end = newest;
        assert(end > visible);
        visible = end
    :: finished == WRITERS -> break
    od;
    assert(visible == WRITERS)
}

init {
    atomic {
        run writer();
        run writer();
        run writer();
        run flusher()
    }
}
