#include "policy/address.h"

#include <arpa/inet.h>

#define LOOPBACK "loopback"
#define METADATA "cloud metadata"
#define NOBODY "no address of anybody"
#define LINK_LOCAL "link-local"
#define PRIVATE "private"
#define SHARED "carrier-grade NAT"
#define MULTICAST "multicast"
#define RESERVED "reserved"
#define EXAMPLE "documentation"
#define BENCHMARK "benchmarking"

/* What a range of addresses is, beside public. */
struct kind {
	const char *range;
	const char *what;
	enum {
		CLOSED,		/* opens for a range that has it */
		ALONE,		/* opens for a range of this one address */
		NEVER,
		OPEN		/* public, within a wider row below */
	} how;
};

/* IANA's special-purpose registries, the metadata services of clouds, and what of IPv6 is not
 * global unicast.  The first row that has an address counts. */
static const struct kind kinds[] = {
	{ "169.254.169.254/32",	METADATA,	ALONE },
	{ "169.254.170.2/32",	METADATA,	ALONE },
	{ "169.254.170.23/32",	METADATA,	ALONE },
	{ "169.254.0.23/32",	METADATA,	ALONE },
	{ "100.100.100.200/32",	METADATA,	ALONE },
	{ "168.63.129.16/32",	METADATA,	ALONE },
	{ "192.0.0.192/32",	METADATA,	ALONE },
	{ "fd00:ec2::/32",	METADATA,	ALONE },
	{ "fd20:ce::254/128",	METADATA,	ALONE },
	{ "fd00:c1::a9fe:a9fe/128", METADATA,	ALONE },
	{ "fd00:42::42/128",	METADATA,	ALONE },
	/* RFC 6890; 0.0.0.0 and :: reach this machine */
	{ "0.0.0.0/8",		NOBODY,		NEVER },
	{ "10.0.0.0/8",		PRIVATE,	CLOSED },
	{ "100.64.0.0/10",	SHARED,		CLOSED },
	{ "127.0.0.0/8",	LOOPBACK,	ALONE },
	{ "169.254.0.0/16",	LINK_LOCAL,	CLOSED },
	{ "172.16.0.0/12",	PRIVATE,	CLOSED },
	{ "192.0.0.0/24",	RESERVED,	CLOSED },
	{ "192.0.2.0/24",	EXAMPLE,	CLOSED },
	{ "192.88.99.0/24",	RESERVED,	CLOSED },
	{ "192.168.0.0/16",	PRIVATE,	CLOSED },
	{ "198.18.0.0/15",	BENCHMARK,	CLOSED },
	{ "198.51.100.0/24",	EXAMPLE,	CLOSED },
	{ "203.0.113.0/24",	EXAMPLE,	CLOSED },
	{ "224.0.0.0/4",	MULTICAST,	CLOSED },
	{ "255.255.255.255/32",	"broadcast",	CLOSED },
	{ "240.0.0.0/4",	RESERVED,	CLOSED },
	{ "::ffff:0.0.0.0/96",	NULL,		OPEN },
	{ "::/128",		NOBODY,		NEVER },
	{ "::1/128",		LOOPBACK,	ALONE },
	{ "64:ff9b::/96",	NULL,		OPEN },
	{ "2001::/32",		NULL,		OPEN },	/* Teredo */
	{ "2001:2::/48",	BENCHMARK,	CLOSED },
	{ "2001::/23",		RESERVED,	CLOSED },
	{ "2001:db8::/32",	EXAMPLE,	CLOSED },
	{ "3fff::/20",		EXAMPLE,	CLOSED },
	{ "2000::/3",		NULL,		OPEN },
	{ "fc00::/7",		PRIVATE,	CLOSED },
	{ "fe80::/10",		LINK_LOCAL,	CLOSED },
	{ "fec0::/10",		PRIVATE,	CLOSED },
	{ "ff00::/8",		MULTICAST,	CLOSED },
	{ "::/0",		RESERVED,	CLOSED },
};

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_mapped(const uint8_t a[16])
{
	return !memcmp(a, mapped, sizeof(mapped));
}

