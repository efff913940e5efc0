/*
 * Quire: an embedded GraphQL database. This header includes the whole public
 * interface; each part may be included alone.
 *
 * Every public symbol begins with quire_ or QUIRE_. Handles are opaque. A
 * function that can fail returns a quire_status and takes an optional
 * quire_error last. See error.h for the conventions, docs/architecture.md for
 * the tour.
 */
#ifndef QUIRE_QUIRE_H
#define QUIRE_QUIRE_H

#include "quire/advisor.h"
#include "quire/collation.h"
#include "quire/database.h"
#include "quire/error.h"
#include "quire/export.h"
#include "quire/feed.h"
#include "quire/graphql.h"
#include "quire/inspect.h"
#include "quire/interrupt.h"
#include "quire/keytree.h"
#include "quire/load.h"
#include "quire/maintenance.h"
#include "quire/memory.h"
#include "quire/migration.h"
#include "quire/outcome.h"
#include "quire/prepared.h"
#include "quire/resolver.h"
#include "quire/rows.h"
#include "quire/stream.h"
#include "quire/subscription.h"
#include "quire/table.h"
#include "quire/transaction.h"
#include "quire/tree.h"
#include "quire/trigger.h"
#include "quire/value.h"
#include "quire/version.h"
#include "quire/view.h"

#endif
