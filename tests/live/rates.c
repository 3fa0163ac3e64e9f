/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whatever mix of writers or senders: what arrives stays within burst + rate x t, and on prompt meters within one more
 * operation per thread. Judged by the bytes in the files and at the receiver. The mixes are random, their seed is said.
 */
#include "harness/harness.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIXES 8

struct mix {
	int threads;
	size_t size, rounds;
	int processes; /* 1: processes rather than threads */
	uint64_t rate, burst;
	const char *on_trip;
};

static unsigned seed;

static unsigned below(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static struct mix random_mix(const char *const on_trips[], unsigned nr)
{
	struct mix mix = {
		.threads = 1 << below(7),
		.size = 1 + below(65536),
		.processes = (int)below(2),
		.rate = 1024 + below(1 << 20),
		.burst = 65536 + below(1 << 21),
		.on_trip = on_trips[below(nr)],
	};

	/* Enough to trip many times over, little enough to do no harm where it does not. */
	mix.rounds = 1 + (mix.burst * 4 + (8 << 20)) / mix.size / (size_t)mix.threads;
	return mix;
}

static void profile_for(const struct trial *trial, const struct mix *mix, const char *meter, const char *network)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "rein: 1\nname: rates\ndescription: A budget.\nextends: [base]\n"
		 "filesystem:\n  write: [$WORKSPACE]\n  execute: [$BUILD/tests/probe]\n%s"
		 "limits: {wall_time: 20s}\n"
		 "breakers:\n  budget: {meter: %s, rate: %lluB/s, burst: %lluB, on_trip: %s}\n",
		 network, meter, (unsigned long long)mix->rate, (unsigned long long)mix->burst, mix->on_trip);
	trial_profile(trial, text);
}

static uint64_t bytes_in(const char *folder)
{
	DIR *files = opendir(folder);
	const struct dirent *entry;
	uint64_t sum = 0;

	while (files && (entry = readdir(files))) {
		struct stat status;
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strncmp(entry->d_name, "out.", 4) == 0 && stat(path, &status) == 0)
			sum += (uint64_t)status.st_size;
	}
	if (files)
		closedir(files);
	return sum;
}

/* A frozen agent stays until somebody ends it; the time that counts is until it stood still. */
static uint64_t end_frozen(const struct trial *trial, struct job *job, const struct mix *mix)
{
	uint64_t stopped_ns;

	if (strcmp(mix->on_trip, "freeze") != 0)
		return 0;
	trial_wait_event(trial, "trip", NULL, NULL);
	stopped_ns = harness_now_ns();
	cr_assert_not(job_ends(job, 100), "frozen, yet it ended");
	{
		OUTCOME killed =
			run_program((const char *const[]){harness_rein(), "kill", trial_agent(trial), NULL}, NULL);

		cr_assert_eq(killed.code, 0, "%s", killed.err);
	}
	return stopped_ns;
}

static void writers_stay_within(const struct mix *mix)
{
	TRIAL trial = trial_open();
	char probe[512], numbers[4][32];
	uint64_t started_ns, stopped_ns, allowed, wrote;
	struct job job;
	OUTCOME outcome = {0};

	profile_for(&trial, mix, "write.bytes", "");
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	snprintf(numbers[0], 32, "%d", mix->threads);
	snprintf(numbers[1], 32, "%zu", mix->size);
	snprintf(numbers[2], 32, "%zu", mix->rounds);
	snprintf(numbers[3], 32, "%d", mix->processes);
	started_ns = harness_now_ns();
	job = trial_start_command(&trial, "",
				  (const char *const[]){probe, "writers", trial.workspace, numbers[0], numbers[1],
							numbers[2], numbers[3], NULL},
				  NULL);
	stopped_ns = end_frozen(&trial, &job, mix);
	outcome = job_finish(&job);
	stopped_ns = stopped_ns ? stopped_ns : harness_now_ns();
	wrote = bytes_in(trial.workspace);
	allowed = mix->burst + (uint64_t)((double)mix->rate * (double)(stopped_ns - started_ns) / 1e9) +
		  (uint64_t)mix->threads * mix->size;
	fprintf(stderr, "%d x %zu B, %s: wrote %llu of %llu\n", mix->threads, mix->size, mix->on_trip,
		(unsigned long long)wrote, (unsigned long long)allowed);
	cr_expect(wrote <= allowed, "%d writers of %zu bytes, rate %llu, burst %llu, %s: wrote %llu, allowed %llu; %s",
		  mix->threads, mix->size, (unsigned long long)mix->rate, (unsigned long long)mix->burst, mix->on_trip,
		  (unsigned long long)wrote, (unsigned long long)allowed, outcome.err);
	cr_expect(wrote > 0, "nothing was written: %s", outcome.err);
	cr_expect_geq(trial_count(&trial, "trip", "meter", "write.bytes"), 1, "no trip: %s", outcome.err);
}

Test(rates, writers, .timeout = 300)
{
	static const char *const on_trips[] = {"kill", "freeze", "throttle"};

	if (!harness_root())
		harness_skip("rates of writers to the operation (without root bytes are sampled)");
	seed = (unsigned)harness_now_ns();
	fprintf(stderr, "seed %u\n", seed);
	for (int i = 0; i < MIXES; i++) {
		struct mix mix = random_mix(on_trips, 3);

		writers_stay_within(&mix);
	}
}

