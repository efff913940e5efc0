/*
 * Options, files, messages and exit codes of the `quire` command.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int command_misuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("quire: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return COMMAND_USAGE;
}

int command_choice(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (word == NULL || strcmp(word, words[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int command_failed(const quire_error *err)
{
    const char *message = err->message[0] ? err->message : quire_status_message(err->status);
    fputs("quire: ", stderr);
    if (err->line != 0) {
        fprintf(stderr, "%s:%u:%u: ", err->file[0] ? err->file : "input", err->line, err->column);
    } else if (err->file[0] && strstr(message, err->file) == NULL) {
        fprintf(stderr, "%s: ", err->file);
    }
    fprintf(stderr, "%s\n", message);

    int group = (int)err->status / 100;
    bool refused = group == 2 || group == 7 || err->status == QUIRE_UNKNOWN_NAME ||
                   err->status == QUIRE_EXISTS || err->status == QUIRE_LIMIT;
    return refused ? COMMAND_REFUSED : COMMAND_IO;
}

static void print_options(const struct poptOption *options)
{
    for (const struct poptOption *o = options; o->longName != NULL; o++) {
        char letter[8] = "    ";
        char name[64];
        if (o->shortName != '\0') {
            snprintf(letter, sizeof letter, "-%c, ", o->shortName);
        }
        snprintf(name, sizeof name, "--%s%s%s", o->longName, o->argDescrip ? " " : "",
                 o->argDescrip ? o->argDescrip : "");
        printf("  %s%-22s  %s\n", letter, name, o->descrip);
    }
}

int command_act(int argc, const char **argv, const struct poptOption *options,
                const struct command_help *help, command_action act, void *context)
{
    poptContext reader = poptGetContext("quire", argc, argv, options, 0);
    if (reader == NULL) {
        fputs("quire: out of memory\n", stderr);
        return COMMAND_IO;
    }
    int code;
    int got = poptGetNextOpt(reader);
    if (got == 'h') {
        printf("Usage: quire %s %s\n\n%s\nOptions:\n", argv[0], help->usage, help->text);
        print_options(options);
        code = command_finish(COMMAND_OK);
    } else if (got < -1) {
        code = command_misuse("%s: %s; see quire %s --help",
                              poptBadOption(reader, POPT_BADOPTION_NOALIAS), poptStrerror(got),
                              argv[0]);
    } else {
        const char **arguments = poptGetArgs(reader);
        size_t count = 0;
        while (arguments != NULL && arguments[count] != NULL) {
            count++;
        }
        code = act(context, arguments, count);
    }
    poptFreeContext(reader);
    return code;
}

int command_on_database(const struct command_database *database,
                        int (*use)(void *context, quire_db *db), void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.mode = database->mode;
    options.rules = (uint32_t)database->rules;
    if (quire_open(database->path, &options, &db, &err) != QUIRE_OK) {
        return command_failed(&err);
    }
    int code = use(context, db);
    if (quire_close(db, &err) != QUIRE_OK) {
        int close_code = command_failed(&err);
        code = code == COMMAND_OK ? close_code : code;
    }
    return code;
}

FILE *command_create(const char *path, bool replace)
{
    int number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool created = number >= 0;
    if (created) {
        (void)fchmod(number, 0600);
    } else if (replace && errno == EEXIST) {
        number = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    }
    FILE *file = number >= 0 ? fdopen(number, "wb") : NULL;
    if (file == NULL && number >= 0) {
        int why = errno;
        close(number);
        if (created) {
            unlink(path);
        }
        errno = why;
    }
    return file;
}

static FILE *open_input(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
    }
    return file;
}

/* Closes what open_input opened; false after reporting a read that failed. */
static bool close_input(FILE *file, const char *path)
{
    bool good = ferror(file) == 0;
    if (!good) {
        fprintf(stderr, "quire: %s: reading failed\n", path);
    }
    if (file != stdin) {
        fclose(file);
    }
    return good;
}

bool command_read(const char *path, struct command_text *text)
{
    *text = (struct command_text){NULL, 0};
    FILE *file = open_input(path);
    if (file == NULL) {
        return false;
    }
    size_t capacity = 0;
    for (;;) {
        if (text->size + 1 >= capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            char *grown = realloc(text->bytes, capacity);
            if (grown == NULL) {
                fprintf(stderr, "quire: %s: out of memory\n", path);
                break;
            }
            text->bytes = grown;
        }
        size_t got = fread(text->bytes + text->size, 1, capacity - text->size - 1, file);
        text->size += got;
        if (got == 0) {
            text->bytes[text->size] = '\0';
            if (close_input(file, path)) {
                return true;
            }
            free(text->bytes);
            *text = (struct command_text){NULL, 0};
            return false;
        }
    }
    (void)close_input(file, path);
    free(text->bytes);
    *text = (struct command_text){NULL, 0};
    return false;
}

int command_read_pieces(const char *path,
                        quire_status (*take)(void *context, const void *bytes, size_t size,
                                             quire_error *err),
                        void *context)
{
    FILE *file = open_input(path);
    if (file == NULL) {
        return COMMAND_IO;
    }
    char piece[65536];
    int code = COMMAND_OK;
    size_t got;
    while (code == COMMAND_OK && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        quire_error err = QUIRE_ERROR_INIT;
        if (take(context, piece, got, &err) != QUIRE_OK) {
            code = command_failed(&err);
        }
    }
    if (!close_input(file, path) && code == COMMAND_OK) {
        code = COMMAND_IO;
    }
    return code;
}

int command_finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "quire: standard output: %s\n", strerror(errno));
        return COMMAND_IO;
    }
    return code;
}
