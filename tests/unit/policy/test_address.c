/* The egress guard: every special range, every way to carry an IPv4 address. */
#include "policy/address.h"
#include "policy_test.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static void
must_read(const char *text, uint8_t out[16])
{
	if (!writ_address_read(writ_str_from(text), out))
		fail_msg("%s cannot be read", text);
}

/* Judge `text` under ranges (separated by spaces; "" none); own: the same. */
static const char *
judge(const char *text, const char *ranges, const char *own)
{
	struct writ_str rest = writ_str_from(ranges);
	struct writ_range r[8];
	uint8_t a[16], mine[8][16];
	size_t n = 0, m = 0;

	must_read(text, a);
	while (rest.len) {
		const char *why = writ_range_read(writ_str_cut(rest, ' ',
		    &rest), &r[n++]);

		if (why)
			fail_msg("%s: %s", ranges, why);
	}
	rest = writ_str_from(own);
	while (rest.len)
		assert_true(writ_address_read(writ_str_cut(rest, ' ', &rest),
		    mine[m++]));
	return writ_address_refused(a, r, n, (const uint8_t (*)[16])mine, m);
}

static void
check(const char *text, const char *ranges, const char *own, const char *want)
{
	const char *got = judge(text, ranges, own);

	if (!got != !want || (got && strcmp(got, want)))
		fail_msg("%s under [%s], own [%s]: %s, not %s", text, ranges,
		    own, got ? got : "allowed", want ? want : "allowed");
}

/* At and beside the ends of each range. */
static const struct {
	const char *text, *want;
} special[] = {
	{ "0.0.0.0", "no address of anybody" },
	{ "0.1.2.3", "no address of anybody" },
	{ "0.255.255.255", "no address of anybody" },
	{ "1.0.0.0", NULL },
	{ "9.255.255.255", NULL },
	{ "10.0.0.0", "private" },
	{ "10.255.255.255", "private" },
	{ "11.0.0.0", NULL },
	{ "100.63.255.255", NULL },
	{ "100.64.0.0", "carrier-grade NAT" },
	{ "100.100.100.200", "cloud metadata" },
	{ "100.127.255.255", "carrier-grade NAT" },
	{ "100.128.0.0", NULL },
	{ "126.255.255.255", NULL },
	{ "127.0.0.0", "loopback" },
	{ "127.0.0.1", "loopback" },
	{ "127.255.255.255", "loopback" },
	{ "128.0.0.0", NULL },
	{ "168.63.129.15", NULL },
	{ "168.63.129.16", "cloud metadata" },
	{ "168.63.129.17", NULL },
	{ "169.253.255.255", NULL },
	{ "169.254.0.0", "link-local" },
	{ "169.254.169.254", "cloud metadata" },
	{ "169.254.170.2", "cloud metadata" },
	{ "169.254.255.255", "link-local" },
	{ "169.255.0.0", NULL },
	{ "172.15.255.255", NULL },
	{ "172.16.0.0", "private" },
	{ "172.31.255.255", "private" },
	{ "172.32.0.0", NULL },
	{ "191.255.255.255", NULL },
	{ "192.0.0.0", "reserved" },
	{ "192.0.0.192", "cloud metadata" },
	{ "192.0.0.255", "reserved" },
	{ "192.0.1.0", NULL },
	{ "192.0.2.0", "documentation" },
	{ "192.0.2.255", "documentation" },
	{ "192.0.3.0", NULL },
	{ "192.88.99.1", "reserved" },
	{ "192.167.255.255", NULL },
	{ "192.168.0.0", "private" },
	{ "192.168.255.255", "private" },
	{ "192.169.0.0", NULL },
	{ "198.17.255.255", NULL },
	{ "198.18.0.0", "benchmarking" },
	{ "198.19.255.255", "benchmarking" },
	{ "198.20.0.0", NULL },
	{ "198.51.100.7", "documentation" },
	{ "203.0.113.7", "documentation" },
	{ "223.255.255.255", NULL },
	{ "224.0.0.0", "multicast" },
	{ "239.255.255.255", "multicast" },
	{ "240.0.0.0", "reserved" },
	{ "255.255.255.254", "reserved" },
	{ "255.255.255.255", "broadcast" },
	{ "::", "no address of anybody" },
	{ "::1", "loopback" },
	{ "::2", "no address of anybody" },
	{ "::ffff:127.0.0.1", "loopback" },
	{ "::ffff:8.8.8.8", NULL },
	{ "::8.8.8.8", "reserved" },
	{ "100::1", "reserved" },
	{ "1fff::1", "reserved" },
	{ "2000::1", NULL },
	{ "2001:1::1", "reserved" },
	{ "2001:2::1", "benchmarking" },
	{ "2001:20::1", "reserved" },
	{ "2001:200::1", NULL },
	{ "2001:db8::1", "documentation" },
	{ "2001:4860:4860::8888", NULL },
	{ "2606:4700::1111", NULL },
	{ "3fff::1", "documentation" },
	{ "3fff:1000::1", NULL },
	{ "4000::1", "reserved" },
	{ "5f00::1", "reserved" },
	{ "fbff::1", "reserved" },
	{ "fc00::1", "private" },
	{ "fd00:42::42", "cloud metadata" },
	{ "fd00:42::43", "private" },
	{ "fd00:c1::a9fe:a9fe", "cloud metadata" },
	{ "fd00:ec1:ffff::1", "private" },
	{ "fd00:ec2::254", "cloud metadata" },
	{ "fd00:ec2:ffff::1", "cloud metadata" },
	{ "fd00:ec3::1", "private" },
	{ "fd20:ce::254", "cloud metadata" },
	{ "fdff:ffff::1", "private" },
	{ "fe7f::1", "reserved" },
	{ "fe80::1", "link-local" },
	{ "febf::1", "link-local" },
	{ "fec0::1", "private" },
	{ "ff00::1", "multicast" },
	{ "ff02::1", "multicast" },
};