/* ---- texts */

bool
writ_address_read(struct writ_str text, uint8_t out[16])
{
	char s[INET6_ADDRSTRLEN + 3], again[INET6_ADDRSTRLEN];
	uint8_t v[16];
	bool brackets = text.len > 2 && text.ptr[0] == '[' &&
	    text.ptr[text.len - 1] == ']', six;

	if (brackets)
		text = writ_str(text.ptr + 1, text.len - 2);
	if (!text.len || writ_str_cstr(text, s, sizeof(s)) != WRIT_OK)
		return false;
	six = memchr(text.ptr, ':', text.len);
	if (brackets && !six)
		return false;
	if (inet_pton(six ? AF_INET6 : AF_INET, s, v) != 1 ||
	    !inet_ntop(six ? AF_INET6 : AF_INET, v, again, sizeof(again)) ||
	    strcmp(s, again))
		return false;
	if (six) {
		memcpy(out, v, 16);
	} else {
		memcpy(out, mapped, 12);
		memcpy(out + 12, v, 4);
	}
	return true;
}

void
writ_address_text(const uint8_t address[16], char out[46])
{
	bool four = is_mapped(address);

	if (!inet_ntop(four ? AF_INET : AF_INET6, address + (four ? 12 : 0),
	    out, 46))
		WRIT_BUG("an address without a text");
}

/* ---- ranges */

bool
writ_range_has(const struct writ_range *range, const uint8_t address[16])
{
	unsigned whole = range->bits / 8, rest = range->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (range->bits > 128 || memcmp(range->address, address, whole))
		return false;
	return !rest ||
	    !((range->address[whole] ^ address[whole]) & mask);
}

static bool
bits_behind(const struct writ_range *r)
{
	uint8_t first[16] = { 0 };
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	memcpy(first, r->address, whole);
	if (rest)
		first[whole] = r->address[whole] & (uint8_t)(0xff00 >> rest);
	return memcmp(first, r->address, sizeof(first)) != 0;
}

const char *
writ_range_read(struct writ_str text, struct writ_range *out)
{
	struct writ_str rest, addr = writ_str_cut(text, '/', &rest);
	struct writ_range r = { { 0 }, 0 };
	bool six = addr.len && memchr(addr.ptr, ':', addr.len);
	uint64_t bits;

	if ((addr.len && addr.ptr[0] == '[') ||
	    !writ_address_read(addr, r.address))
		return "not an address in its short form";
	if (!rest.ptr || writ_str_u64(rest, six ? 128 : 32, &bits) != WRIT_OK)
		return "no prefix length such as /32";
	r.bits = (unsigned)bits + (six ? 0 : 96);
	if (bits_behind(&r))
		return "bits are set behind the prefix length";
	if (is_mapped(r.address) && r.address[12] == 127 && r.bits >= 104 &&
	    r.bits < 128)
		return "addresses of this machine only as /32 or /128";
	*out = r;
	return NULL;
}

/* ---- one address, as it stands */

static const struct kind *
kind_of(const uint8_t address[16])
{
	struct writ_range r;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct writ_str text = writ_str_from(kinds[i].range);
		struct writ_str bits, addr = writ_str_cut(text, '/', &bits);
		uint64_t n;

		if (!writ_address_read(addr, r.address) ||
		    writ_str_u64(bits, 128, &n) != WRIT_OK)
			WRIT_BUG("a malformed row of addresses");
		r.bits = (unsigned)n + (memchr(addr.ptr, ':', addr.len) ? 0 :
		    96);
		if (writ_range_has(&r, address))
			return &kinds[i];
	}
	WRIT_BUG("an address of no kind");
}

struct judging {
	const struct writ_range *ranges;
	size_t count;
	const uint8_t (*own)[16];
	size_t own_count;
};

static bool
in_ranges(const struct judging *j, const uint8_t a[16], unsigned least_bits)
{
	size_t i;

	for (i = 0; i < j->count; i++)
		if (j->ranges[i].bits >= least_bits &&
		    writ_range_has(&j->ranges[i], a))
			return true;
	return false;
}

