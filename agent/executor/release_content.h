#pragma once
/* A symbolic link that names one of several release directories. Exchanged by a rename, so that at
 * any moment it names one of them; what somebody else has changed meanwhile is left alone. */

#include "executor/content_job.h"

extern const struct content_kind release_content;