static void
test_address__special_ranges_are_refused_by_default(void **state)
{
	size_t i;

	for (i = 0; i < COUNT(special); i++)
		check(special[i].text, "", "", special[i].want);
}

static void
test_address__carried_ipv4_addresses_are_judged(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "::ffff:169.254.169.254", "cloud metadata" },
		{ "::127.0.0.1", "loopback" },
		{ "::ffff:0:7f00:1", "loopback" },
		{ "64:ff9b::7f00:1", "loopback" },
		{ "64:ff9b::a9fe:a9fe", "cloud metadata" },
		{ "64:ff9b::808:808", NULL },
		{ "64:ff9b::", "no address of anybody" },
		{ "64:ff9b:1::7f00:1", "loopback" },
		{ "64:ff9b:1:a9fe:a9:fe00::", "cloud metadata" },
		{ "64:ff9b:1:7f:0:100::", "loopback" },
		{ "64:ff9b:1:0:7f:0:100:0", "loopback" },
		{ "64:ff9b:1::808:808", "reserved" },
		{ "2002:7f00:1::", "loopback" },
		{ "2002:a9fe:a9fe::1", "cloud metadata" },
		{ "2002:a00:1::1", "private" },
		{ "2002::1", "no address of anybody" },
		{ "2002:808:808::1", NULL },
		/* Teredo: the server, then the client turned over */
		{ "2001:0:7f00:1::f7f7:f7f7", "loopback" },
		{ "2001:0:808:808::80ff:fffe", "loopback" },
		{ "2001:0:808:808::f7f7:f7f7", NULL },
		/* ISATAP in any network */
		{ "2606:4700::5efe:7f00:1", "loopback" },
		{ "2606:4700::200:5efe:a00:1", "private" },
		{ "2606:4700::300:5efe:a9fe:a9fe", "cloud metadata" },
		{ "2606:4700::5efe:808:808", NULL },
		{ "2606:4700::400:5efe:7f00:1", NULL },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		check(rows[i].text, "", "", rows[i].want);
}

