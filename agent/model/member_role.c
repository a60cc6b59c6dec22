#include "model/member_role.h"

const struct enum_text member_role_texts[] = {
        {MEMBER_NONE, "none", "It is in no group with one active member, or its executor is away."},
        {MEMBER_STANDBY, "standby", "It is proven not to be active."},
        {MEMBER_PROMOTING, "promoting", "It is on the way to be active."},
        {MEMBER_ACTIVE, "active", "It is the active one, as long as its lease is extended."},
        {MEMBER_DEMOTING, "demoting", "It is being stopped, or looked for."},
        {MEMBER_STUCK, "stuck", "It cannot be proven to be gone; the executor keeps trying."},
        {0},
};
