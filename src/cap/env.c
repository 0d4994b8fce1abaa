#include "cap/env.h"
#include "base/limits.h"

struct writ_env_item {
	char *key, *value;	/* one block: key, NUL, value, NUL */
	size_t key_len, value_len;
};

void
writ_env_init(struct writ_env *e)
{
	writ_vec_init(&e->args, sizeof(struct writ_env_item), WRIT_ARGS_MAX);
	writ_vec_init(&e->vars, sizeof(struct writ_env_item), WRIT_ENV_MAX);
	writ_vec_init(&e->settings, sizeof(struct writ_env_item), WRIT_ENV_MAX);
	e->bytes = 0;
}

static void
list_release(struct writ_vec *v)
{
	size_t i;

	for (i = 0; i < v->len; i++)
		writ_mem_free(((struct writ_env_item *)writ_vec_at(v, i))->key);
	writ_vec_release(v);
}

void
writ_env_release(struct writ_env *e)
{
	if (!e)
		return;
	list_release(&e->args);
	list_release(&e->vars);
	list_release(&e->settings);
}

static enum writ_status
add(struct writ_env *e, struct writ_vec *v, struct writ_str key,
    struct writ_str value)
{
	writ_auto_mem char *block = NULL;
	struct writ_env_item *item;
	enum writ_status st;

	if (!writ_str_utf8(key) || !writ_str_utf8(value) ||
	    memchr(key.ptr ? key.ptr : "", 0, key.len) ||
	    memchr(value.ptr ? value.ptr : "", 0, value.len))
		return WRIT_INVALID;
	if (e->bytes + key.len + value.len >
	    WRIT_ARGS_BYTES_MAX + WRIT_ENV_BYTES_MAX)
		return WRIT_LIMIT;
	block = writ_alloc(key.len + value.len + 2, 1);
	if (!block)
		return WRIT_NOMEM;
	st = writ_vec_push(v, &item);
	if (st != WRIT_OK)
		return st;
	if (key.len)
		memcpy(block, key.ptr, key.len);
	if (value.len)
		memcpy(block + key.len + 1, value.ptr, value.len);
	item->key_len = key.len;
	item->value_len = value.len;
	item->value = block + key.len + 1;
	item->key = writ_steal(&block);
	e->bytes += key.len + value.len;
	return WRIT_OK;
}

enum writ_status
writ_env_add_arg(struct writ_env *e, struct writ_str arg)
{
	return add(e, &e->args, arg, WRIT_STR(""));
}

enum writ_status
writ_env_add_var(struct writ_env *e, struct writ_str key, struct writ_str value)
{
	return add(e, &e->vars, key, value);
}

enum writ_status
writ_env_add_setting(struct writ_env *e, struct writ_str key,
    struct writ_str value)
{
	return add(e, &e->settings, key, value);
}

static enum writ_status
get(const struct writ_vec *v, size_t i, struct writ_str *key,
    struct writ_str *value)
{
	const struct writ_env_item *item;

	if (i >= v->len)
		return WRIT_NOENT;
	item = writ_vec_at(v, i);
	*key = writ_str(item->key, item->key_len);
	if (value)
		*value = writ_str(item->value, item->value_len);
	return WRIT_OK;
}

static enum writ_status
variable(void *ctx, size_t i, struct writ_str *key, struct writ_str *value)
{
	return get(&((struct writ_env *)ctx)->vars, i, key, value);
}

static enum writ_status
argument(void *ctx, size_t i, struct writ_str *arg)
{
	return get(&((struct writ_env *)ctx)->args, i, arg, NULL);
}

static enum writ_status
setting(void *ctx, size_t i, struct writ_str *key, struct writ_str *value)
{
	return get(&((struct writ_env *)ctx)->settings, i, key, value);
}

struct writ_env_port
writ_env_port(struct writ_env *e)
{
	return (struct writ_env_port){ e, variable, argument, setting };
}