static void
test_address__ranges_open_what_they_have(void **state)
{
	check("10.1.2.3", "10.0.0.0/8", "", NULL);
	check("11.1.2.3", "10.0.0.0/8", "", "not in addresses");
	check("8.8.8.8", "10.0.0.0/8", "", "not in addresses");
	check("192.168.1.1", "10.0.0.0/8 192.168.1.0/24", "", NULL);
	check("192.168.2.1", "10.0.0.0/8 192.168.1.0/24", "", "private");
	check("fd12::1", "fd12::/16", "", NULL);
	check("fd13::1", "fd12::/16", "", "private");
	check("169.254.1.1", "169.254.0.0/16", "", NULL);
	check("224.0.0.251", "224.0.0.0/4", "", NULL);
	check("1.2.3.4", "0.0.0.0/0", "", NULL);
	check("2606::1", "0.0.0.0/0", "", "not in addresses");
	check("2606::1", "::/0", "", NULL);
	/* what reaches this machine, and metadata, only one by one */
	check("127.0.0.1", "0.0.0.0/0", "", "loopback");
	check("127.0.0.1", "::/0", "", "loopback");
	check("127.0.0.1", "127.0.0.1/32", "", NULL);
	check("127.0.0.2", "127.0.0.1/32", "", "loopback");
	check("::1", "127.0.0.1/32", "", "loopback");
	check("::1", "::1/128", "", NULL);
	check("::1", "::/0", "", "loopback");
	check("169.254.169.254", "169.254.0.0/16", "", "cloud metadata");
	check("169.254.169.254", "169.254.169.254/32", "", NULL);
	check("100.100.100.200", "100.64.0.0/10", "", "cloud metadata");
	check("fd00:ec2::254", "fd00:ec2::/32", "", "cloud metadata");
	check("fd00:ec2::254", "fd00:ec2::254/128", "", NULL);
	/* never */
	check("0.0.0.0", "0.0.0.0/32", "", "no address of anybody");
	check("::", "::/128", "", "no address of anybody");
	/* a carrier has to be granted, and what it carries must pass */
	check("64:ff9b::a00:1", "10.0.0.0/8", "", "not in addresses");
	check("64:ff9b::a00:1", "64:ff9b::/96", "", "private");
	check("64:ff9b::a00:1", "64:ff9b::/96 10.0.0.0/8", "", NULL);
	check("64:ff9b::808:808", "64:ff9b::/96", "", NULL);
	check("64:ff9b::7f00:1", "64:ff9b::/96 0.0.0.0/0", "", "loopback");
	check("64:ff9b:1::808:808", "64:ff9b:1::/96", "", NULL);
	check("64:ff9b:1::a00:1", "64:ff9b:1::/96", "", "private");
}

static void
test_address__own_addresses_need_a_range_of_one(void **state)
{
	const char *own = "8.8.8.8 10.0.0.5 2606::5";

	check("8.8.8.8", "", own, "an address of this machine");
	check("8.8.4.4", "", own, NULL);
	check("10.0.0.5", "10.0.0.0/8", own, "an address of this machine");
	check("10.0.0.5", "10.0.0.4/31", own, "an address of this machine");
	check("10.0.0.5", "10.0.0.5/32", own, NULL);
	check("10.0.0.6", "10.0.0.0/8", own, NULL);
	check("2606::5", "", own, "an address of this machine");
	check("2606::5", "2606::/16", own, "an address of this machine");
	check("2606::5", "2606::5/128", own, NULL);
	check("64:ff9b::808:808", "", own, "an address of this machine");
	check("2002:808:808::1", "", own, "an address of this machine");
	check("::ffff:8.8.8.8", "", own, "an address of this machine");
}

/* ---- the generator: boundaries of every range in every form, against plain comparisons */

