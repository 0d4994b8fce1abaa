/* Names through which a confined tool could reach out of its confinement later:
 * files that some unconfined program will run, obey or unlock with. */
#include "policy/decide.h"

/* name, slug for rules, also refused for reading */
#define NAMES(X)                                                     \
	/* git runs or obeys these */                                \
	X(".git/hooks", "git-hooks", false)                          \
	X(".git/config", "git-config", false)                        \
	X(".git/config.worktree", "git-config", false)               \
	X(".git/modules", "git-modules", false)                      \
	X(".git/worktrees", "git-worktrees", false)                  \
	X(".git/commondir", "git-commondir", false)                  \
	X(".gitconfig", "gitconfig", false)                          \
	X(".gitmodules", "gitmodules", false)                        \
	X(".config/git", "gitconfig", false)                         \
	X(".husky", "git-hooks", false)                              \
	/* shells and sessions */                                    \
	X(".bashrc", "bashrc", false)                                \
	X(".bash_profile", "bash-profile", false)                    \
	X(".bash_login", "bash-login", false)                        \
	X(".bash_logout", "bash-logout", false)                      \
	X(".bash_aliases", "bash-aliases", false)                    \
	X(".profile", "profile", false)                              \
	X(".zshrc", "zshrc", false)                                  \
	X(".zshenv", "zshenv", false)                                \
	X(".zprofile", "zprofile", false)                            \
	X(".zlogin", "zlogin", false)                                \
	X(".zlogout", "zlogout", false)                              \
	X(".kshrc", "kshrc", false)                                  \
	X(".cshrc", "cshrc", false)                                  \
	X(".tcshrc", "tcshrc", false)                                \
	X(".config/fish", "fish", false)                             \
	X(".config/autostart", "autostart", false)                   \
	X(".config/systemd", "systemd", false)                       \
	X(".xprofile", "xprofile", false)                            \
	X(".xinitrc", "xinitrc", false)                              \
	X(".envrc", "envrc", false)                                  \
	/* editors that run tasks of a folder */                     \
	X(".vscode", "vscode", false)                                \
	X(".idea", "idea", false)                                    \
	X(".zed", "zed", false)                                      \
	X(".devcontainer", "devcontainer", false)                    \
	X(".vimrc", "vimrc", false)                                  \
	X(".exrc", "exrc", false)                                    \
	/* agents and their instructions */                          \
	X(".mcp.json", "mcp", false)                                 \
	X(".claude", "claude", false)                                \
	X(".claude.json", "claude", false)                           \
	X("CLAUDE.md", "claude-md", false)                           \
	X("CLAUDE.local.md", "claude-md", false)                     \
	X("AGENTS.md", "agents-md", false)                           \
	X("AGENTS.override.md", "agents-md", false)                  \
	X(".codex", "codex", false)                                  \
	X(".agents", "agents", false)                                \
	X(".gemini", "gemini", false)                                \
	X("GEMINI.md", "gemini-md", false)                           \
	X(".cursor", "cursor", false)                                \
	X(".cursorrules", "cursor", false)                           \
	X(".windsurf", "windsurf", false)                            \
	X(".windsurfrules", "windsurf", false)                       \
	X(".clinerules", "cline", false)                             \
	X(".aider.conf.yml", "aider", false)                         \
	X(".github/copilot-instructions.md", "copilot", false)       \
	X("*.writ.yaml", "writ", false)                              \
	X(".config/writ", "writ", false)                             \
	/* keys, passwords, tokens */                                \
	X(".env", "env", true)                                       \
	X(".env.*", "env", true)                                     \
	X(".ssh", "ssh", true)                                       \
	X(".gnupg", "gnupg", true)                                   \
	X("id_rsa", "key", true)                                     \
	X("id_dsa", "key", true)                                     \
	X("id_ecdsa", "key", true)                                   \
	X("id_ecdsa_sk", "key", true)                                \
	X("id_ed25519", "key", true)                                 \
	X("id_ed25519_sk", "key", true)                              \
	X("*.pem", "pem", true)                                      \
	X("*.key", "key-file", true)                                 \
	X("*.p12", "p12", true)                                      \
	X("*.pfx", "pfx", true)                                      \
	X("*.kdbx", "kdbx", true)                                    \
	X(".git-credentials", "git-credentials", true)               \
	X(".netrc", "netrc", true)                                   \
	X(".npmrc", "npmrc", true)                                   \
	X(".pypirc", "pypirc", true)                                 \
	X(".pgpass", "pgpass", true)                                 \
	X(".aws", "aws", true)                                       \
	X(".azure", "azure", true)                                   \
	X(".kube", "kube", true)                                     \
	X(".docker/config.json", "docker", true)                     \
	X(".config/gcloud", "gcloud", true)                          \
	X(".config/gh", "gh", true)                                  \
	X(".cargo/credentials.toml", "cargo", true)                  \
	X(".cargo/credentials", "cargo", true)                       \
	/* our own: the key that makes code trusted, and the logs */ \
	X(".cache/writ", "writ-cache", true)                         \
	X(".local/state/writ", "writ-state", true)                   \
	X("writ/secrets", "writ-secrets", true)

