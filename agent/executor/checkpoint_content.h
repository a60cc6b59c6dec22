#pragma once
/* The files of a service, as checkpoints: recoverd-checkpoint takes them, compares them, and puts
 * them back; the name of what is there is the id of its checkpoint. */

#include "executor/content_job.h"

extern const struct content_kind checkpoint_content;