static bool
is_own(const struct judging *j, const uint8_t a[16])
{
	size_t i;

	for (i = 0; i < j->own_count; i++)
		if (!memcmp(j->own[i], a, 16))
			return true;
	return false;
}

/* `carried`: it stands within another one, whose ranges need not have it if it is public. */
static const char *
judge(const struct judging *j, const uint8_t a[16], bool carried)
{
	const struct kind *k = kind_of(a);

	if (k->how == NEVER)
		return k->what;
	if (k->how == ALONE)
		return in_ranges(j, a, 128) ? NULL : k->what;
	if (is_own(j, a))
		return in_ranges(j, a, 128) ? NULL :
		    "an address of this machine";
	if (in_ranges(j, a, 0))
		return NULL;
	if (k->how == CLOSED)
		return k->what;
	return j->count && !carried ? "not in addresses" : NULL;
}

/* ---- addresses that carry an IPv4 address */

struct carrier {
	uint8_t prefix[12];
	unsigned bytes;		/* of the prefix that count */
	unsigned at[4];		/* where the IPv4 address stands */
	/* NETWORK_0: one in 0.0.0.0/8 is another division's */
	enum { PLAIN, INVERTED, NETWORK_0 } how;
};

static const struct carrier carriers[] = {
	{ { 0 }, 12, { 12, 13, 14, 15 }, PLAIN },		/* ::/96, compatible */
	{ { [8] = 0xff, 0xff }, 12, { 12, 13, 14, 15 }, PLAIN }, /* translated */
	{ { 0, 0x64, 0xff, 0x9b }, 12, { 12, 13, 14, 15 }, PLAIN }, /* NAT64 */
	/* 64:ff9b:1::/48, and how RFC 6052 2.2 may divide it */
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, { 12, 13, 14, 15 }, NETWORK_0 },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, { 6, 7, 9, 10 }, NETWORK_0 },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, { 7, 9, 10, 11 }, NETWORK_0 },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, { 9, 10, 11, 12 }, NETWORK_0 },
	{ { 0x20, 0x02 }, 2, { 2, 3, 4, 5 }, PLAIN },		/* 6to4 */
	{ { 0x20, 0x01 }, 4, { 4, 5, 6, 7 }, PLAIN },		/* Teredo: server */
	{ { 0x20, 0x01 }, 4, { 12, 13, 14, 15 }, INVERTED },	/* and client */
};

/* RFC 5214 6.1: 00-00-5E-FE and the address, with the bits u and g as they like. */
static bool
is_isatap(const uint8_t a[16])
{
	return !(a[8] & 0xfc) && !a[9] && a[10] == 0x5e && a[11] == 0xfe;
}

static const char *
judge_carried(const struct judging *j, const uint8_t four[4])
{
	uint8_t a[16];

	memcpy(a, mapped, 12);
	memcpy(a + 12, four, 4);
	return judge(j, a, true);
}

static const char *
judge_carriers(const struct judging *j, const uint8_t a[16])
{
	const char *why = is_isatap(a) ? judge_carried(j, a + 12) : NULL;
	size_t i;
	unsigned b;

	for (i = 0; !why && i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		const struct carrier *c = &carriers[i];
		uint8_t four[4];

		if (memcmp(a, c->prefix, c->bytes))
			continue;
		for (b = 0; b < 4; b++)
			four[b] = (uint8_t)(a[c->at[b]] ^
			    (c->how == INVERTED ? 0xff : 0));
		if (c->how != NETWORK_0 || four[0])
			why = judge_carried(j, four);
	}
	return why;
}

const char *
writ_address_refused(const uint8_t address[16],
    const struct writ_range *ranges, size_t ranges_count,
    const uint8_t (*own)[16], size_t own_count)
{
	struct judging j = { ranges, ranges_count, own, own_count };
	const char *carried;

	/* ::1 is no IPv4 address, nor is :: */
	if (is_mapped(address) || kind_of(address)->how == NEVER ||
	    kind_of(address)->how == ALONE)
		return judge(&j, address, false);
	carried = judge_carriers(&j, address);
	return carried ? carried : judge(&j, address, false);
}
