/*
 * The ready-made checkpoint policies. Stateless: what a policy needs to know
 * travels in its context, so one object serves any number of databases.
 */
#include "quire/database.h"

static quire_checkpoint_wish wish_if(bool wanted)
{
    return wanted ? QUIRE_CHECKPOINT_PASSIVE : QUIRE_CHECKPOINT_NONE;
}

static quire_checkpoint_wish wish_by_frames(void *context, const quire_checkpoint_state *state)
{
    return wish_if(state->frames >= (uintptr_t)context);
}

static quire_checkpoint_wish wish_by_bytes(void *context, const quire_checkpoint_state *state)
{
    return wish_if(state->frames > 0 && state->wal_bytes >= (uintptr_t)context);
}

static quire_checkpoint_wish wish_by_time(void *context, const quire_checkpoint_state *state)
{
    return wish_if(state->frames > 0 && state->elapsed_ms >= (uintptr_t)context);
}

static quire_checkpoint_wish wish_of_any(void *context, const quire_checkpoint_state *state)
{
    const quire_checkpoint_policies *all = context;
    quire_checkpoint_wish strongest = QUIRE_CHECKPOINT_NONE;
    for (size_t i = 0; i < all->count; i++) {
        const quire_checkpoint_policy *policy = &all->policies[i];
        quire_checkpoint_wish wish = policy->wish(policy->context, state);
        strongest = wish > strongest ? wish : strongest;
    }
    return strongest;
}

static quire_checkpoint_wish wish_never(void *context, const quire_checkpoint_state *state)
{
    (void)context;
    (void)state;
    return QUIRE_CHECKPOINT_NONE;
}

quire_checkpoint_policy quire_checkpoint_frame_count(uint32_t frames)
{
    uintptr_t threshold = frames == 0 ? 1 : frames;
    return (quire_checkpoint_policy){.wish = wish_by_frames, .context = (void *)threshold};
}

quire_checkpoint_policy quire_checkpoint_log_bytes(size_t bytes)
{
    return (quire_checkpoint_policy){.wish = wish_by_bytes, .context = (void *)(uintptr_t)bytes};
}

quire_checkpoint_policy quire_checkpoint_interval(uint32_t interval_ms)
{
    uintptr_t threshold = interval_ms == 0 ? 1 : interval_ms;
    return (quire_checkpoint_policy){
        .wish = wish_by_time, .context = (void *)threshold, .poll_ms = (uint32_t)threshold};
}

quire_checkpoint_policy quire_checkpoint_manual(void)
{
    return (quire_checkpoint_policy){.wish = wish_never};
}

quire_checkpoint_policy quire_checkpoint_any(const quire_checkpoint_policies *policies)
{
    quire_checkpoint_policy any = {.wish = wish_of_any};
    uint32_t poll_ms = 0;
    for (size_t i = 0; i < policies->count; i++) {
        uint32_t ms = policies->policies[i].poll_ms;
        poll_ms = ms != 0 && (poll_ms == 0 || ms < poll_ms) ? ms : poll_ms;
    }
    any.poll_ms = poll_ms;
    /* The callbacks of all policies take a plain context; this one only reads through it. */
    union {
        const quire_checkpoint_policies *in;
        void *out;
    } context = {.in = policies};
    any.context = context.out;
    return any;
}
