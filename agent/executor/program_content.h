#pragma once
/* Versions that programs know: those of packages, and whatever a program of the policy makes of it.
 */

#include "executor/content_job.h"

extern const struct content_kind package_content;
extern const struct content_kind exec_content;
