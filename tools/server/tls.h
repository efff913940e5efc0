/*
 * The certificate and the key of a server that speaks TLS. The protocol itself is
 * GnuTLS's, driven by libmicrohttpd.
 */
#ifndef QUIRE_SERVER_TLS_H
#define QUIRE_SERVER_TLS_H

#include <stddef.h>

struct tls {
    char *certificates; /* PEM: the server's, then those up to the authority's */
    char *key;          /* PEM */
    size_t certificates_size, key_size;
};

/* TLS 1.2 and 1.3, with forward secrecy and authenticated ciphers. */
#define TLS_PRIORITIES                                                                             \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"                  \
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

/* Reads both, and checks that they go together; the key must be readable for its owner alone. NULL
 * after saying on standard error why not. */
struct tls *tls_read(const char *certificate_file, const char *key_file);

/* Overwrites the key. NULL is a no-op. */
void tls_free(struct tls *tls);

#endif