static bool
v4_public(uint32_t a)
{
	static const struct {
		uint32_t first, last;
	} closed[] = {
		{ 0x00000000, 0x00ffffff }, { 0x0a000000, 0x0affffff },
		{ 0x64400000, 0x647fffff }, { 0x7f000000, 0x7fffffff },
		{ 0xa83f8110, 0xa83f8110 }, { 0xa9fe0000, 0xa9feffff },
		{ 0xac100000, 0xac1fffff }, { 0xc0000000, 0xc00000ff },
		{ 0xc0000200, 0xc00002ff }, { 0xc0586300, 0xc05863ff },
		{ 0xc0a80000, 0xc0a8ffff }, { 0xc6120000, 0xc613ffff },
		{ 0xc6336400, 0xc63364ff }, { 0xcb007100, 0xcb0071ff },
		{ 0xe0000000, 0xffffffff },
	};
	size_t i;

	for (i = 0; i < COUNT(closed); i++)
		if (a >= closed[i].first && a <= closed[i].last)
			return false;
	return true;
}

enum { MAPPED, COMPATIBLE, TRANSLATED, NAT64, NAT64_LOCAL, SIX_TO_FOUR,
    TEREDO_SERVER, TEREDO_CLIENT, ISATAP, FORMS };

static void
put4(uint8_t *p, uint32_t a)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(a >> (24 - 8 * i));
}

/* The form of `a`; true when a public one may be dialled in it. */
static bool
make(unsigned form, uint32_t a, uint8_t out[16])
{
	static const uint8_t heads[FORMS][16] = {
		[MAPPED] = { [10] = 0xff, 0xff },
		[TRANSLATED] = { [8] = 0xff, 0xff },
		[NAT64] = { 0, 0x64, 0xff, 0x9b },
		[NAT64_LOCAL] = { 0, 0x64, 0xff, 0x9b, 0, 1 },
		[SIX_TO_FOUR] = { 0x20, 0x02, [15] = 1 },
		[TEREDO_SERVER] = { 0x20, 1, [12] = 0xf7, 0xf7, 0xf7, 0xf7 },
		[TEREDO_CLIENT] = { 0x20, 1, 0, 0, 8, 8, 8, 8 },
		[ISATAP] = { 0x26, 6, [10] = 0x5e, 0xfe },
	};

	memcpy(out, heads[form], 16);
	if (form == SIX_TO_FOUR)
		put4(out + 2, a);
	else if (form == TEREDO_SERVER)
		put4(out + 4, a);
	else
		put4(out + 12, form == TEREDO_CLIENT ? ~a : a);
	return form != COMPATIBLE && form != TRANSLATED && form != NAT64_LOCAL;
}

static void
check_form(unsigned form, uint32_t a)
{
	uint8_t raw[16];
	bool allowed = make(form, a, raw) && v4_public(a), got;
	char text[46];

	got = !writ_address_refused(raw, NULL, 0, NULL, 0);
	writ_address_text(raw, text);
	if (got != allowed)
		fail_msg("%s (form %u of %08x) is %s", text, form, (unsigned)a,
		    got ? "allowed" : "refused");
}

static void
test_address__generated_forms_of_every_boundary(void **state)
{
	static const uint32_t edges[] = { 0, 0x01000000, 0x0a000000, 0x0b000000,
		0x64400000, 0x646464c8, 0x64800000, 0x7f000000, 0x7f000001,
		0x80000000, 0xa83f8110, 0xa9fe0000, 0xa9fea9fe, 0xa9feaa02,
		0xa9ff0000, 0xac100000, 0xac200000, 0xc0000000, 0xc00000c0,
		0xc0000100, 0xc0000200, 0xc0000300, 0xc0586300, 0xc0586400,
		0xc0a80000, 0xc0a90000, 0xc6120000, 0xc6140000, 0xc6336400,
		0xc6336500, 0xcb007100, 0xcb007200, 0xe0000000, 0xf0000000,
		0xffffffff };
	uint32_t x = 1;
	unsigned form, i;

	for (form = 0; form < FORMS; form++) {
		for (i = 0; i < COUNT(edges); i++) {
			check_form(form, edges[i]);
			check_form(form, edges[i] - 1);
			check_form(form, edges[i] + 1);
		}
		for (i = 0; i < 5000; i++) {
			x = x * 1664525 + 1013904223;
			check_form(form, x ^ x >> 13);
		}
	}
}

