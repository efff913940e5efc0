/*
 * quire version: the versions of the command, of the library it runs on, and of
 * the libraries that those two are made of, as they are at run time.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <utf8proc.h>
#include <yajl/yajl_version.h>

#include "command.h"

#ifdef QUIRE_CLIENT
#include <curl/curl.h>
#endif
#ifdef QUIRE_SERVER
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#endif
#ifdef QUIRE_WEBSOCKETS
#include <wslay/wslayver.h>
#endif

static const struct command_help help = {
    "",
    "Prints the version of Quire, and those of the libraries that it is made of. When the\n"
    "command runs on another version of the library than it was built with, it names both.\n",
};

static void print_libraries(void)
{
    char pcre2[64] = "";
    int yajl = yajl_version();
    (void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    printf("yajl %d.%d.%d\nutf8proc %s\nPCRE2 %.*s\n", yajl / 10000, yajl / 100 % 100, yajl % 100,
           utf8proc_version(), (int)strcspn(pcre2, " "), pcre2);
#ifdef QUIRE_SERVER
    printf("libmicrohttpd %s\nGnuTLS %s\n", MHD_get_version(), gnutls_check_version(NULL));
#endif
#ifdef QUIRE_WEBSOCKETS
    puts("wslay " WSLAY_VERSION);
#endif
#ifdef QUIRE_CLIENT
    printf("libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
#endif
}

static int run(void *context, const char **arguments, size_t count)
{
    (void)context, (void)arguments, (void)count;
    printf("quire %s\n", QUIRE_VERSION_STRING);
    if (strcmp(quire_version(), QUIRE_VERSION_STRING) != 0) {
        printf("library %s\n", quire_version());
    }
    print_libraries();
    return command_finish(COMMAND_OK);
}

int command_version(int argc, const char **argv)
{
    const struct poptOption options[] = {COMMAND_HELP_OPTION, POPT_TABLEEND};
    return command_act(argc, argv, options, &help, run, NULL);
}
