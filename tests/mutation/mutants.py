"""What is broken, one line at a time. Each guard of the core is a mutant by itself, read off the table in
agent/recovery/guards.c, so that a new guard needs no new line here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CORE = "agent/recovery"
# Guards that no scenario can meet, and who notices then.
GUARD_TESTS = {"GUARD_DRY_RUN": ("test_recovery_guards",), "GUARD_STORE_DEGRADED": ("test_recovery_guards",)}
GUARD = re.compile(r"\{(?P<guard>GUARD_\w+), (?:(?:true|false), )+(?P<holds>\w+)\}")


@dataclass(frozen=True)
class Mutant:
    what: str  # the rule of the house that is broken
    file: str
    old: str  # stands exactly once in the file
    new: str
    tests: tuple[str, ...] = ()  # programs of tests/unit that have to notice; none: the scenarios do


MUTANTS = [
    Mutant("unknown is not failed", f"{CORE}/detector.c", "                feed_unknown(probe, spec);",
           "                feed_failure(probe, spec, observation);"),
    Mutant("one failure is not enough", f"{CORE}/detector.c", "probe->fails >= spec->fall", "probe->fails >= 1"),
    Mutant("one pass is no proof", f"{CORE}/detector.c", "probe->passes >= spec->rise", "probe->passes >= 1"),
    Mutant("certain evidence needs no counting", f"{CORE}/detector.c", "observation->certain || probe->fails",
           "probe->fails"),
    Mutant("a service that has just started is excused", f"{CORE}/detector.c", "if (excused &&", "if (!excused && excused &&"),
    Mutant("a run from before the action proves nothing", f"{CORE}/recovery.c", "< service->ignore_before)", "< 0)"),
    Mutant("the answer to an attempt that is over is not heard", f"{CORE}/recovery.c",
           "if (turn->service->token != input->outcome.token) {", "if (false) {", tests=("test_recovery_people", "test_recovery")),
    Mutant("an administrator's stop is not a failure", f"{CORE}/conditions.c",
           "        return turn->service->stopped_outside;", "        return false;"),
    Mutant("a service whose dependency is down is left alone", f"{CORE}/conditions.c",
           "        return conditions_culprit(turn, false) != UINT32_MAX;", "        return false;"),
    Mutant("an attempt that something came in between is taken back", f"{CORE}/conditions.c",
           "if (service->file->attempt.origin == ORIGIN_OPERATOR) {", "if (true) {"),
    Mutant("nothing is done on what is not known", f"{CORE}/conditions.c",
           "!turn->service->first_start && if_not_measured(turn)", "false"),
    Mutant("the backoff is waited for", f"{CORE}/conditions.c",
           "        return turn->service->next_attempt > turn->now.mono;", "        return false;"),
    Mutant("the backoff has a cap", f"{CORE}/backoff.c",
           "return delay < (double) spec->max ? (usec_t) delay : spec->max;", "return (usec_t) delay;"),
    Mutant("an attempt counts against the budget", f"{CORE}/attempts.c", "                spend(turn);", "                (void) spend;"),
    Mutant("what was never carried out counts for nothing", f"{CORE}/attempts.c",
           "each_budget(turn, budget_refund, service->spent_at);", ";"),
    Mutant("what the probes said before the action is forgotten", f"{CORE}/attempts.c",
           "service->ignore_before = turn->now.mono;", ";"),
    Mutant("a dependency that is just back still explains a failure", f"{CORE}/conditions.c",
           "                        return !service->dead;", "                        return false;"),
    Mutant("a readiness probe never restarts a service", f"{CORE}/ladder.c",
           "state_only_readiness_fails(service) && action_traits", "false && action_traits"),
    Mutant("unrecorded actions are few", f"{CORE}/conditions.c", "> STORE_DEGRADED_ACTIONS;", "> 1000;"),
    Mutant("a step is only for its causes", f"{CORE}/ladder.c", "return !step->causes || incident->symptom", "return true || incident->symptom"),
    Mutant("what has ended is not reloaded, whatever is to blame", f"{CORE}/ladder.c",
           "if (!gone || !action_traits(step->action)->needs_running) {", "if (true) {", tests=("test_recovery_changes",)),
    Mutant("one change is rolled back once", f"{CORE}/ladder.c", "if (files->change == files->rolled_back) {", "if (false) {"),
    Mutant("what is not known to have changed is not rolled back", f"{CORE}/ladder.c",
           "                return STEP_FILES_UNKNOWN;", "                return STEP_FITS;"),
    Mutant("who repairs it by hand is not worked against", f"{CORE}/ladder.c",
           "if (files->changed > service->file->incident.opened) {", "if (false) {"),
    Mutant("an old change is not blamed", f"{CORE}/causes.c", "opened - changed < service->policy->blame_window", "true"),
    Mutant("a young change is undone first", f"{CORE}/ladder.c",
           "        go_ahead(turn->service, turn->now.wall);", "        (void) go_ahead;"),
    Mutant("the answer is waited for", f"{CORE}/causes.c", "service->files.awaited_until > turn->now.mono", "false"),
    Mutant("a person approves", f"{CORE}/ladder.c", "step->rollback.approve == APPROVE_MANUAL", "false"),
    Mutant("after settling it is described anew", f"{CORE}/causes.c",
           "        if (looks_different(turn)) {", "        if (false) {"),
    Mutant("a deploy lock that was forgotten holds no longer over a restart", f"{CORE}/carry.c",
           "policy->deploy_lock ? future_moment(&then, record->deploy_until) : 0", "0",
           tests=("test_recovery_restore",)),
    Mutant("a step has as many attempts as the policy says", f"{CORE}/ladder.c",
           "service->step_attempts >= step->attempts", "false"),
    Mutant("an unfinished attempt is verified after a crash, not repeated", f"{CORE}/carry.c",
           "                        return PHASE_ACTING;", "                        return PHASE_DECIDING;"),
    Mutant("the executor counts for itself", "agent/executor/action_budget.c", "if (spent < spec->actions) {", "if (true) {",
           tests=("test_action_budget",)),
    Mutant("the lease of another promotes nobody", f"{CORE}/member_rules.c",
           "return lease_is(turn, LEASE_OURS) && ends_in_time(turn, turn->member->usable_until);",
           "return ends_in_time(turn, turn->member->usable_until);", tests=("test_member",)),
    Mutant("a lease that is about to end promotes nobody", f"{CORE}/member_rules.c",
           "return lease_is(turn, LEASE_OURS) && ends_in_time(turn, turn->member->usable_until);",
           "return lease_is(turn, LEASE_OURS);", tests=("test_member",)),
    Mutant("a lease of which nothing is heard ends", f"{CORE}/member_rules.c",
           "return turn->member->group->on_coordinator_loss != LOSS_STAY && !time_is_left(turn);", "return false;",
           tests=("test_member",)),
    Mutant("an answer counts for what was asked last", f"{CORE}/member_rules.c",
           "turn->effects->act == MEMBER_ACT_NOTHING ? turn->input->answer : ANSWER_NONE", "turn->input->answer",
           tests=("test_member",)),
    Mutant("a word about the time before a duty proves nothing", f"{CORE}/member_rules.c",
           "turn->input->role_count > turn->member->role_count ? turn->input->role : MEMBER_NONE", "turn->input->role",
           tests=("test_member",)),
    Mutant("who was promoted in vain lets others try", f"{CORE}/member_rules.c",
           "        stay_back(turn, LEASES_BACK);\n        ask_demotion(turn);", "        ask_demotion(turn);",
           tests=("test_member",)),
    Mutant("policies that the executor cannot read do not keep the lease", f"{CORE}/member_rules.c",
           "return !turn->input->agrees && waited", "return false && waited", tests=("test_member",)),
    Mutant("who is stuck keeps the lease", f"{CORE}/member.c",
           "        case DUTY_STUCK:\n                return true;", "                return true;\n        case DUTY_STUCK:\n                return false;",
           tests=("test_member",)),
    Mutant("a lease is given back after the proof only", f"{CORE}/member.c",
           "ret->release = member->duty == DUTY_RELEASING &&",
           "ret->release = (member->duty == DUTY_RELEASING || member->duty == DUTY_DEMOTING) &&", tests=("test_member",)),
    Mutant("only who followed the last active member has its data", f"{CORE}/member.c",
           "if (input->follows == input->last_token && input->follows > 0) {", "if (input->follows > 0) {", tests=("test_member",)),
    Mutant("a deadline is never later than one lease", "agent/executor/lease_guard.c",
           "deadline < longest ? deadline : longest", "deadline", tests=("test_lease_guard",)),
    Mutant("a smaller fencing token is refused", "agent/executor/lease_guard.c", "if (token < highest) {", "if (false) {",
           tests=("test_lease_guard",)),
    Mutant("an active member keeps its token", "agent/executor/lease_guard.c",
           "if (token != state->token && role_of(managed) != MEMBER_STANDBY) {", "if (false) {", tests=("test_lease_guard",)),
    Mutant("without time to stop it again nothing is promoted", "agent/executor/lease_guard.c",
           "return has_time(managed) ? NULL :", "return true ? NULL :", tests=("test_lease_guard",)),
    Mutant("what is not proven to be gone is stuck", "agent/executor/lease_guard.c", "} else if (proven) {", "} else if (true) {",
           tests=("test_lease_guard",)),
    Mutant("a policy file that others may write is refused", "agent/policy/source_file.c",
           "file->name, st, S_IWGRP | S_IWOTH);", "file->name, st, 0);",
           tests=("test_source_file",)),
]


def guards(root: Path) -> list[Mutant]:
    """Each row of the table of guards, with a guard that never holds in its place."""
    file = f"{CORE}/guards.c"
    rows = list(GUARD.finditer((root / file).read_text(encoding="utf-8")))
    assert rows, f"{file} has no table of guards that this script can read"
    return [
        Mutant(f"guard {row['guard'].removeprefix('GUARD_').lower().replace('_', '-')}", file, row[0],
               row[0].replace(row["holds"], "nothing_holds"), GUARD_TESTS.get(row["guard"], ()))
        for row in rows
    ]
