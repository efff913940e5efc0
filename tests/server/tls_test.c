/*
 * The server over TLS: with a certificate made here, and a client of GnuTLS.
 */
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server_fixture.h"

#define QUERY "{\"query\":\"{ author(id: \\\"a1\\\") { name } }\"}"

static struct temp_dir dir;
static char certificate[600], key[600], other_key[600];

static void write_file(const char *path, const gnutls_datum_t *text)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text->data, 1, text->size, file), text->size);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, 0600), 0);
}

static gnutls_x509_privkey_t make_key(const char *path)
{
    gnutls_x509_privkey_t made;
    gnutls_datum_t text;
    cr_assert_eq(gnutls_x509_privkey_init(&made), 0);
    cr_assert_eq(gnutls_x509_privkey_generate(made, GNUTLS_PK_ECDSA,
                                              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                 0);
    cr_assert_eq(gnutls_x509_privkey_export2(made, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(path, &text);
    gnutls_free(text.data);
    return made;
}

/* A certificate of localhost that signs itself. */
static void make_certificate(gnutls_x509_privkey_t private)
{
    gnutls_x509_crt_t made;
    gnutls_datum_t text;
    cr_assert_eq(gnutls_x509_crt_init(&made), 0);
    cr_assert_eq(gnutls_x509_crt_set_version(made, 3), 0);
    cr_assert_eq(gnutls_x509_crt_set_serial(made, "1", 1), 0);
    cr_assert_eq(gnutls_x509_crt_set_dn(made, "CN=localhost", NULL), 0);
    cr_assert_eq(gnutls_x509_crt_set_activation_time(made, time(NULL) - 86400), 0);
    cr_assert_eq(gnutls_x509_crt_set_expiration_time(made, time(NULL) + 86400), 0);
    cr_assert_eq(gnutls_x509_crt_set_basic_constraints(made, 1, -1), 0);
    cr_assert_eq(gnutls_x509_crt_set_subject_alt_name(made, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                                      GNUTLS_FSAN_SET),
                 0);
    cr_assert_eq(gnutls_x509_crt_set_key(made, private), 0);
    cr_assert_eq(gnutls_x509_crt_sign2(made, made, private, GNUTLS_DIG_SHA256, 0), 0);
    cr_assert_eq(gnutls_x509_crt_export2(made, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(certificate, &text);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(made);
}

static void set_up(void)
{
    temp_dir_create(&dir);
    temp_dir_file(&dir, "certificate.pem", certificate, sizeof certificate);
    temp_dir_file(&dir, "key.pem", key, sizeof key);
    temp_dir_file(&dir, "other.pem", other_key, sizeof other_key);
    gnutls_x509_privkey_t made = make_key(key);
    make_certificate(made);
    gnutls_x509_privkey_deinit(made);
    gnutls_x509_privkey_deinit(make_key(other_key));
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(tls, .init = set_up, .fini = tear_down, .timeout = 60);

static void start(struct test_server *server)
{
    test_server_start(server,
                      (const char *const[]){"--tls-cert", certificate, "--tls-key", key, NULL});
}

/* ---- Client ---- */

struct client {
    int socket;
    gnutls_session_t session;
    gnutls_certificate_credentials_t trusted;
};

/* Connects; returns what the handshake says, 0 when it is good. */
static int open_client(struct client *client, const struct test_server *server,
                       const char *priorities)
{
    client->socket = client_connect(server);
    cr_assert_eq(gnutls_init(&client->session, GNUTLS_CLIENT), 0);
    cr_assert_eq(gnutls_certificate_allocate_credentials(&client->trusted), 0);
    cr_assert_geq(
        gnutls_certificate_set_x509_trust_file(client->trusted, certificate, GNUTLS_X509_FMT_PEM),
        1);
    cr_assert_eq(gnutls_priority_set_direct(client->session, priorities, NULL), 0);
    cr_assert_eq(gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->trusted),
                 0);
    cr_assert_eq(gnutls_server_name_set(client->session, GNUTLS_NAME_DNS, "localhost", 9), 0);
    gnutls_session_set_verify_cert(client->session, "localhost", 0);
    gnutls_transport_set_int(client->session, client->socket);
    int code;
    do {
        code = gnutls_handshake(client->session);
    } while (code < 0 && gnutls_error_is_fatal(code) == 0);
    return code;
}

static void close_client(struct client *client)
{
    (void)gnutls_bye(client->session, GNUTLS_SHUT_WR);
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->trusted);
    close(client->socket);
}

static void say(struct client *client, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = gnutls_record_send(client->session, (const char *)bytes + done, size - done);
        cr_assert_gt(sent, 0, "%s", gnutls_strerror((int)sent));
        done += (size_t)sent;
    }
}

/* Reads until the text has `wanted`, or the server closes. */
static void hear(struct client *client, char *text, size_t room, const char *wanted)
{
    size_t size = 0;
    text[0] = '\0';
    while (size < room - 1 && strstr(text, wanted) == NULL) {
        ssize_t got = gnutls_record_recv(client->session, text + size, room - 1 - size);
        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        for (ssize_t i = 0; i < got; i++) { /* frames have bytes that are no text */
            text[size] = text[size] == '\0' ? '.' : text[size];
            size++;
        }
        text[size] = '\0';
    }
    cr_assert_not_null(strstr(text, wanted), "no %s in: %s", wanted, text);
}

static void post(struct client *client, const char *headers, const char *body)
{
    char request[1024];
    int size = snprintf(request, sizeof request,
                        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n%s"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        headers, strlen(body), body);
    say(client, request, (size_t)size);
}

Test(tls, requests__are_answered)
{
    static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
                                           "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    struct test_server server;
    struct client client;
    char text[4096];
    start(&server);
    for (int i = 0; i < 2; i++) {
        int code = open_client(&client, &server, versions[i]);
        cr_assert_eq(code, 0, "%s", gnutls_strerror(code));
        for (int round = 0; round < 3; round++) {
            post(&client, "", QUERY);
            hear(&client, text, sizeof text, "{\"data\":{\"author\":{\"name\":\"Austen\"}}}");
        }
        close_client(&client);
    }
    cr_assert_eq(open_client(&client, &server, versions[0]), 0);
    const char *absolute = "GET https://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    say(&client, absolute, strlen(absolute));
    hear(&client, text, sizeof text, "\"ready\":true");
    close_client(&client);
    test_server_stop(&server);
}

Test(tls, versions_and_ciphers__that_are_weak_are_refused)
{
    static const char *const weak[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC",
    };
    struct test_server server;
    struct client client;
    start(&server);
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        cr_expect_neq(open_client(&client, &server, weak[i]), 0, "%s", weak[i]);
        close_client(&client);
    }
    cr_expect_eq(open_client(&client, &server, "NORMAL"), 0);
    close_client(&client);
    test_server_stop(&server);
}

Test(tls, plain_requests__are_not_answered)
{
    struct test_server server;
    start(&server);
    struct answer answer = send_request(&server, "GET", "/health", "", "");
    cr_expect_eq(answer.status, 0, "%s", answer.text);
    answer_free(&answer);
    test_server_stop(&server);
}

Test(tls, handshakes__that_do_not_come_are_not_waited_for)
{
    struct test_server server;
    char bytes[16];
    test_server_start(&server, (const char *const[]){"--tls-cert", certificate, "--tls-key", key,
                                                     "--header-ms", "300", NULL});
    int silent = client_connect(&server);
    int half = client_connect(&server);
    client_send(half, "\x16\x03\x01\x02", 4);
    cr_expect_eq(recv(silent, bytes, sizeof bytes, 0), 0);
    cr_expect_leq(recv(half, bytes, sizeof bytes, 0), 0);
    close(silent);
    close(half);
    test_server_stop(&server);
}

Test(tls, server_sent_events__are_streamed)
{
    struct test_server server;
    struct client reader;
    struct client writer;
    char text[4096];
    start(&server);
    cr_assert_eq(open_client(&reader, &server, "NORMAL"), 0);
    cr_assert_eq(open_client(&writer, &server, "NORMAL"), 0);
    post(&reader, "Accept: text/event-stream\r\n",
         "{\"query\":\"subscription { authorChanged { node { name } } }\"}");
    hear(&reader, text, sizeof text, "\r\n\r\n");
    post(&writer, "",
         "{\"query\":\"mutation { createAuthor(input: {id: \\\"a2\\\", name: \\\"Woolf\\\"}) "
         "{ id } }\"}");
    hear(&writer, text, sizeof text, "\"a2\"");
    hear(&reader, text, sizeof text, "\"Woolf\"");
    close_client(&reader);
    close_client(&writer);
    test_server_stop(&server);
}

/* Sends a text frame, masked with zeroes. */
static void say_frame(struct client *client, const char *message)
{
    unsigned char frame[1024] = {0x81, 0};
    size_t size = strlen(message);
    size_t head = size < 126 ? 6 : 8;
    cr_assert_lt(size, sizeof frame - 8);
    frame[1] = (unsigned char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[2] = (unsigned char)(size >> 8U);
        frame[3] = (unsigned char)size;
    }
    memcpy(frame + head, message, size);
    say(client, frame, head + size);
}

Test(tls, websockets__are_upgraded_to)
{
    static const char handshake[] =
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    struct test_server server;
    struct client client;
    char text[8192];
    start(&server);
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(open_client(&client, &server, "NORMAL"), 0);
        say(&client, handshake, sizeof handshake - 1);
        hear(&client, text, sizeof text, "\r\n\r\n");
        if (strstr(text, " 101 ") == NULL) {
            cr_skip_test("this build has no WebSockets");
        }
        say_frame(&client, "{\"type\":\"connection_init\"}");
        hear(&client, text, sizeof text, "connection_ack");
        for (int i = 0; i < 50; i++) {
            char message[256];
            snprintf(message, sizeof message,
                     "{\"id\":\"q%d\",\"type\":\"subscribe\",\"payload\":" QUERY "}", i);
            say_frame(&client, message);
            hear(&client, text, sizeof text, "\"complete\"");
            cr_expect_not_null(strstr(text, "\"Austen\""), "%s", text);
        }
        close_client(&client); /* once properly, then by leaving */
    }
    cr_assert_eq(open_client(&client, &server, "NORMAL"), 0);
    say(&client, handshake, sizeof handshake - 1);
    hear(&client, text, sizeof text, "\r\n\r\n");
    close(client.socket);
    client.socket = client_connect(&server);
    close_client(&client);
    test_server_stop(&server);
}

Test(tls, files__that_are_wrong_are_refused)
{
    struct test_server server;
    memset(&server, 0, sizeof server);
    temp_dir_create(&server.dir);
    temp_dir_file(&server.dir, "served.quire", server.database, sizeof server.database);
    temp_dir_file(&server.dir, "log", server.log, sizeof server.log);
#define REFUSED(code, says, ...)                                                                   \
    do {                                                                                           \
        cr_expect_eq(test_server_refuses(&server, (const char *const[]){__VA_ARGS__, NULL}),       \
                     code);                                                                        \
        char *log = read_text(server.log);                                                         \
        cr_expect_not_null(strstr(log, says), "%s", log);                                          \
        free(log);                                                                                 \
    } while (0)
    REFUSED(64, "go together", "--tls-cert", certificate);
    REFUSED(64, "go together", "--tls-key", key);
    REFUSED(74, "No such file", "--tls-cert", certificate, "--tls-key", "/no/such/key");
    REFUSED(74, "no certificate with its key", "--tls-cert", certificate, "--tls-key", other_key);
    REFUSED(74, "no certificate with its key", "--tls-cert", key, "--tls-key", key);
    cr_assert_eq(chmod(key, 0640), 0);
    REFUSED(74, "others may read it", "--tls-cert", certificate, "--tls-key", key);
    temp_dir_remove(&server.dir);
}

/* Runs `quire query --connect` and returns its exit code. */
static int ask(const struct test_server *server, const char *ca)
{
    char url[64];
    int status;
    snprintf(url, sizeof url, "https://localhost:%d", server->port);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        const char *arguments[8] = {"quire", "query", "--connect", url, "{ __typename }"};
        arguments[5] = ca != NULL ? "--ca" : NULL;
        arguments[6] = ca;
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execv(QUIRE_COMMAND, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(tls, commands__trust_whom_they_are_told)
{
    struct test_server server;
    start(&server);
    cr_expect_eq(ask(&server, certificate), 0);
    cr_expect_eq(ask(&server, NULL), 74);
    test_server_stop(&server);
}
