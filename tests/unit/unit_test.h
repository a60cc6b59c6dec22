#pragma once
/* What every unit test includes: cmocka, behind the headers that it needs but does not include. */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
