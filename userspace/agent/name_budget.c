/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/name_budget.h"

#include <sodium.h>
#include <string.h>

#include "base/cleanup.h"

#define HASH_BYTES crypto_shorthash_BYTES

/* Keyed, so that nobody can find two names of one hash. */
struct seen {
	uint8_t hash[HASH_BYTES];
};

struct account {
	REIN_VEC(struct seen) seen;
	size_t bytes;
};

struct rein_name_budget {
	const struct rein_policy *policy;
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct account *accounts; /* by index of policy->hosts */
};

struct rein_name_budget *rein_name_budget_new(const struct rein_policy *policy)
{
	struct rein_name_budget *budget = calloc(1, sizeof(*budget));

	if (!budget)
		return NULL;
	budget->policy = policy;
	budget->accounts = calloc(policy->hosts.count + 1, sizeof(*budget->accounts));
	if (!budget->accounts || sodium_init() < 0) {
		rein_name_budget_free(budget);
		return NULL;
	}
	crypto_shorthash_keygen(budget->key);
	return budget;
}

void rein_name_budget_free(struct rein_name_budget *budget)
{
	if (!budget)
		return;
	for (size_t i = 0; budget->accounts && i < budget->policy->hosts.count; i++)
		rein_vec_free(&budget->accounts[i].seen);
	free(budget->accounts);
	free(budget);
}

static bool is_known(const struct account *account, const struct seen *seen)
{
	for (size_t i = 0; i < account->seen.count; i++)
		if (!memcmp(&account->seen.items[i], seen, sizeof(*seen)))
			return true;
	return false;
}

bool rein_name_budget_take(struct rein_name_budget *budget, const struct rein_host_rule *rule, const char *name)
{
	struct account *account = &budget->accounts[rule - budget->policy->hosts.items];
	size_t bytes = strlen(name) - strlen(rule->name);
	struct seen seen, *slot;

	crypto_shorthash(seen.hash, (const unsigned char *)name, strlen(name), budget->key);
	if (is_known(account, &seen))
		return true;
	if (account->seen.count == REIN_NAME_BUDGET_NAMES || account->bytes + bytes > REIN_NAME_BUDGET_BYTES)
		return false;
	slot = rein_vec_add(&account->seen);
	if (!slot)
		return false;
	*slot = seen;
	account->bytes += bytes;
	return true;
}
