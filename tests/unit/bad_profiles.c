/* SPDX-License-Identifier: GPL-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "profile/policy.h"

/*
 * What people get wrong, and what they are told: the whole message, place included. Each profile is written to
 * ./bad.yaml of a folder of its own, beside which stand those that it may extend.
 */

struct bad {
	const char *name, *profile, *message;
};

#define HEAD "rein: 1\nname: bad\n"
#define BREAKER(what) HEAD "breakers:\n  b: {" what "}\n"
#define KNOWN_PROFILE                                                                                                 \
	"rein, name, description, extends, filesystem, network, syscalls, environment, limits, breakers, approvals, " \
	"audit"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SLIP "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g"
#define METERS                                                                                            \
	"write.bytes, write.files, create.files, delete.files, rename.files, chmod.files, net.tx.bytes, " \
	"net.rx.bytes, net.connects, net.dns.queries, exec.count, fork.count"
#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define ASK                                                                                                        \
	"asking a person is not part of this version of rein, so nobody would ever be asked; move what is listed " \
	"here to allow or deny"

static const struct bad table[] = {
	/* YAML itself. */
	{"empty", "", "bad.yaml:1:1: the profile is empty; it begins with \"rein: 1\""},
	{"comment only", "# nothing\n", "bad.yaml:1:1: the profile is empty; it begins with \"rein: 1\""},
	{"a word", "hello", "bad.yaml:1:1: expected a mapping that begins with \"rein: 1\", found a single value"},
	{"a list", "- rein: 1\n", "bad.yaml:1:1: expected a mapping that begins with \"rein: 1\", found a list"},
	{"open bracket", HEAD "filesystem: {read: [/usr}\n",
	 "bad.yaml:3:25: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"},
	{"tab", HEAD "filesystem:\n\tread: []\n",
	 "bad.yaml:4:1: not valid YAML: found character that cannot start any token while scanning for the next token; "
	 "quote text that "
	 "begins with \"@\", and indent with spaces"},
	{"bare at sign", HEAD "syscalls: [@default]\n",
	 "bad.yaml:3:12: not valid YAML: found character that cannot start any token while scanning for the next "
	 "token; quote text that begins with \"@\", and indent with spaces"},
	{"duplicate key", HEAD "limits: {}\nname: other\n",
	 "bad.yaml:4:1: the key \"name\" stands here twice; line 2 has it already"},
	{"duplicate breaker", HEAD "breakers:\n  w: {}\n  w: {}\n",
	 "bad.yaml:5:3: the key \"w\" stands here twice; line 4 has it already"},
	{"alias", HEAD "filesystem: {read: &x [/usr], write: *x}\n",
	 "bad.yaml:3:20: anchors and aliases (\"&\", \"*\") are not allowed in a profile; quote the text if it begins "
	 "so"},
	{"bare star", HEAD "environment: {keep: [*]}\n",
	 "bad.yaml:3:23: not valid YAML: did not find expected alphabetic or numeric character while scanning an "
	 "alias; quote text that begins with \"*\""},
	{"tag", HEAD "description: !!python/object x\n",
	 "bad.yaml:3:14: tags (\"!\") mean nothing in a profile; leave it out"},
	{"two documents", HEAD "---\nrein: 1\n", "bad.yaml:3:1: a second document begins here; a profile is one"},
	{"complex key", HEAD "? [a, b]\n: c\n", "bad.yaml:3:3: a key has to be a word, not a list or a mapping"},
	{"merge key", HEAD "<<: {name: x}\n", "bad.yaml:3:1: unknown key \"<<\"; known here: " KNOWN_PROFILE},
	{"too deep", HEAD "filesystem: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n",
	 "bad.yaml:3:28: nested too deeply for a profile"},
	{"NUL byte", HEAD "description: \"a\\0b\"\n", "bad.yaml:3:14: the text holds a NUL byte"},

	{"colon", HEAD "description: what: for\n",
	 "bad.yaml:3:18: not valid YAML: mapping values are not allowed in this context; quote text that holds \": \""},
	{"not UTF-8", HEAD "description: \xff\n", "bad.yaml:3:14: not a text in UTF-8: invalid leading UTF-8 octet"},

	/* Keys and shapes. */
	{"no version", "name: bad\n",
	 "bad.yaml:1:1: the key \"rein\" is missing; a profile begins with \"rein: 1\", the version of the language"},
	{"other version", "rein: 2\n",
	 "bad.yaml:1:7: version \"2\" of the profile language is not known to this rein; it knows version 1"},
	{"slip in a key", HEAD "filesytem: {}\n",
	 "bad.yaml:3:1: unknown key \"filesytem\" (did you mean \"filesystem\"?); known here: " KNOWN_PROFILE},
	{"slip below", HEAD "filesystem:\n  reed: [/usr]\n",
	 "bad.yaml:4:3: filesystem: unknown key \"reed\" (did you mean \"read\"?); known here: read, write, execute"},
	{"hidden key", HEAD "filesystem: {read: {allow: [{path: /usr, \"@line\": 7}]}}\n",
	 "bad.yaml:3:42: filesystem.read.allow: unknown key \"@line\"; known here: path, optional, if_missing, sha256"},
	{"nothing", HEAD "network:\n",
	 "bad.yaml:3:9: network: has no value; expected a mapping with connect, listen and unix (to leave it out, "
	 "leave "
	 "out the key too)"},
	{"null", HEAD "description: ~\n",
	 "bad.yaml:3:14: description: has no value; expected a single value (to leave it out, leave out the key too)"},
	{"a word for a list", HEAD "filesystem: {read: /usr}\n",
	 "bad.yaml:3:20: filesystem.read: expected a list, or a mapping with allow, ask and deny, found a single "
	 "value"},
	{"a list for a mapping", HEAD "filesystem: [/usr]\n",
	 "bad.yaml:3:13: filesystem: expected a mapping with read, write and execute, found a list"},
	{"a list for a path", HEAD "filesystem: {read: [[/usr]]}\n",
	 "bad.yaml:3:21: filesystem.read.allow: expected a path, or a mapping with path, found a list"},
	{"a path too few", HEAD "filesystem: {read: [{optional: true}]}\n",
	 "bad.yaml:3:21: filesystem.read.allow: the key \"path\" is missing"},
	{"a list of breakers", HEAD "breakers: [{meter: write.bytes}]\n",
	 "bad.yaml:3:11: breakers: expected a mapping of names to breakers, found a list"},
	{"extends a word", HEAD "extends: base\n", "bad.yaml:3:10: extends: expected a list, found a single value"},
	{"neither true nor false", HEAD "filesystem: {read: [{path: /usr, optional: yes}]}\n",
	 "bad.yaml:3:44: filesystem.read.allow.optional: expected true or false"},
	{"if_missing", HEAD "filesystem: {write: {deny: [{path: /x, if_missing: ignore}]}}\n",
	 "bad.yaml:3:52: filesystem.write.deny.if_missing: expected one of: hold, skip, hold_in_folder"},
	{"if_missing of an allow line", HEAD "filesystem: {read: [{path: /usr, if_missing: skip}]}\n",
	 "bad.yaml:3:28: if_missing is for deny lines; a missing path in an allow list is always skipped"},
	{"a digest too short", HEAD "filesystem: {execute: [{path: /bin/sh, sha256: e3b0c442}]}\n",
	 "bad.yaml:3:48: \"e3b0c442\" is no SHA-256: 64 hexadecimal digits, as sha256sum prints them"},
	{"a digest with a slip", HEAD "filesystem: {execute: [{path: /bin/sh, sha256: " SLIP "}]}\n",
	 "bad.yaml:3:48: \"" SLIP "\" is no SHA-256: 64 hexadecimal digits, as sha256sum prints them"},
	{"a digest of what is read", HEAD "filesystem: {read: [{path: /bin/sh, sha256: " EMPTY "}]}\n",
	 "bad.yaml:3:45: sha256 is for lines that allow in filesystem.execute"},
	{"a digest of what is denied", HEAD "filesystem: {execute: {deny: [{path: /bin/sh, sha256: " EMPTY "}]}}\n",
	 "bad.yaml:3:55: sha256 is for lines that allow in filesystem.execute"},
	{"a digest of a socket", HEAD "network: {unix: [{path: /run/s, sha256: " EMPTY "}]}\n",
	 "bad.yaml:3:41: sha256 is for lines that allow in filesystem.execute"},
	{"a digest that is optional",
	 HEAD "filesystem: {execute: [{path: /bin/sh, optional: true, sha256: " EMPTY "}]}\n",
	 "bad.yaml:3:64: a line with sha256 cannot be optional: other content would run without it"},
	{"a digest of nothing", HEAD "filesystem: {execute: [{path: /bin/sh, sha256: }]}\n",
	 "bad.yaml:3:48: filesystem.execute.allow.sha256: has no value; expected a single value (to leave it out, "
	 "leave out the key too)"},
	{"a digest of a system call", HEAD "syscalls: [{name: read, sha256: " EMPTY "}]\n",
	 "bad.yaml:3:25: syscalls.allow: unknown key \"sha256\"; known here: name, optional"},
	{"name", "rein: 1\nname: Bad Name\n",
	 "bad.yaml:2:7: \"Bad Name\" is not a name: 1 to 31 of a-z 0-9 _ -, beginning with a letter or digit"},
	{"long name", "rein: 1\nname: a23456789012345678901234567890123\n",
	 "bad.yaml:2:7: \"a23456789012345678901234567890123\" is not a name: 1 to 31 of a-z 0-9 _ -, beginning with a "
	 "letter or digit"},
	{"audit", HEAD "audit: loose\n", "bad.yaml:3:8: audit: \"loose\" is neither strict nor relaxed"},

	/* Other files. */
	{"extends nobody", HEAD "extends: [nobody]\n",
	 "bad.yaml:3:11: there is no profile \"nobody\": looked for nobody.yaml in ./config/rein/profiles, "
	 "./system/profiles and ./installed"},
	{"extends no file", HEAD "extends: [./nobody.yaml]\n",
	 "bad.yaml:3:11: ./nobody.yaml: No such file or directory"},
	{"extends a file name", HEAD "extends: [other.yaml]\n",
	 "bad.yaml:3:11: \"other.yaml\" is not the name of a profile (a-z 0-9 _ -); a path holds a \"/\", such as "
	 "./other.yaml"},
	{"extends a folder", HEAD "extends: [./config]\n",
	 "bad.yaml:3:11: ./config: a profile has to be a regular file"},
	{"extends itself", HEAD "extends: [./bad.yaml]\n",
	 "bad.yaml:3:11: profiles extend each other in a circle: ./bad.yaml -> ./bad.yaml"},
	{"extends in a circle", HEAD "extends: [./circle.yaml]\n",
	 "circle.yaml:2:11: profiles extend each other in a circle: ./bad.yaml -> ./circle.yaml -> ./bad.yaml"},
	{"extends a bad one", HEAD "extends: [./worse.yaml]\n",
	 "worse.yaml:2:10: limits: unknown key \"memry\" (did you mean \"memory\"?); known here: processes, memory, "
	 "open_files, file_size, wall_time"},

	/* Paths and variables. */
	{"relative path", HEAD "filesystem: {read: [src]}\n",
	 "bad.yaml:3:21: \"src\" is not an absolute path; begin it with / or a variable such as $WORKSPACE"},
	{"tilde", HEAD "filesystem: {read: [~/x]}\n",
	 "bad.yaml:3:21: \"~/x\" is not an absolute path; write $HOME for the home folder"},
	{"empty path", HEAD "filesystem: {read: [\"\"]}\n",
	 "bad.yaml:3:21: \"\" is not an absolute path; begin it with / or a variable such as $WORKSPACE"},
	{"up", HEAD "filesystem: {read: [$WORKSPACE/../x]}\n",
	 "bad.yaml:3:21: \"..\" is not allowed in a path; write where it leads"},
	{"glob", HEAD "filesystem: {read: [/usr/*.so]}\n",
	 "bad.yaml:3:21: \"/usr/*.so\": paths take no wildcards, since files made later would escape them; name the "
	 "folder instead"},
	{"newline", HEAD "filesystem: {read: [\"/usr\\n/etc\"]}\n",
	 "bad.yaml:3:21: the path holds a control character or a line break"},
	{"C1 control", HEAD "filesystem: {read: [\"/usr\\x9b\"]}\n",
	 "bad.yaml:3:21: the path holds a control character or a line break"},
	{"unknown variable", HEAD "filesystem: {read: [$WORKSAPCE/x]}\n",
	 "bad.yaml:3:21: unknown variable $WORKSAPCE; known: $WORKSPACE, $HOME, $TMPDIR, $USER, $GIT_COMMON_DIR"},
	{"undefined variable", HEAD "filesystem: {read: [$TMPDIR/x]}\n", "bad.yaml:3:21: $TMPDIR is not defined here"},
	{"lone dollar", HEAD "filesystem: {read: [/cost/$5]}\n",
	 "bad.yaml:3:21: the \"$\" in \"/cost/$5\" begins no variable; write ${NAME}, or $$ for a dollar sign"},
	{"run-on variable", HEAD "filesystem: {read: [$HOMEdir]}\n",
	 "bad.yaml:3:21: the \"$\" in \"$HOMEdir\" begins no variable; write ${NAME}, or $$ for a dollar sign"},
	{"ask for a path", HEAD "filesystem: {read: {ask: [/usr]}}\n", "bad.yaml:3:26: " ASK},

	/* Addresses. */
	{"no address", HEAD "network: {connect: [{port: 443}]}\n",
	 "bad.yaml:3:21: a rule needs a cidr, such as {cidr: 127.0.0.1/32, port: 443}, or a host, such as {host: "
	 "example.org, port: 443}"},
	{"both", HEAD "network: {connect: [{host: example.org, cidr: 192.0.2.1/32}]}\n",
	 "bad.yaml:3:21: a rule has a cidr or a host, not both; make it two"},
	{"host to listen on", HEAD "network: {listen: [{host: example.org, port: 443}]}\n",
	 "bad.yaml:3:27: host is for network.connect; what listens has an address"},
	{"ask for a host", HEAD "network: {connect: {ask: [{host: example.org}]}}\n", "bad.yaml:3:26: " ASK},
	{"address as a host", HEAD "network: {connect: [{host: 192.0.2.1}]}\n",
	 "bad.yaml:3:28: \"192.0.2.1\" is an address or looks like one; use cidr"},
	{"IPv6 as a host", HEAD "network: {connect: [{host: \"2001:db8::1\"}]}\n",
	 "bad.yaml:3:28: \"2001:db8::1\" is an address; use cidr"},
	{"short address as a host", HEAD "network: {connect: [{host: 127.1}]}\n",
	 "bad.yaml:3:28: \"127.1\" is an address or looks like one; use cidr"},
	{"hexadecimal host", HEAD "network: {connect: [{host: 0x7F000001}]}\n",
	 "bad.yaml:3:28: \"0x7F000001\" is an address or looks like one; use cidr"},
	{"trailing dot", HEAD "network: {connect: [{host: example.org.}]}\n",
	 "bad.yaml:3:28: \"example.org.\" has an empty label; write it without a dot in front, at the end, or two in a "
	 "row"},
	{"wildcard inside", HEAD "network: {connect: [{host: a.*.org}]}\n",
	 "bad.yaml:3:28: \"a.*.org\" has a wildcard elsewhere than as the whole first label, as in \"*.example.org\""},
	{"part of a label", HEAD "network: {connect: [{host: \"*api.example.org\"}]}\n",
	 "bad.yaml:3:28: \"*api.example.org\" has a wildcard elsewhere than as the whole first label, as in "
	 "\"*.example.org\""},
	{"wildcard alone", HEAD "network: {connect: [{host: \"*\"}]}\n",
	 "bad.yaml:3:28: \"*\" has a wildcard elsewhere than as the whole first label, as in \"*.example.org\""},
	{"wildcard of nothing", HEAD "network: {connect: [{host: \"*.\"}]}\n",
	 "bad.yaml:3:28: \"*.\" has an empty label; write it without a dot in front, at the end, or two in a row"},
	{"not ASCII", HEAD "network: {connect: [{host: bücher.example}]}\n",
	 "bad.yaml:3:28: \"bücher.example\" is not ASCII; write the name as DNS has it, such as xn--bcher-kva.example"},
	{"port in a host", HEAD "network: {connect: [{host: \"example.org:443\"}]}\n",
	 "bad.yaml:3:28: \"example.org:443\" is not a host name: letters, digits, \"-\", \"_\" and dots"},
	{"URL as a host", HEAD "network: {connect: [{host: \"https://example.org/\"}]}\n",
	 "bad.yaml:3:28: \"https://example.org/\" is not a host name: letters, digits, \"-\", \"_\" and dots"},
	{"hyphen first", HEAD "network: {connect: [{host: a.-b.org}]}\n",
	 "bad.yaml:3:28: \"a.-b.org\" has a label that begins or ends with \"-\""},
	{"long label", HEAD "network: {connect: [{host: a" LABEL_63 ".org}]}\n",
	 "bad.yaml:3:28: \"a" LABEL_63 ".org\" has a label of more than 63 bytes"},
	{"port of a host", HEAD "network: {connect: [{host: example.org, port: 0}]}\n",
	 "bad.yaml:3:47: \"0\" is not a port such as 443, or a range such as 3000-3999"},
	{"ask for an address", HEAD "network: {connect: {ask: [{cidr: 192.0.2.1/32}]}}\n", "bad.yaml:3:26: " ASK},
	{"a name as cidr", HEAD "network: {connect: [{cidr: example.org}]}\n",
	 "bad.yaml:3:28: \"example.org\" is not a network such as 10.0.0.0/8 or ::1/128"},
	{"leading zero", HEAD "network: {connect: [{cidr: 010.0.0.1/32}]}\n",
	 "bad.yaml:3:28: \"010.0.0.1/32\" is not a network such as 10.0.0.0/8 or ::1/128"},
	{"prefix", HEAD "network: {connect: [{cidr: 10.0.0.0/33}]}\n",
	 "bad.yaml:3:28: \"10.0.0.0/33\" has no prefix length between 0 and 32"},
	{"empty prefix", HEAD "network: {connect: [{cidr: 10.0.0.0/}]}\n",
	 "bad.yaml:3:28: \"10.0.0.0/\" has no prefix length between 0 and 32"},
	{"host bits", HEAD "network: {connect: [{cidr: 10.0.0.1/8}]}\n",
	 "bad.yaml:3:28: \"10.0.0.1/8\" has bits set past its prefix; write 10.0.0.0/8 for the network or 10.0.0.1/32 "
	 "for the one address"},
	{"port", HEAD "network: {connect: [{cidr: 10.0.0.1, port: 65536}]}\n",
	 "bad.yaml:3:44: \"65536\" is not a port such as 443, or a range such as 3000-3999"},
	{"port 0", HEAD "network: {connect: [{cidr: 10.0.0.1, port: 0}]}\n",
	 "bad.yaml:3:44: \"0\" is not a port such as 443, or a range such as 3000-3999"},
	{"port range", HEAD "network: {connect: [{cidr: 10.0.0.1, port: 90-80}]}\n",
	 "bad.yaml:3:44: the range \"90-80\" ends before it begins"},
	{"protocol", HEAD "network: {connect: [{cidr: 10.0.0.1, protocol: icmp}]}\n",
	 "bad.yaml:3:48: protocol: \"icmp\" is neither tcp nor udp"},

	/* System calls and environment. */
	{"system call", HEAD "syscalls: [\"open at\"]\n",
	 "bad.yaml:3:12: \"open at\" is neither a system call nor a group such as \"@default\""},
	{"ask for a system call", HEAD "syscalls: {ask: [ptrace]}\n",
	 "bad.yaml:3:17: syscalls.ask: nobody can be asked about a system call; move it to allow or deny"},
	{"keep", HEAD "environment: {keep: [\"A*B\"]}\n",
	 "bad.yaml:3:22: \"A*B\" is not the name of an environment variable; only its end may be \"*\""},
	{"set", HEAD "environment: {set: {\"A=B\": x}}\n",
	 "bad.yaml:3:21: \"A=B\" is not the name of an environment variable"},
	{"set to a list", HEAD "environment: {set: {A: [x]}}\n",
	 "bad.yaml:3:24: environment.set.A: expected a single value, found a list"},

	/* Limits. */
	{"unit", HEAD "limits: {memory: 4Gb}\n",
	 "bad.yaml:3:18: \"4Gb\" is not a size such as 20MiB (units: B KiB MiB GiB TiB, kB MB GB TB)"},
	{"fraction", HEAD "limits: {memory: 1.5GiB}\n",
	 "bad.yaml:3:18: \"1.5GiB\" is not a size such as 20MiB (units: B KiB MiB GiB TiB, kB MB GB TB)"},
	{"negative", HEAD "limits: {processes: -1}\n", "bad.yaml:3:21: \"-1\" is not a whole number such as 200"},
	{"too large", HEAD "limits: {memory: 99999999999GiB}\n", "bad.yaml:3:18: \"99999999999GiB\" is too large"},
	{"nought", HEAD "limits: {open_files: 0}\n", "bad.yaml:3:22: \"0\" is nothing; give a positive amount"},
	{"duration", HEAD "limits: {wall_time: 30}\n",
	 "bad.yaml:3:21: \"30\" is not a duration such as 30s (units: ms s m h)"},
	{"optional limit without one", HEAD "limits: {memory: {optional: true}}\n",
	 "bad.yaml:3:18: limits.memory: the key \"limit\" is missing"},

	/* Breakers. */
	{"breaker name", HEAD "breakers:\n  My Breaker: {meter: exec.count, rate: 1/s, burst: 1, on_trip: kill}\n",
	 "bad.yaml:4:3: \"My Breaker\" is not a name: 1 to 31 of a-z 0-9 _ -, beginning with a letter or digit"},
	{"no on_trip", BREAKER("meter: exec.count, rate: 1/s, burst: 1"),
	 "bad.yaml:4:6: breakers.b: the key \"on_trip\" is missing"},
	{"meter", BREAKER("meter: writes.bytes, rate: 1MiB/s, burst: 1MiB, on_trip: kill"),
	 "bad.yaml:4:14: \"writes.bytes\" is not a meter (did you mean \"write.bytes\"?); known: " METERS},
	{"rate", BREAKER("meter: write.bytes, rate: 20MiB, burst: 1MiB, on_trip: kill"),
	 "bad.yaml:4:33: \"20MiB\" is not a rate such as 20MiB/s (per s or per m)"},
	{"rate of a count", BREAKER("meter: delete.files, rate: 5MiB/s, burst: 1, on_trip: kill"),
	 "bad.yaml:4:34: in the rate \"5MiB/s\": \"5MiB\" is not a whole number such as 200"},
	{"rate of nothing", BREAKER("meter: delete.files, rate: 0/s, burst: 1, on_trip: kill"),
	 "bad.yaml:4:34: \"0/s\" is nothing; give a positive rate"},
	{"rate past the arithmetic", BREAKER("meter: write.bytes, rate: 9000000TiB/s, burst: 1, on_trip: kill"),
	 "bad.yaml:4:33: \"9000000TiB/s\" is faster than any machine; a breaker that never trips is better left out"},
	{"burst past the arithmetic", BREAKER("meter: write.bytes, rate: 1B/m, burst: 1TiB, on_trip: kill"),
	 "bad.yaml:4:46: a burst of 1TiB at 1B/m takes more than 146 years to refill; use total to bound a whole life"},
	{"burst of nothing", BREAKER("meter: delete.files, rate: 1/s, burst: 0, on_trip: kill"),
	 "bad.yaml:4:46: \"0\" is nothing; give a positive amount"},
	{"burst of a count", BREAKER("meter: delete.files, rate: 1/s, burst: 1MiB, on_trip: kill"),
	 "bad.yaml:4:46: \"1MiB\" is not a whole number such as 200"},
	{"probe", BREAKER("meter: delete.files, rate: 1/s, burst: 10, probe: 11, on_trip: deny"),
	 "bad.yaml:4:57: a probe of 11 is more than the burst of 10"},
	{"on_trip", BREAKER("meter: delete.files, rate: 1/s, burst: 10, on_trip: stop"),
	 "bad.yaml:4:59: on_trip: \"stop\" is none of throttle, deny, freeze, kill"},
	{"on_trip ask", BREAKER("meter: delete.files, rate: 1/s, burst: 10, on_trip: ask"),
	 "bad.yaml:4:59: on_trip: ask is not part of this version of rein, so nobody would be asked; freeze stops the "
	 "agent until a person resets it"},
	{"freeze that cools down", BREAKER("meter: exec.count, rate: 1/s, burst: 10, on_trip: freeze, cool_down: 30s"),
	 "bad.yaml:4:76: on_trip: freeze takes no cool_down, since it waits for a person; leave it out, or use "
	 "throttle "
	 "or deny"},
	{"kill that cools down", BREAKER("meter: exec.count, rate: 1/s, burst: 10, on_trip: kill, cool_down: 30s"),
	 "bad.yaml:4:74: on_trip: kill takes no cool_down, since nothing is left to cool down; leave it out"},
	{"exactness", BREAKER("meter: exec.count, rate: 1/s, burst: 10, on_trip: kill, exactness: perfect"),
	 "bad.yaml:4:74: exactness: \"perfect\" is none of sampled, prompt, exact"},
	{"seventeen breakers",
	 HEAD "extends: [./sixteen.yaml]\nbreakers:\n  z: {meter: exec.count, rate: 1/s, burst: 1, "
	      "on_trip: kill}\n",
	 "bad.yaml:5:3: breaker \"z\" is one too many: an agent has at most 16, those of extended profiles included"},

	/* Approvals. */
	{"otherwise", HEAD "approvals: {timeout: 5m, otherwise: ask}\n",
	 "bad.yaml:3:37: otherwise: \"ask\" is neither deny nor allow; it is what happens when nobody answers"},
	{"timeout", HEAD "approvals: {timeout: 5}\n",
	 "bad.yaml:3:22: \"5\" is not a duration such as 30s (units: ms s m h)"},
};

