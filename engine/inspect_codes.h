/*
 * Everything that an inspection can find: X(NAME, severity, meaning, remedy).
 * Codes never change their meaning. docs/inspection.md prints this table.
 */
#ifndef QR_INSPECT_CODES_H
#define QR_INSPECT_CODES_H

#include "quire/inspect.h"

#define QR_REMEDY_RESTORE "Restore the database from a backup."
#define QR_REMEDY_REINDEX "Drop the index and create it again."
#define QR_REMEDY_NONE    "Nothing need be done."
#define QR_REMEDY_ROW     "Restore the row from a backup, or delete it."
#define QR_REMEDY_LOG                                                                              \
    "Keep the database and its log as they are and restore both from a backup; commits in the "    \
    "damaged part of the log are lost."
#define QR_REMEDY_OPEN                                                                             \
    "Open the database for writing: if the log holds the header page, that repairs it. If not, "   \
    "restore the database from a backup."

#define QR_INSPECT_CODE_MAP(X)                                                                     \
    QR_INSPECT_FILE_MAP(X)                                                                         \
    QR_INSPECT_PAGE_MAP(X)                                                                         \
    QR_INSPECT_CATALOG_MAP(X)                                                                      \
    QR_INSPECT_TREE_MAP(X)                                                                         \
    QR_INSPECT_ROW_MAP(X)                                                                          \
    QR_INSPECT_HASH_MAP(X)                                                                         \
    QR_INSPECT_INDEX_MAP(X)                                                                        \
    QR_INSPECT_WAL_MAP(X)                                                                          \
    X(REPORT_FULL, INFO, "more was found than a report lists", "Repair what is listed first.")

#define QR_INSPECT_FILE_MAP(X)                                                                     \
    X(NOT_OPENED, ERROR,                                                                           \
      "the database cannot be opened; only its header, its log and its pages one by one were "     \
      "looked at",                                                                                 \
      "Repair what else is reported, then inspect again.")                                         \
    X(HEADER_UNBORN, INFO, "the database's creation was not finished; nothing was ever in it",     \
      "Open it for writing, or remove the file.")                                                  \
    X(HEADER_SHORT, ERROR, "the file ends within the header page", QR_REMEDY_RESTORE)              \
    X(HEADER_MAGIC, ERROR, "the file does not begin like a database",                              \
      "Check the path; if it is right, restore the database from a backup.")                       \
    X(HEADER_CHECKSUM, ERROR, "the checksum of the header page does not match", QR_REMEDY_OPEN)    \
    X(HEADER_FORMAT, ERROR, "the file is written in a newer format",                               \
      "Use a version of the library that reads it.")                                               \
    X(HEADER_PAGE_SIZE, ERROR, "the page size in the header is impossible", QR_REMEDY_RESTORE)     \
    X(HEADER_FIELDS, ERROR, "the header page contradicts itself", QR_REMEDY_RESTORE)               \
    X(HEADER_PAGES, ERROR,                                                                         \
      "the file has fewer pages than its header, written at a clean close, says",                  \
      QR_REMEDY_RESTORE)                                                                           \
    X(HEADER_UNSYNCED, ERROR,                                                                      \
      "the machine stopped while the database was in use with durability OFF, and nobody knows "   \
      "what of it has reached the disk",                                                           \
      "Restore the database from a backup, or save what can be read with quire recover.")          \
    X(FILE_TRAILING, WARNING, "bytes follow the last page of the database",                        \
      "Nothing need be done: they are not read, and growth of the database uses their space.")     \
    X(LOG_MISSING, ERROR,                                                                          \
      "the database was not closed and its log, which holds its newest commits, is missing",       \
      "Put the log back, or restore the database from a backup.")                                  \
    X(LOG_ABSENT, INFO, "there is no log, and the database is complete without one",               \
      QR_REMEDY_NONE)                                                                              \
    X(LOG_FOREIGN, ERROR, "the log belongs to another database",                                   \
      "Put the log that belongs to the database beside it.")                                       \
    X(LOG_DAMAGED, ERROR, "the log is damaged", "Inspect the log for the places.")

#define QR_INSPECT_PAGE_MAP(X)                                                                     \
    X(PAGE_MISSING, ERROR, "the file ends before the page", QR_REMEDY_RESTORE)                     \
    X(PAGE_CHECKSUM, ERROR, "the checksum of the page does not match",                             \
      "Restore the database from a backup, or salvage what is readable.")                          \
    X(PAGE_NUMBER, ERROR, "the page says that it is another page", QR_REMEDY_RESTORE)              \
    X(PAGE_TYPE, ERROR, "the page has an unknown type, or one that cannot be at its place",        \
      QR_REMEDY_RESTORE)                                                                           \
    X(PAGE_LSN, ERROR, "the page carries the number of a commit that has not happened",            \
      "The file mixes two states: restore the database from a backup.")                            \
    X(PAGE_FREE_DAMAGED, WARNING, "a free page is damaged; no data is concerned",                  \
      "Check the disk. The page is written anew when it is next used.")                            \
    X(PAGE_FREE_BUT_USED, ERROR, "the page is in use but marked as free",                          \
      "Stop writing to the database and restore it from a backup.")                                \
    X(PAGE_OWNED_TWICE, ERROR, "the page is in use at two places",                                 \
      "Stop writing to the database and restore it from a backup.")                                \
    X(PAGE_ORPHAN, WARNING, "the page is marked as used but nothing uses it",                      \
      "Nothing is lost but its space.")                                                            \
    X(PAGE_UNREACHED, INFO, "pages whose owner is hidden by other damage",                         \
      "Repair what else is reported, then inspect again.")                                         \
    X(FREE_MAP_COUNT, WARNING, "the header's number of free pages differs from the free map",      \
      "Nothing is lost but space.")                                                                \
    X(FREE_MAP_RANGE, ERROR, "the free map marks a page beyond the end of the database",           \
      "Stop writing to the database and restore it from a backup.")

