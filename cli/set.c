/* SPDX-License-Identifier: MIT */
/*
 * The options --kind and --set.  A command line has one list of them, which lives as long as the
 * process, since replays refer to it.
 */
#include "set.h"

#include <string.h>

#include "model/setting.h"

enum { MOST = 64 };

static struct setting settings[MOST];
static size_t n;
static const char *latest; /* the name of the option that was given last; NULL: none was */

int set_take(const struct cli_args *args, const char *name, struct replay_options *options)
{
	char message[SETTING_TEXT];

	if (n == MOST)
		return cli_usage(args, "--%s: expected at most %d of them", name, MOST);
	if (strcmp(name, "kind") == 0 && strchr(args->value, ':') != NULL)
		return cli_usage(
			args, "--kind=%s: expected a kind alone; --set takes more", args->value);
	if (!setting_parse(args->value, &settings[n], message))
		return cli_usage(args, "--%s: %s", name, message);
	options->settings = settings;
	options->nsettings = ++n;
	latest = name;
	return CLI_DONE;
}

bool set_fits(const char *command, bool is_trace)
{
	if (latest == NULL || is_trace)
		return true;
	cli_error(
		"%s: --%s is about the replay of a trace; expected one as SOURCE", command, latest);
	return false;
}
