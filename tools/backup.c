/*
 * quire backup: copies a database, with what its log holds, to a new file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

static const struct command_help help = {
    "DATABASE FILE [--replace] [--rate PAGES]\n"
    "       quire backup --connect URL FILE [--replace]",
    "Copies the newest committed state to FILE, which must not exist unless --replace is\n"
    "given. The copy is complete on its own, is read back and checked, and only then gets\n"
    "its name. The database is opened for reading: another process may write meanwhile. When\n"
    "that process copies its log faster than it can be read, the backup fails; make it from\n"
    "inside that process then (quire_backup). When that is quire serve, --connect has it make\n"
    "the copy, and puts it in FILE here.\n\n"
    "Exit codes: 0 done, 1 FILE exists, 64 usage, 74 a file could not be opened, read or\n"
    "written.\n",
};

struct request {
    struct command_database database;
    const char *path; /* of the copy */
    int replace;
    int rate;
    struct remote remote;
};

static int copy(void *context, quire_db *db)
{
    const struct request *request = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    struct command_meter meter = command_meter_start("backup");
    options.replace = request->replace != 0;
    options.pages_per_second_max = (uint32_t)request->rate;
    options.progress = command_progress;
    options.context = &meter;
    quire_status status = quire_backup(db, request->path, &options, &err);
    command_meter_end(&meter);
    if (status != QUIRE_OK) {
        return command_failed(&err);
    }
    printf("%llu pages in %s\n", (unsigned long long)meter.last.total, request->path);
    return command_finish(COMMAND_OK);
}

/* Checks what was received, and gives it its name. */
static int place(const char *received, const char *path, bool replace)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    options.replace = replace;
    return quire_restore(received, path, &options, &err) == QUIRE_OK ? COMMAND_OK
                                                                     : command_failed(&err);
}

/* Fills the file, and closes it. */
static int receive(const struct remote *remote, FILE *file, const char *received)
{
    struct remote_answer answer = {0};
    int code = remote_download(remote, "/admin/backup", file, &answer);
    if (fclose(file) != 0 && code == COMMAND_OK) {
        fprintf(stderr, "quire: %s: %s\n", received, strerror(errno));
        code = COMMAND_IO;
    }
    if (code == COMMAND_OK) {
        code = remote_check(&answer);
    }
    free(answer.body.bytes);
    return code;
}

static int run_remotely(const struct remote *remote, const char *path, bool replace)
{
    size_t size = strlen(path) + sizeof "-received";
    char *received = malloc(size);
    if (received == NULL) {
        fputs("quire: out of memory\n", stderr);
        return COMMAND_IO;
    }
    snprintf(received, size, "%s-received", path);
    FILE *file = command_create(received, false);
    int code = COMMAND_IO;
    if (file == NULL) {
        fprintf(stderr, "quire: %s: %s\n", received, strerror(errno));
    } else {
        code = receive(remote, file, received);
    }
    if (code == COMMAND_OK) {
        code = place(received, path, replace);
    }
    if (file != NULL) {
        unlink(received);
    }
    free(received);
    return code;
}

static int run(void *context, const char **arguments, size_t count)
{
    struct request *request = context;
    bool remote = request->remote.url != NULL;
    if (count != (remote ? 1 : 2) || request->rate < 0) {
        return command_misuse("backup takes a database and a file, and --rate a number from 0; "
                              "with --connect a file alone; see quire backup --help");
    }
    if (remote && request->rate != 0) {
        return command_misuse("--rate is for files, not for --connect");
    }
    request->database.path = arguments[0];
    request->path = arguments[count - 1];
    return remote ? run_remotely(&request->remote, request->path, request->replace != 0)
                  : command_on_database(&request->database, copy, request);
}

int command_backup(int argc, const char **argv)
{
    struct request request = {.database.mode = QUIRE_OPEN_READ_ONLY};
    const struct poptOption options[] = {
        {"replace", 'r', POPT_ARG_NONE, &request.replace, 0, "replace FILE if it exists", NULL},
        {"rate", '\0', POPT_ARG_INT, &request.rate, 0, "pages a second at most", "PAGES"},
        REMOTE_OPTIONS(request.remote),
        COMMAND_DATABASE_OPTIONS(request.database),
        COMMAND_HELP_OPTION,
        POPT_TABLEEND,
    };
    int code = command_act(argc, argv, options, &help, run, &request);
    remote_release(&request.remote);
    return code;
}
