/* SPDX-License-Identifier: MIT */
/*
 * The model test once more, linked with libmemctx-check: its marks and fills change nothing that a
 * program may see.
 */
#include "model_test.c"
