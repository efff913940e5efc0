/* RocksDB: block cache as configured, bloom filter of 10 bits a key, recycled logs. */
#include <rocksdb/c.h>

#define LSM(name) rocksdb_##name
#define LSM_NAME  "rocksdb"
#define LSM_SETTINGS                                                                               \
    "bloom 10 bits, no compression, 64 MiB write buffer, 2 recycled logs; durable: sync=1, else 0"
#define LSM_ENGINE    bench_rocksdb
#define LSM_BULK_LOAD load_table

struct bench_config;
static void lsm_configure(rocksdb_options_t *options, const struct bench_config *config);

#include "engine_lsm.h"

static void lsm_configure(rocksdb_options_t *options, const struct bench_config *config)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom(10));
    rocksdb_block_based_options_set_block_cache(
        table, rocksdb_cache_create_lru((size_t)config->cache_bytes));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_recycle_log_file_num(options, 2);
    rocksdb_options_set_write_buffer_size(options, (size_t)64 << 20);
    rocksdb_block_based_options_destroy(table);
}

/* A table file of the rows, moved into the database. */
static int load_table(struct bench_session *session, uint64_t rows)
{
    struct bench_db *db = session->db;
    char path[600];
    char value[BENCH_VALUE];
    char key[BENCH_TEXT];
    char *error = NULL;
    const char *files[] = {path};
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *writer = rocksdb_sstfilewriter_create(env, db->options);
    rocksdb_ingestexternalfileoptions_t *ingest = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(ingest, 1);
    snprintf(path, sizeof path, "%s.load", db->path);
    rocksdb_sstfilewriter_open(writer, path, &error);
    for (uint64_t i = 0; error == NULL && i < rows; i++) {
        size_t size = encode(session, key, (int64_t)i);
        bench_fill(value, (int64_t)i, 0);
        rocksdb_sstfilewriter_put(writer, key, size, value, BENCH_VALUE, &error);
    }
    if (error == NULL) {
        rocksdb_sstfilewriter_finish(writer, &error);
    }
    if (error == NULL) {
        rocksdb_ingest_external_file(db->db, files, 1, ingest, &error);
    }
    rocksdb_ingestexternalfileoptions_destroy(ingest);
    rocksdb_sstfilewriter_destroy(writer);
    rocksdb_envoptions_destroy(env);
    return check("load", error);
}
