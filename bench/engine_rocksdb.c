/* RocksDB: block cache as configured, bloom filter of 10 bits a key, recycled logs. */
#include <rocksdb/c.h>

#define LSM(name) rocksdb_##name
#define LSM_NAME  "rocksdb"
#define LSM_SETTINGS                                                                               \
    "bloom 10 bits, no compression, 64 MiB write buffer, 2 recycled logs; durable: sync=1, else 0"
#define LSM_ENGINE bench_rocksdb

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