/* Somebody outside who counts what reaches him. */
static int receiver(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), room = 64 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	cr_assert(bind(fd, (struct sockaddr *)&at, size) == 0 && getsockname(fd, (struct sockaddr *)&at, &size) == 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* With the header of each datagram, since the meter counts what IP carries. */
static uint64_t received(int fd)
{
	static char buffer[65536];
	uint64_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) >= 0)
		sum += (uint64_t)n + 8;
	return sum;
}

static void senders_stay_within(const struct mix *mix)
{
	TRIAL trial = trial_open();
	char probe[512], network[256], numbers[4][32];
	uint64_t started_ns, stopped_ns, allowed, got;
	uint16_t port;
	int fd = receiver(&port);
	struct job job;
	OUTCOME outcome = {0};

	snprintf(network, sizeof(network), "network:\n  connect: [{cidr: 127.0.0.1/32, port: %u, protocol: udp}]\n",
		 port);
	profile_for(&trial, mix, "net.tx.bytes", network);
	snprintf(probe, sizeof(probe), "%s/tests/probe", harness_build());
	snprintf(numbers[0], 32, "%u", port);
	snprintf(numbers[1], 32, "%d", mix->threads);
	snprintf(numbers[2], 32, "%zu", mix->size);
	snprintf(numbers[3], 32, "%zu", mix->rounds);
	started_ns = harness_now_ns();
	job = trial_start_command(
		&trial, "",
		(const char *const[]){probe, "senders", numbers[0], numbers[1], numbers[2], numbers[3], NULL}, NULL);
	stopped_ns = end_frozen(&trial, &job, mix);
	outcome = job_finish(&job);
	stopped_ns = stopped_ns ? stopped_ns : harness_now_ns();
	got = received(fd);
	close(fd);
	allowed = mix->burst + (uint64_t)((double)mix->rate * (double)(stopped_ns - started_ns) / 1e9);
	cr_expect(got <= allowed, "%d senders of %zu bytes, rate %llu, burst %llu, %s: %llu arrived, allowed %llu; %s",
		  mix->threads, mix->size, (unsigned long long)mix->rate, (unsigned long long)mix->burst, mix->on_trip,
		  (unsigned long long)got, (unsigned long long)allowed, outcome.err);
	cr_expect(got > 0, "nothing arrived: %s", outcome.err);
	cr_expect_geq(trial_count(&trial, "trip", "meter", "net.tx.bytes"), 1, "no trip: %s", outcome.err);
}

Test(rates, senders, .timeout = 300)
{
	static const char *const on_trips[] = {"deny", "kill", "freeze"};

	if (!harness_root())
		harness_skip("rates of senders at a receiver (without root the agent has a network of its own)");
	seed = (unsigned)harness_now_ns();
	fprintf(stderr, "seed %u\n", seed);
	for (int i = 0; i < MIXES; i++) {
		struct mix mix = random_mix(on_trips, 3);

		mix.size = 1 + mix.size % 1400;
		mix.rounds = 1 + (mix.burst * 4) / (mix.size + 8) / (size_t)mix.threads;
		senders_stay_within(&mix);
	}
}

/* Counts of files are exact or prompt on every tier, whoever removes them. */
Test(rates, deletions_by_many, .timeout = 120)
{
	for (int threads = 1; threads <= 32; threads *= 4) {
		TRIAL trial = trial_open();
		char script[512];
		OUTCOME outcome = {0};
		int left;

		trial_profile(&trial,
			      "rein: 1\nname: rates\ndescription: A budget.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n"
			      "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 50, on_trip: kill}\n");
		outcome = run_shell("cd %s && touch $(seq 400) && chown -R %u:%u . && chmod 644 *", trial.workspace,
				    trial.uid, trial.gid);
		outcome_free(&outcome);
		snprintf(script, sizeof(script), "seq 400 | xargs -P %d -n 1 rm -f; exit 0", threads);
		outcome = trial_run(&trial, "", script);
		cr_expect_eq(outcome.code, 122, "%d: %s", outcome.code, outcome.err);
		outcome_free(&outcome);
		outcome = run_shell("ls %s | wc -l", trial.workspace);
		left = atoi(outcome.out);
		cr_expect(left >= 400 - 50 - threads && left < 400, "%d at once: %d of 400 left", threads, left);
	}
}

/* Without a cool_down it stays shut until a person resets it, and then the whole agent goes on. */
Test(rates, freeze_reset_and_on, .timeout = 60)
{
	TRIAL trial = trial_open();
	struct job job;
	OUTCOME outcome = {0};

	trial_profile(&trial, "rein: 1\nname: rates\ndescription: A budget.\nextends: [base]\n"
			      "filesystem:\n  write: [$WORKSPACE]\n"
			      "breakers:\n  deletes: {meter: delete.files, rate: 1/m, burst: 4, on_trip: freeze}\n");
	job = trial_start(&trial, "", "touch 1 2 3 4 5 6; for i in 1 2 3 4 5 6; do rm -f $i; done; echo through");
	trial_wait_event(&trial, "trip", NULL, NULL);
	cr_assert_not(job_ends(&job, 200), "it went on although frozen");
	outcome = run_program((const char *const[]){harness_rein(), "reset", trial_agent(&trial), "--refill", NULL},
			      NULL);
	cr_assert_eq(outcome.code, 0, "%s", outcome.err);
	outcome_free(&outcome);
	outcome = job_finish(&job);
	cr_assert_eq(outcome.code, 0, "%d %s", outcome.code, outcome.err);
	cr_assert_str_eq(outcome.out, "through\n");
	trial_verify(&trial);
}
