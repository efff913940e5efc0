/*
 *     golden write PATH PAGE_SIZE ROWS          a database that was closed
 *     golden crash PATH PAGE_SIZE ROWS COPY     the same, copied before it was closed
 *     golden list PATH                          its contents, after recovery
 *     golden read PATH                          its contents, opened to read only
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"

void golden_need(quire_status status, const quire_error *err, const char *what)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "golden: %s: %s\n", what, err->message);
        exit(1);
    }
}

void *golden_memory(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fprintf(stderr, "golden: no memory\n");
        exit(1);
    }
    return memory;
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    if ((strcmp(verb, "write") == 0 && count == 5) || (strcmp(verb, "crash") == 0 && count == 6)) {
        golden_write(words[2], count == 6 ? words[5] : NULL, (uint32_t)strtoul(words[3], NULL, 10),
                     (uint32_t)strtoul(words[4], NULL, 10));
        return 0;
    }
    if (count == 3 && (strcmp(verb, "list") == 0 || strcmp(verb, "read") == 0)) {
        golden_list(words[2], verb[0] == 'l' ? QUIRE_OPEN_READ_WRITE : QUIRE_OPEN_READ_ONLY);
        return 0;
    }
    fprintf(stderr, "golden write PATH PAGE_SIZE ROWS\n"
                    "golden crash PATH PAGE_SIZE ROWS COPY\n"
                    "golden list PATH\n"
                    "golden read PATH\n");
    return 64;
}
