/*
 * The ready-made checkpoint policies. Stateless: what a policy needs to know
 * travels in its context, so one object serves any number of databases.
 */
#include "quire/database.h"

static quire_checkpoint_wish wish_by_frames(void *context, const quire_checkpoint_state *state)
{
    return state->frames >= (uintptr_t)context ? QUIRE_CHECKPOINT_PASSIVE : QUIRE_CHECKPOINT_NONE;
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

quire_checkpoint_policy quire_checkpoint_manual(void)
{
    return (quire_checkpoint_policy){.wish = wish_never};
}
