/* LevelDB: block cache as configured, bloom filter of 10 bits a key, no compression. */
#include <leveldb/c.h>

#define LSM(name)    leveldb_##name
#define LSM_NAME     "leveldb"
#define LSM_SETTINGS "bloom 10 bits, no compression, 64 MiB write buffer; durable: sync=1, else 0"
#define LSM_ENGINE   bench_leveldb

struct bench_config;
static void lsm_configure(leveldb_options_t *options, const struct bench_config *config);

#include "engine_lsm.h"

static void lsm_configure(leveldb_options_t *options, const struct bench_config *config)
{
    leveldb_options_set_compression(options, leveldb_no_compression);
    leveldb_options_set_filter_policy(options, leveldb_filterpolicy_create_bloom(10));
    leveldb_options_set_cache(options, leveldb_cache_create_lru(config->cache_bytes));
    leveldb_options_set_write_buffer_size(options, (size_t)64 << 20);
}
