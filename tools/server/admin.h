/*
 * Keeping the database over HTTP: what the commands with --connect ask for.
 */
#ifndef QUIRE_SERVER_ADMIN_H
#define QUIRE_SERVER_ADMIN_H

#include "server.h"

/* POST /admin/checkpoint. */
void admin_checkpoint_start(struct exchange *exchange);
/* POST /admin/backup: answers with the bytes of a backup, a complete database file. */
void admin_backup_start(struct exchange *exchange);

/* GET /health, /health/live, /health/ready. */
void health_start(struct exchange *exchange);

#endif