#define QR_INSPECT_CATALOG_MAP(X)                                                                  \
    X(CATALOG_ENTRY, ERROR, "an entry of the catalog is malformed", QR_REMEDY_RESTORE)             \
    X(CATALOG_OBJECT, ERROR, "an object's record in the catalog cannot be read",                   \
      QR_REMEDY_RESTORE)                                                                           \
    X(CATALOG_NAME, ERROR, "an object and the name that leads to it do not agree",                 \
      QR_REMEDY_RESTORE)                                                                           \
    X(CATALOG_OWNER, ERROR, "an object and the table that it belongs to do not agree",             \
      QR_REMEDY_RESTORE)                                                                           \
    X(CATALOG_COLUMN, ERROR, "the definition of an index does not fit its table",                  \
      QR_REMEDY_REINDEX)                                                                           \
    X(CATALOG_TRIGGER, ERROR, "the definition of a trigger is malformed",                          \
      "Drop the trigger and create it again.")                                                     \
    X(CATALOG_VIEW, ERROR, "the definition of a view does not fit its table",                      \
      "Drop the view and create it again.")                                                        \
    X(CATALOG_ROOT, ERROR, "an object's root page is impossible", QR_REMEDY_RESTORE)               \
    X(CATALOG_NEXT_ID, ERROR, "the next object number is missing or not above all given ones",     \
      QR_REMEDY_RESTORE)

#define QR_INSPECT_TREE_MAP(X)                                                                     \
    X(TREE_PAGE_UNREADABLE, ERROR, "a page of the tree cannot be read", QR_REMEDY_RESTORE)         \
    X(TREE_PAGE_TYPE, ERROR, "a page of the tree is not a node of its kind", QR_REMEDY_RESTORE)    \
    X(TREE_ID, ERROR, "a page of the tree belongs to another tree", QR_REMEDY_RESTORE)             \
    X(TREE_CELL_BOUNDS, ERROR, "counts, arrays or cells do not lie within the page",               \
      QR_REMEDY_RESTORE)                                                                           \
    X(TREE_CELL_OVERLAP, ERROR, "two cells share bytes", QR_REMEDY_RESTORE)                        \
    X(TREE_KEY_ORDER, ERROR, "the keys of a node do not ascend", QR_REMEDY_RESTORE)                \
    X(TREE_HINT, ERROR, "a hint differs from the separator that it repeats", QR_REMEDY_RESTORE)    \
    X(TREE_SEPARATOR, ERROR, "a key lies outside the separators around its node",                  \
      QR_REMEDY_RESTORE)                                                                           \
    X(TREE_DEPTH, ERROR, "leaves at different depths, or too many levels", QR_REMEDY_RESTORE)      \
    X(TREE_EMPTY, ERROR, "a leaf below the root has no entries", QR_REMEDY_RESTORE)                \
    X(TREE_CHILD, ERROR, "the page number of a child is impossible", QR_REMEDY_RESTORE)            \
    X(TREE_OVERFLOW, ERROR, "the pages of a long payload are damaged", QR_REMEDY_RESTORE)          \
    X(TREE_COUNT, ERROR, "the number of entries in the root is wrong", QR_REMEDY_RESTORE)          \
    X(TREE_PAGE_OWNED_TWICE, ERROR, "a page of the tree is in use at another place too",           \
      "Stop writing to the database and restore it from a backup.")

#define QR_INSPECT_ROW_MAP(X)                                                                      \
    X(ROW_DECODE, ERROR, "a row is not a record of the table's columns", QR_REMEDY_ROW)            \
    X(ROW_TYPE, ERROR, "a row holds a value that is not of its column's type", QR_REMEDY_ROW)      \
    X(ROW_NOT_NULL, ERROR, "a row lacks a value that may not be null", QR_REMEDY_ROW)

#define QR_INSPECT_HASH_MAP(X)                                                                     \
    X(HASH_DAMAGED, ERROR, "a page of a hash index is damaged", QR_REMEDY_REINDEX)                 \
    X(HASH_BUCKET, ERROR, "a bucket or a cell of a hash index is in the wrong place",              \
      QR_REMEDY_REINDEX)                                                                           \
    X(HASH_COUNT, ERROR, "the counters of a hash index are wrong", QR_REMEDY_REINDEX)

