/* SPDX-License-Identifier: MIT */
/*
 * The damages of kinds_damage_test.c once more, linked with libmemctx-check: what it poisons and
 * marks hides none of them.
 */
#include "kinds_damage_test.c"