/* ---- texts */

static void
test_address__one_spelling_is_read(void **state)
{
	static const char *const wrong[] = { "", "127.1", "127.0.1", "0",
		"2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
		"127.000.000.001", "256.0.0.1", "127.0.0.1.", " 127.0.0.1",
		"127.0.0.1 ", "127.0.0.1\n", "+127.0.0.1", "[127.0.0.1]",
		"::FFFF:7F00:1", "0:0:0:0:0:0:0:1", "::01", "[::1", "::1]",
		"[]", "[[::1]]", "::1%lo", "fe80::1%1", "::ffff:7f00:1",
		"1:2:3:4:5:6:7:8:9", "1::2::3", "2001:DB8::1", "1.2.3", "a.b.c.d",
		"\xef\xbc\x91.0.0.1", ("127\xe3\x80\x82" "0.0.1"), "localhost" };
	static const char *const right[] = { "127.0.0.1", "::1", "[::1]",
		"::ffff:127.0.0.1", "2001:db8::1", "1:2:3:4:5:6:7:8" };
	uint8_t a[16];
	char text[46];
	size_t i;

	for (i = 0; i < COUNT(wrong); i++)
		if (writ_address_read(writ_str_from(wrong[i]), a))
			fail_msg("%s is read", wrong[i]);
	for (i = 0; i < COUNT(right); i++)
		must_read(right[i], a);
	assert_false(writ_address_read(WRIT_STR("127.0.0.1\0x"), a));
	must_read("[2606:4700::1111]", a);
	writ_address_text(a, text);
	assert_string_equal(text, "2606:4700::1111");
	must_read("::ffff:1.2.3.4", a);
	writ_address_text(a, text);
	assert_string_equal(text, "1.2.3.4");
}

static void
test_address__ranges_are_read_strictly(void **state)
{
	static const char *const wrong[] = { "", "10.0.0.0", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.1/8", "10/8", "10.0.0.0/08", "::/129",
		"[::1]/128", "::1/127", "10.0.0.0/8/8", "10.0.0.0/-1",
		"127.0.0.0/8", "127.0.0.0/31", "x/8" };
	struct writ_range r;
	uint8_t a[16];
	unsigned bits;
	size_t i;

	for (i = 0; i < COUNT(wrong); i++)
		if (!writ_range_read(writ_str_from(wrong[i]), &r))
			fail_msg("%s is read", wrong[i]);
	assert_null(writ_range_read(WRIT_STR("10.0.0.0/8"), &r));
	assert_int_equal(r.bits, 104);
	assert_null(writ_range_read(WRIT_STR("::/0"), &r));
	must_read("255.1.2.3", a);
	assert_true(writ_range_has(&r, a));
	for (bits = 0; bits <= 128; bits++) {
		r = (struct writ_range){ { 0 }, bits };
		memset(a, 0, sizeof(a));
		assert_true(writ_range_has(&r, a));
		if (bits)
			a[(bits - 1) / 8] = (uint8_t)(0x80 >> (bits - 1) % 8);
		assert_int_equal(writ_range_has(&r, a), bits == 0);
		memset(a, 0, sizeof(a));
		if (bits < 128)
			a[bits / 8] = (uint8_t)(0x80 >> bits % 8);
		assert_true(writ_range_has(&r, a));
	}
	r.bits = 129;
	assert_false(writ_range_has(&r, a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_address__special_ranges_are_refused_by_default),
		cmocka_unit_test(
		    test_address__carried_ipv4_addresses_are_judged),
		cmocka_unit_test(test_address__ranges_open_what_they_have),
		cmocka_unit_test(
		    test_address__own_addresses_need_a_range_of_one),
		cmocka_unit_test(
		    test_address__generated_forms_of_every_boundary),
		cmocka_unit_test(test_address__one_spelling_is_read),
		cmocka_unit_test(test_address__ranges_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
