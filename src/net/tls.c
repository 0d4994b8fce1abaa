#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "net/net.h"

#define CA_MAX (4 * 1024 * 1024)	/* bytes of one bundle */

enum writ_status
net_tls_ca(struct net *n, uint32_t index, struct writ_str pem)
{
	if (index >= WRIT_NET_CAS_MAX)
		return WRIT_PROTO;
	if (n->ca_parts[index].max == 0)
		writ_buf_init(&n->ca_parts[index], CA_MAX);
	writ_buf_str(&n->ca_parts[index], pem);
	return writ_buf_status(&n->ca_parts[index]);
}

/* Every certificate of a bundle; one that cannot be read ends it. */
static X509_STORE *
read_store(const struct writ_buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
	X509_STORE *store = X509_STORE_new();
	unsigned n = 0;
	X509 *cert;

	while (bio && store && (cert = PEM_read_bio_X509(bio, NULL, NULL,
	    NULL))) {
		n += (unsigned)X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (n == 0) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

enum writ_status
net_tls_ready(struct net *n)
{
	size_t i;

	n->alert_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (n->alert_slot <= 0)
		return WRIT_NOMEM;
	for (i = 0; i < WRIT_NET_CAS_MAX; i++) {
		if (n->ca_parts[i].len)
			n->cas[i] = read_store(&n->ca_parts[i]);
		if (n->ca_parts[i].len && !n->cas[i])
			return WRIT_INVALID;
		writ_buf_release(&n->ca_parts[i]);
	}
	return WRIT_OK;
}

/* An alert of the peer goes to the request that uses the connection, if it still lives. */
static void
on_info(const SSL *ssl, int where, int value)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	struct net *n = SSL_CTX_get_ex_data(ctx, 0);
	struct net_request *r;

	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || !n)
		return;
	r = net_request_find(n, (uint32_t)(uintptr_t)SSL_CTX_get_ex_data(ctx,
	    n->alert_slot));
	if (r && value >> 8 == SSL3_AL_FATAL)
		r->alert = value & 0xff;
	else if (r && (value & 0xff) == SSL_AD_CLOSE_NOTIFY)
		r->farewell = true;
}

static bool
set_request(SSL_CTX *ctx, struct net_request *r)
{
	return SSL_CTX_set_ex_data(ctx, r->net->alert_slot,
	    (void *)(uintptr_t)r->id) == 1;
}

bool
net_tls_begin(struct net_request *r)
{
	struct curl_tlssessioninfo *info = NULL;
	const unsigned char *name = NULL;
	unsigned n = 0;

	if (curl_easy_getinfo(r->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK &&
	    info && info->internals) {
		SSL_get0_alpn_selected(info->internals, &name, &n);
		(void)set_request(SSL_get_SSL_CTX(info->internals), r);
	}
	return n == 2 && !memcmp(name, "h2", 2);
}

/* CURLOPT_SSL_CTX_FUNCTION: exactly these authorities; no sessions, no renegotiation. */
static CURLcode
on_ctx(CURL *easy, void *ctx, void *request)
{
	struct net_request *r = request;
	X509_STORE *store = r->s.ca < WRIT_NET_CAS_MAX ? r->net->cas[r->s.ca] :
	    NULL;

	if (!store)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(ctx, store);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_security_level(ctx, 2);
	if (SSL_CTX_set_ex_data(ctx, 0, r->net) && set_request(ctx, r))
		SSL_CTX_set_info_callback(ctx, on_info);
	return CURLE_OK;
}

void
net_tls_prepare(struct net_request *r)
{
	char pins[WRIT_DOC_STRING_MAX + 1];

	curl_easy_setopt(r->easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(r->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(r->easy, CURLOPT_SSL_CTX_FUNCTION, on_ctx);
	curl_easy_setopt(r->easy, CURLOPT_SSL_CTX_DATA, r);
	if (r->s.pins.len &&
	    writ_str_cstr(r->s.pins, pins, sizeof(pins)) == WRIT_OK)
		curl_easy_setopt(r->easy, CURLOPT_PINNEDPUBLICKEY, pins);
}

static const struct {
	CURLcode code;
	enum writ_http_code means;
} meanings[] = {
	{ CURLE_COULDNT_CONNECT,	WRIT_HTTP_CONNECTION_REFUSED },
	{ CURLE_OPERATION_TIMEDOUT,	WRIT_HTTP_CONNECTION_TIMEOUT },
	{ CURLE_SSL_CONNECT_ERROR,	WRIT_HTTP_TLS_PROTOCOL_ERROR },
	{ CURLE_PEER_FAILED_VERIFICATION, WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_ISSUER_ERROR,	WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_CERTPROBLEM,	WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_CACERT_BADFILE,	WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_INVALIDCERTSTATUS,	WRIT_HTTP_TLS_CERTIFICATE_ERROR },
	{ CURLE_SSL_CIPHER,		WRIT_HTTP_TLS_PROTOCOL_ERROR },
	{ CURLE_GOT_NOTHING,		WRIT_HTTP_RESPONSE_INCOMPLETE },
	{ CURLE_PARTIAL_FILE,		WRIT_HTTP_RESPONSE_INCOMPLETE },
	{ CURLE_RECV_ERROR,		WRIT_HTTP_CONNECTION_TERMINATED },
	{ CURLE_SEND_ERROR,		WRIT_HTTP_CONNECTION_TERMINATED },
	{ CURLE_HTTP2,			WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_HTTP2_STREAM,		WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_WEIRD_SERVER_REPLY,	WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_UNSUPPORTED_PROTOCOL,	WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_BAD_CONTENT_ENCODING,	WRIT_HTTP_RESPONSE_TRANSFER_CODING },
	{ CURLE_WRITE_ERROR,		WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_SSL_CLIENTCERT,		WRIT_HTTP_TLS_PROTOCOL_ERROR },
	{ CURLE_SEND_FAIL_REWIND,	WRIT_HTTP_CONNECTION_TERMINATED },
	{ CURLE_UPLOAD_FAILED,		WRIT_HTTP_PROTOCOL_ERROR },
	{ CURLE_OUT_OF_MEMORY,		WRIT_HTTP_INTERNAL_ERROR },
};

struct writ_http_fault
net_tls_fault(struct net_request *r, CURLcode code)
{
	struct writ_http_fault f = { WRIT_HTTP_INTERNAL_ERROR, false, 0 };
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code)
			f.code = meanings[i].means;
	/* Another socket was wanted for what may not be sent again. */
	if (code == CURLE_COULDNT_CONNECT && r->wants_socket)
		f.code = WRIT_HTTP_CONNECTION_TERMINATED;
	if (code == CURLE_RECV_ERROR && r->head_done)
		f.code = WRIT_HTTP_RESPONSE_INCOMPLETE;
	/* a line longer than curl takes */
	if (code == CURLE_OUT_OF_MEMORY && r->tries && !r->head_done)
		f.code = WRIT_HTTP_RESPONSE_HEADER_SECTION_SIZE;
	if (r->alert && r->tries == 0)
		f = (struct writ_http_fault){ WRIT_HTTP_TLS_ALERT_RECEIVED, true,
			(uint64_t)r->alert };
	return f;
}
