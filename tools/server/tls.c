/*
 * GnuTLS reads the texts here once to say what is wrong with them; libmicrohttpd
 * hands the same texts to it again.
 */
#include "tls.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "files.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

void tls_free(struct tls *tls)
{
    if (tls != NULL) {
        file_forget(tls->certificates, tls->certificates_size);
        file_forget(tls->key, tls->key_size);
        free(tls);
    }
}

/* What GnuTLS says of the pair: GNUTLS_E_SUCCESS when it can be used. */
static int try_pair(struct tls *tls)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t certificates = {(unsigned char *)tls->certificates,
                                   (unsigned)tls->certificates_size};
    gnutls_datum_t key = {(unsigned char *)tls->key, (unsigned)tls->key_size};
    int code = gnutls_certificate_allocate_credentials(&credentials);
    if (code != GNUTLS_E_SUCCESS) {
        return code;
    }
    code = gnutls_certificate_set_x509_key_mem2(credentials, &certificates, &key,
                                                GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_certificate_free_credentials(credentials);
    return code < 0 ? code : GNUTLS_E_SUCCESS;
}

/* The text of a file; NULL after saying why not. */
static char *read_text(const char *path, bool is_key, size_t *size)
{
    struct stat about;
    const char *problem = NULL;
    char *text = file_read(path, FILE_SIZE_MAX, size, &about, &problem);
    if (text != NULL && is_key && !file_is_private(&about)) {
        file_forget(text, *size);
        text = NULL;
        problem = "others may read it; chmod 600 it";
    }
    if (text == NULL) {
        fprintf(stderr, "quire: %s: %s\n", path, problem);
    }
    return text;
}

struct tls *tls_read(const char *certificate_file, const char *key_file)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    tls->certificates = read_text(certificate_file, false, &tls->certificates_size);
    tls->key = tls->certificates != NULL ? read_text(key_file, true, &tls->key_size) : NULL;
    int code = tls->key != NULL ? try_pair(tls) : GNUTLS_E_FILE_ERROR;
    if (tls->key != NULL && code != GNUTLS_E_SUCCESS) {
        fprintf(stderr, "quire: %s, %s: no certificate with its key: %s\n", certificate_file,
                key_file, gnutls_strerror(code));
    }
    if (code != GNUTLS_E_SUCCESS) {
        tls_free(tls);
        tls = NULL;
    }
    return tls;
}
