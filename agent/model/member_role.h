#pragma once
/* What a member of a group with one active member is, as its executor knows it. */

#include "model/enum_text.h"

enum member_role {
        MEMBER_NONE = 0, /* not a member, or the executor has not said yet */
        MEMBER_STANDBY, /* proven not to be active */
        MEMBER_PROMOTING,
        MEMBER_ACTIVE,
        MEMBER_DEMOTING, /* also before it is proven for the first time that it is not active */
        MEMBER_STUCK, /* it could not be proven that it is not active; the executor keeps trying */
};
DECLARE_ENUM_TEXT(member_role)