#define QR_INSPECT_INDEX_MAP(X)                                                                    \
    X(INDEX_NOT_CHECKED, WARNING,                                                                  \
      "an index was not compared with its table because one of them is damaged",                   \
      "Repair what else is reported, then inspect again.")                                         \
    X(INDEX_COLLATION, INFO,                                                                       \
      "an index was not compared with its table because its collation is not registered",          \
      "Inspect the open database, with the collation registered on it.")                           \
    X(INDEX_ENTRY, ERROR, "an entry of an index is malformed", QR_REMEDY_REINDEX)                  \
    X(INDEX_ENTRY_WITHOUT_ROW, ERROR, "an index has an entry for a row that does not exist",       \
      QR_REMEDY_REINDEX)                                                                           \
    X(INDEX_ROW_WITHOUT_ENTRY, ERROR, "a row has no entry in an index", QR_REMEDY_REINDEX)         \
    X(INDEX_KEY, ERROR, "the key of an entry is not that of its row", QR_REMEDY_REINDEX)           \
    X(INDEX_EXCLUDED, ERROR, "an index has an entry for a row that does not belong in it",         \
      QR_REMEDY_REINDEX)                                                                           \
    X(INDEX_INCLUDED, ERROR, "an entry includes other values than its row has", QR_REMEDY_REINDEX) \
    X(INDEX_DUPLICATE, ERROR, "two rows have the same key in a unique index",                      \
      "Change or delete one of the rows, then drop the index and create it again.")                \
    X(INDEX_COUNT, ERROR, "an index has more entries than rows that belong in it",                 \
      QR_REMEDY_REINDEX)

#define QR_INSPECT_WAL_MAP(X)                                                                      \
    X(WAL_EMPTY, INFO, "the log's creation was not finished; nothing was ever in it",              \
      QR_REMEDY_NONE)                                                                              \
    X(WAL_HEADER_SHORT, ERROR, "the log ends within its header", QR_REMEDY_LOG)                    \
    X(WAL_HEADER_MISSING, ERROR, "zeros where the log header belongs, but segments in use",        \
      QR_REMEDY_LOG)                                                                               \
    X(WAL_HEADER_MAGIC, ERROR, "the file is not a log", QR_REMEDY_LOG)                             \
    X(WAL_HEADER_CHECKSUM, ERROR, "the log header is damaged", QR_REMEDY_LOG)                      \
    X(WAL_HEADER_VERSION, ERROR, "the log was written by another version",                         \
      "Use the version that wrote it to open and close the database.")                             \
    X(WAL_HEADER_SIZES, ERROR, "the page or segment size of the log is impossible", QR_REMEDY_LOG) \
    X(WAL_DATABASE_ID, ERROR, "the log belongs to another database",                               \
      "Put the log that belongs to the database beside it.")                                       \
    X(WAL_PAGE_SIZE, ERROR, "the log has pages of another size than the database",                 \
      "Put the log that belongs to the database beside it.")                                       \
    X(WAL_SEGMENT_HEADER, ERROR, "a segment header is damaged", QR_REMEDY_LOG)                     \
    X(WAL_SEGMENT_UNUSED, INFO, "the log was growing; a new segment is not in use yet",            \
      QR_REMEDY_NONE)                                                                              \
    X(WAL_GENERATION_DUPLICATE, ERROR, "two segments claim one generation", QR_REMEDY_LOG)         \
    X(WAL_GENERATION_GAP, ERROR, "a live generation is missing", QR_REMEDY_LOG)                    \
    X(WAL_FRAME_SHORT, ERROR, "the log ends before a frame that must be there", QR_REMEDY_LOG)     \
    X(WAL_FRAME_SALT, ERROR, "a frame of another generation where one must be", QR_REMEDY_LOG)     \
    X(WAL_FRAME_INDEX, ERROR, "a frame is in another frame's place", QR_REMEDY_LOG)                \
    X(WAL_FRAME_PAGE_NUMBER, ERROR, "a frame names a page that cannot be", QR_REMEDY_LOG)          \
    X(WAL_FRAME_CHECKSUM, ERROR, "a frame header is damaged or out of the chain", QR_REMEDY_LOG)   \
    X(WAL_PAGE_CHECKSUM, ERROR, "the page in a frame is damaged", QR_REMEDY_LOG)                   \
    X(WAL_GROUP_UNFINISHED, INFO, "a commit was being written", QR_REMEDY_NONE)                    \
    X(WAL_GROUP_TORN, INFO, "the newest group is incomplete; recovery drops it", QR_REMEDY_NONE)   \
    X(WAL_GROUP_UNREACHABLE, ERROR, "a commit behind damage, which recovery cannot use",           \
      QR_REMEDY_LOG)                                                                               \
    X(WAL_HEADER_LOST, ERROR, "a free segment holds synced frames: its header was in use",         \
      QR_REMEDY_LOG)                                                                               \
    X(WAL_TRAILING_BYTES, WARNING, "the log does not end with a segment", QR_REMEDY_OPEN)

#endif