static char folder[] = "/tmp/rein-bad-XXXXXX";

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void write_sixteen(void)
{
	FILE *file = fopen("sixteen.yaml", "w");
	char name;

	cr_assert_not_null(file);
	fputs("rein: 1\nbreakers:\n", file);
	for (name = 'a'; name < 'a' + 16; name++)
		fprintf(file, "  %c: {meter: exec.count, rate: 1/s, burst: 1, on_trip: kill}\n", name);
	fclose(file);
}

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	cr_assert_eq(mkdir("config", 0700), 0);
	write_text("circle.yaml", "rein: 1\nextends: [./bad.yaml]\n");
	write_text("worse.yaml", "rein: 1\nlimits: {memry: 1GiB}\n");
	write_sixteen();
}

static void tear_down(void)
{
	static const char *const files[] = {"circle.yaml", "worse.yaml", "sixteen.yaml", "bad.yaml"};
	size_t i;

	for (i = 0; i < REIN_COUNT(files); i++)
		unlink(files[i]);
	rmdir("config");
	rmdir(folder);
}

static const struct rein_profile_context context = {
	.workspace = "/nonexistent/workspace",
	.home = "/nonexistent/home",
	.user = "someone",
	.config_home = "./config",
	.system_dir = "./system",
	.installed_dir = "./installed",
};

TestSuite(bad_profiles, .init = set_up, .fini = tear_down);

Test(bad_profiles, each_says_what_is_wrong_and_where)
{
	size_t i;

	cr_assert_geq(REIN_COUNT(table), 60);
	for (i = 0; i < REIN_COUNT(table); i++) {
		REIN_AUTO_POLICY struct rein_policy *policy = NULL;
		struct rein_error err = {0};
		const char *said = err.text;
		int r;

		write_text("bad.yaml", table[i].profile);
		r = rein_policy_load("./bad.yaml", &context, &policy, &err);
		said += strncmp(said, "./", 2) == 0 ? 2 : 0;
		cr_expect_lt(r, 0, "%s: was taken", table[i].name);
		cr_expect_null(policy);
		cr_expect_str_eq(said, table[i].message, "%s:\n  said   %s\n  wanted %s", table[i].name, said,
				 table[i].message);
	}
}
