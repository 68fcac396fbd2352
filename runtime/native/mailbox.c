/* mailbox.c - a callback queue of one, which is overwritten: the newest value wins.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Other threads post to a mailbox at any time, so a closed one is reused only when no poster is left inside. Its
 * generation and the slot's are bumped together and differ by one. */
#include "mailbox.h"

#include <stdio.h>

struct mailbox_slot {
    uint32_t index, generation;
    struct mailbox_slot *next_closed;
    _Atomic bool open; /* false: it was closed, or never opened. Posters look at it before they look at the generation */
    struct mailbox mailbox;
};
_Static_assert(sizeof(struct mailbox_slot) <= 128, "a mailbox fits its slot");

cothread_handle mailbox_create(struct scheduler *s, cothread_callback callback, uint64_t token)
{
    int error;
    struct mailbox_slot *slot = s->closed_mailboxes;
    /* The one closed first: a poster may be inside for some nanoseconds, and behind it there are fresh slots. */
    if (slot && mailbox_idle(&slot->mailbox)) {
        if (!(s->closed_mailboxes = slot->next_closed))
            s->last_closed_mailbox = NULL;
        COUNT(s->handles.tables[KIND_MAILBOX].living, 1);
        slot->generation &= ~SLOT_FREE;
    } else if (!(slot = object_allocate(&s->handles, KIND_MAILBOX, &error))) {
        return error;
    }
    mailbox_open(&slot->mailbox, callback, token);
    atomic_store(&slot->open, true);
    return handle_of(&s->handles, KIND_MAILBOX, slot);
}

void mailbox_free(struct scheduler *s, void *object)
{
    struct mailbox_slot *slot = object;
    if (!atomic_load(&slot->open))
        return;
    atomic_store(&slot->open, false);
    mailbox_close(&slot->mailbox);
    COUNT(s->handles.tables[KIND_MAILBOX].living, -1);
    if (!slot_renew(&s->handles, KIND_MAILBOX, slot, true))
        return; /* retired */
    slot->next_closed = NULL;
    if (s->last_closed_mailbox)
        s->last_closed_mailbox->next_closed = slot;
    else
        s->closed_mailboxes = slot;
    s->last_closed_mailbox = slot;
}

int mailbox_close_object(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    mailbox_free(s, object);
    return 0;
}

int mailbox_send(cothread_handle handle, void *value, void **replaced)
{
    struct scheduler *s = (struct scheduler *)handles_at(handle);
    if (handle_kind(handle) != KIND_MAILBOX || !s)
        return fail(COTHREAD_EHANDLE, "handle %lld is no mailbox", handle);
    cothread_handle owner = atomic_load(&s->handles.owner);
    if (!owner)
        return fail(COTHREAD_EDEAD, "the scheduler of mailbox %lld was destroyed, or its thread ended", handle);
    struct mailbox_slot *slot = slot_at(&s->handles, KIND_MAILBOX, handle_index(handle));
    if (!slot || !atomic_load(&slot->open))
        return fail(COTHREAD_EHANDLE, "handle %lld is no mailbox, or it was closed", handle);
    int rc = mailbox_post(&s->queue, owner, &slot->mailbox, handle_generation(handle) - 1, value, replaced);
    return rc >= 0 ? rc : fail(rc, "the value was not posted to mailbox %lld", handle);
}

void mailbox_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct mailbox_slot *slot = object;
    snprintf(text, size, "%s", mailbox_idle(&slot->mailbox) ? "no poster inside" : "in use");
}
