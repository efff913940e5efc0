/*
 * The paths of the server. What upgrades a connection to another protocol is a
 * route like any other: its `start` replies with a response made for that.
 */
#include <string.h>

#include "admin.h"
#include "graphql_call.h"
#include "metrics.h"
#include "schema_endpoint.h"
#include "server.h"
#include "status.h"
#include "web.h"

#define JSON_ONLY (1U << CONTENT_JSON)
#define ANY_TEXT  (1U << CONTENT_JSON | 1U << CONTENT_GRAPHQL | 1U << CONTENT_TEXT)

static const struct route routes[] = {
    {.path = "other"},
    {.path = "pages", .methods = "GET, HEAD, OPTIONS", .role = ROLE_NONE, .start = web_start},
    {.path = "/graphql",
     .methods = "GET, POST, PUT, DELETE, OPTIONS",
     .role = ROLE_QUERY,
     .graphql = true,
     .content_types = JSON_ONLY,
     .start = graphql_start},
    {.path = "/",
     .methods = "POST, OPTIONS",
     .role = ROLE_QUERY,
     .graphql = true,
     .content_types = JSON_ONLY,
     .start = graphql_start},
    /* How many rows there are is for those to whom the rules of the schema do not apply. */
    {.path = "/schema", .methods = "GET, OPTIONS", .role = ROLE_ADMIN, .start = schema_list_start},
    {.path = "/schema/tables",
     .methods = "GET, OPTIONS",
     .role = ROLE_ADMIN,
     .start = schema_tables_start},
    {.path = "/schema/load",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .content_types = ANY_TEXT,
     .start = schema_load_start},
    {.path = "/schema/data",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .spools = true,
     .content_types = JSON_ONLY,
     .start = schema_data_start},
    {.path = "/health", .methods = "GET, HEAD, OPTIONS", .role = ROLE_NONE, .start = health_start},
    {.path = "/health/live",
     .methods = "GET, HEAD, OPTIONS",
     .role = ROLE_NONE,
     .start = health_start},
    {.path = "/health/ready",
     .methods = "GET, HEAD, OPTIONS",
     .role = ROLE_NONE,
     .start = health_start},
    {.path = "/metrics", .methods = "GET, OPTIONS", .role = ROLE_ADMIN, .start = metrics_start},
    {.path = "/admin/status", .methods = "GET, OPTIONS", .role = ROLE_ADMIN, .start = status_start},
    {.path = "/admin/sizes",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .content_types = JSON_ONLY,
     .start = status_sizes_start},
    {.path = "/admin/checkpoint",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .content_types = JSON_ONLY,
     .start = admin_checkpoint_start},
    {.path = "/admin/load",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .spools = true,
     .content_types = 1U << CONTENT_LOAD,
     .start = schema_bundle_start},
    {.path = "/admin/backup",
     .methods = "POST, OPTIONS",
     .role = ROLE_ADMIN,
     .content_types = JSON_ONLY,
     .start = admin_backup_start},
};

const struct route *route_table(size_t *count)
{
    _Static_assert(sizeof routes / sizeof routes[0] <= METRICS_ROUTES_MAX, "a counter a route");
    *count = sizeof routes / sizeof routes[0];
    return routes;
}

const struct route *route_pages(void)
{
    return &routes[1];
}

const struct route *route_find(const char *path)
{
    for (size_t i = 2; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}
