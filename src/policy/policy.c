/* What a policy owns, and the order that makes judging it quick. */
#include "policy/http_shape.h"
#include "policy/parts.h"

static void
free_pairs(struct writ_pair *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		writ_mem_free(v[i].key);
		writ_mem_free(v[i].value);
	}
	writ_mem_free(v);
}

static void
free_files(struct writ_files_grant *g)
{
	size_t i;

	for (i = 0; g->protected_names && g->protected_names[i]; i++)
		writ_mem_free(g->protected_names[i]);
	writ_mem_free(g->protected_names);
	writ_mem_free(g->name);
	writ_mem_free(g->at);
	writ_mem_free(g->from);
}

static void
free_http(struct writ_http_grant *g)
{
	size_t i;

	for (i = 0; i < g->credential_parts; i++) {
		writ_mem_free(g->credential[i].text);
		writ_mem_free(g->credential[i].secret);
	}
	writ_mem_free(g->credential);
	writ_http_shape_free(g->shape);
	writ_texts_free(g->response_headers);
	writ_texts_free(g->response_types);
	writ_texts_free(g->operations);
	writ_mem_free(g->operation_field);
	writ_mem_free(g->credential_name);
	writ_mem_free(g->addresses);
	writ_mem_free(g->ca_file);
	writ_mem_free(g->pins);
	writ_mem_free(g->name);
}

static void
free_net(struct writ_policy *p)
{
	size_t i;

	for (i = 0; i < p->http_count; i++)
		free_http(&p->http[i]);
	for (i = 0; i < p->http_deny_count; i++) {
		writ_http_shape_free(p->http_deny[i].shape);
		writ_mem_free(p->http_deny[i].name);
	}
	for (i = 0; i < p->sockets_count; i++) {
		writ_mem_free(p->sockets[i].name);
		writ_mem_free(p->sockets[i].host);
		writ_mem_free(p->sockets[i].addresses);
	}
	for (i = 0; i < p->sockets_deny_count; i++) {
		writ_mem_free(p->sockets_deny[i].name);
		writ_mem_free(p->sockets_deny[i].host);
	}
	writ_mem_free(p->http);
	writ_mem_free(p->http_deny);
	writ_mem_free(p->sockets);
	writ_mem_free(p->sockets_deny);
	writ_mem_free(p->http_index);
}

void
writ_policy_free(struct writ_policy *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->files_count; i++)
		free_files(&p->files[i]);
	for (i = 0; i < p->files_deny_count; i++) {
		writ_mem_free(p->files_deny[i].name);
		writ_mem_free(p->files_deny[i].path);
	}
	for (i = 0; i < p->spawn_count; i++) {
		writ_mem_free(p->spawn[i].name);
		writ_mem_free(p->spawn[i].tool);
	}
	for (i = 0; i < p->spawn_deny_count; i++) {
		writ_mem_free(p->spawn_deny[i].name);
		writ_mem_free(p->spawn_deny[i].tool);
	}
	free_net(p);
	writ_mem_free(p->spawn);
	writ_mem_free(p->spawn_deny);
	writ_mem_free(p->files);
	writ_mem_free(p->files_deny);
	free_pairs(p->env, p->env_count);
	free_pairs(p->config, p->config_count);
	for (i = 0; i < p->secrets_count; i++) {
		writ_mem_free(p->secrets[i].name);
		writ_mem_free(p->secrets[i].from);
	}
	writ_mem_free(p->secrets);
	writ_mem_free(p->name);
	writ_mem_free(p->component_file);
	writ_mem_free(p->more);
	writ_mem_free(p);
}

const struct writ_secret_source *
writ_policy_secret(const struct writ_policy *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->secrets_count; i++)
		if (!strcmp(p->secrets[i].name, name))
			return &p->secrets[i];
	return NULL;
}

static int
by_mount(const void *a, const void *b)
{
	const struct writ_files_grant *x = a, *y = b;
	size_t n = strlen(x->at), m = strlen(y->at);

	return n != m ? (n < m) - (n > m) : memcmp(x->at, y->at, n);
}

/* Bytes of whole segments before the first one with a `*`; 0 stands for "/". */
static size_t
literal_prefix(const char *path)
{
	const char *star = strchr(path, '*');
	size_t n = star ? (size_t)(star - path) : strlen(path);

	if (!star)
		return n == 1 ? 0 : n;
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? n - 1 : 0;
}

static int
by_prefix(const void *a, const void *b)
{
	const struct writ_files_deny *x = a, *y = b;
	size_t n = x->literal < y->literal ? x->literal : y->literal;
	int r = memcmp(x->path, y->path, n);

	if (r == 0 && x->literal != y->literal)
		return x->literal < y->literal ? -1 : 1;
	return r ? r : strcmp(x->name, y->name);
}

static enum writ_status
index_http(struct writ_policy *p)
{
	size_t n = p->http_count + p->http_deny_count, i;
	struct writ_http_entry *v = n ? writ_alloc(n, sizeof(*v)) : NULL;

	if (n && !v) {	/* what it points to may be gone: nothing matches */
		p->http_index_count = 0;
		return WRIT_NOMEM;
	}
	for (i = 0; i < p->http_count; i++)
		v[i] = (struct writ_http_entry){ p->http[i].shape, &p->http[i],
			NULL };
	for (i = 0; i < p->http_deny_count; i++)
		v[p->http_count + i] = (struct writ_http_entry){
			p->http_deny[i].shape, NULL, &p->http_deny[i] };
	writ_http_index_sort(v, n);
	writ_mem_free(p->http_index);
	p->http_index = v;
	p->http_index_count = n;
	return WRIT_OK;
}

enum writ_status
writ_policy_sort(struct writ_policy *p)
{
	size_t i;

	if (p->files_count > 1)
		qsort(p->files, p->files_count, sizeof(p->files[0]), by_mount);
	for (i = 0; i < p->files_deny_count; i++)
		p->files_deny[i].literal = literal_prefix(p->files_deny[i].path);
	if (p->files_deny_count > 1)
		qsort(p->files_deny, p->files_deny_count,
		    sizeof(p->files_deny[0]), by_prefix);
	return index_http(p);
}