struct protected_name {
	const char *name, *slug;
	bool secret;
};

static const struct protected_name table[] = {
#define X(name, slug, secret) { name, slug, secret },
	NAMES(X)
#undef X
};

static const char *const names[] = {
#define X(name, slug, secret) name,
	NAMES(X)
#undef X
	NULL
};

#define COUNT (sizeof(table) / sizeof(table[0]))

const char *const *
writ_policy_protected(void)
{
	return names;
}

const char *
writ_policy_protected_slug(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		if (!strcmp(table[i].name, name))
			return table[i].slug;
	return "name";
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
same(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

/* One component of a name against one of a path; a star is first or last only. */
static bool
component(struct writ_str p, struct writ_str s)
{
	if (p.ptr[0] == '*')
		return s.len >= p.len - 1 &&
		    same(p.ptr + 1, s.ptr + s.len - (p.len - 1), p.len - 1);
	if (p.ptr[p.len - 1] == '*')
		return s.len >= p.len - 1 && same(p.ptr, s.ptr, p.len - 1);
	return s.len == p.len && same(p.ptr, s.ptr, p.len);
}

enum fit { NONE, HOLDS, WITHIN };

/* `rest` begins at a component.  WITHIN: the name's components follow, perhaps more
 * behind; HOLDS: the path ends before the name does. */
static enum fit
fits(const char *name, struct writ_str rest)
{
	struct writ_str p = writ_str_from(name), one, part;

	while (p.ptr) {
		if (!rest.ptr || (rest.len == 0))
			return HOLDS;
		part = writ_str_cut(p, '/', &p);
		one = writ_str_cut(rest, '/', &rest);
		if (!component(part, one))
			return NONE;
	}
	return WITHIN;
}

static bool
is_opened(const char *name, char *const *opened)
{
	for (; opened && *opened; opened++)
		if (!strcmp(*opened, name))
			return true;
	return false;
}

/* The first row for which some place in the path gives `want`. */
static bool
find(struct writ_str path, char *const *opened, enum fit want, bool secret,
    const char **which)
{
	struct writ_str rest = path;
	size_t i;

	while (rest.ptr && rest.len > 0) {
		for (i = 0; i < COUNT; i++) {
			if ((secret && !table[i].secret) ||
			    fits(table[i].name, rest) != want ||
			    is_opened(table[i].name, opened))
				continue;
			if (which)
				*which = table[i].name;
			return true;
		}
		(void)writ_str_cut(rest, '/', &rest);
	}
	return false;
}

bool
writ_policy_is_protected(struct writ_str path, char *const *opened,
    const char **which)
{
	return find(path, opened, WITHIN, false, which);
}

bool
writ_policy_is_secret(struct writ_str path, char *const *opened,
    const char **which)
{
	return find(path, opened, WITHIN, true, which);
}

bool
writ_policy_holds_protected(struct writ_str path, char *const *opened,
    const char **which)
{
	return find(path, opened, HOLDS, false, which);
}
