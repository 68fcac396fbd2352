/* SPDX-License-Identifier: Apache-2.0
 * Host tasks wait for random lists of everything beside native tasks, withdraw some of these waits and are cancelled; first in a
 * host that polls the library, then in one that polls lists.
 * usage: NAME [WAITS [SEED]] */
#include "list_host.h"
#include "random_items.h"

enum { NATIVES = 20, HOSTS = 40 };
enum host_state { READY, WAITING, WITHDRAWN, FINISHED };
static struct worker natives[NATIVES], hosts[HOSTS];
static enum host_state states[HOSTS];
static int entries[HOSTS];         /* that were in batches */
static void *lent[4096], *elements_lent[4096]; /* to the library until it takes the request */
static int lent_count, elements_lent_count;

/* What a request pointed to is the host's own again. */
static void take_back(void) {
    while (lent_count) {
        memset(lent[--lent_count], 0xee, MOST * sizeof(cothread_item));
        free(lent[lent_count]);
    }
    while (elements_lent_count) {
        memset(elements_lent[--elements_lent_count], 0xee, 104);
        free(elements_lent[elements_lent_count]);
    }
}

static void *lend(const void *memory, size_t size) {
    void *copy = malloc(size);
    memcpy(copy, memory, size);
    return copy;
}

static void unlock_by_request(struct worker *w, int n) {
    CHECK(mutexes[n].owner == w);
    mutexes[n].owner = NULL;
    request((cothread_request){.task = w->task, .operation = COTHREAD_UNLOCK, .fd = -1, .object = mutexes[n].handle});
    expect(cothread_submit() >= 1, 1);
    take_back();
}

static void begin_wait(int i) {
    struct worker *w = &hosts[i];
    let_go(w, unlock_by_request);
    compose(w);
    cothread_item *items = lend(w->items, MOST * sizeof *items);
    for (int k = 0; k < w->count; k++)
        if (items[k].kind == COTHREAD_ITEM_SEND)
            items[k].element = elements_lent[elements_lent_count++] = lend(w->memory[k], sizeof w->memory[k]);
    lent[lent_count++] = items;
    entries[i] = 0;
    states[i] = WAITING;
    request((cothread_request){.task = w->task,
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = w->count,
                               .deadline = some_deadline(),
                               .object = (int64_t)(sizeof *items | (uint64_t)w->flags << 32),
                               .value = (int64_t)(intptr_t)items});
}

static void bear_host(int i) {
    begin_worker(&hosts[i]);
    hosts[i].task = handle(cothread_host_create((uint64_t)i, NULL, 0));
    states[i] = READY;
}

/* end_host finishes a host task that does not wait. */
static void end_host(int i) {
    end_worker(&hosts[i], unlock_by_request);
    finish(hosts[i].task, 0);
    expect(cothread_submit() >= 1, 1);
    take_back();
    states[i] = FINISHED;
}

static void over(int i, int rc) {
    struct worker *w = &hosts[i];
    states[i] = READY;
    check(w, rc);
    hold(w, unlock_by_request);
    if (rc == COTHREAD_ECANCELED) {
        end_host(i);
        bear_host(i);
    }
}

static void take_entry(const cothread_ready *entry) {
    int i = (int)entry->token;
    struct worker *w = &hosts[i];
    CHECK(states[i] == WAITING || states[i] == WITHDRAWN);
    if (entry->item == 0) {
        CHECK(entries[i] == 0 && entry->more == 0 && entry->reason < 0);
        over(i, entry->reason);
        return;
    }
    CHECK(entry->item <= (uint32_t)w->count);
    if (entries[i]++ == 0)
        for (int k = 0; k < w->count; k++)
            w->items[k].fired = 0, w->items[k].result = 0, w->items[k].value = 0;
    cothread_item *item = &w->items[entry->item - 1];
    CHECK(!item->fired && entry->reason <= 0);
    item->fired = 1;
    item->result = entry->reason ? entry->reason : (int32_t)entry->events;
    item->value = (uint64_t)entry->value;
    if (entry->more == 0)
        over(i, entries[i]);
}

static void withdraw(int i) {
    request((cothread_request){.task = hosts[i].task, .operation = COTHREAD_WITHDRAW, .fd = -1});
    states[i] = WITHDRAWN;
}

static void poll_once(bool lists) {
    static cothread_ready batch_copy[4096];
    if (lists) {
        host_round();
    } else {
        expect(cothread_poll_scheduler(cothread_after(100 * COTHREAD_MICROSECOND)) >= 0, 1);
    }
    take_back();
    int count = (int)ring->ready_count;
    memcpy(batch_copy, ring->ready, (size_t)count * sizeof *batch_copy);
    for (int i = 0; i < count; i++)
        take_entry(&batch_copy[i]);
    for (int i = 0; i < HOSTS; i++)
        if (states[i] == WITHDRAWN) /* and it has no entry: it took nothing */
            over(i, COTHREAD_ETIMEDOUT);
}

static void life(bool lists, int64_t waits) {
    waits_wanted = waits_done + waits;
    hosted(lists ? COTHREAD_HOST_POLLS : 0);
    open_objects();
    for (int i = 0; i < NATIVES; i++) {
        begin_worker(&natives[i]);
        natives[i].task = spawn(native_worker, &natives[i]);
    }
    for (int i = 0; i < HOSTS; i++)
        bear_host(i);
    while (waits_done < waits_wanted) {
        for (int i = 0; i < 4; i++)
            happen();
        for (int i = 0; i < HOSTS; i++)
            if (states[i] == READY)
                begin_wait(i);
        if (below(10) == 0)
            expect(cothread_submit() >= 0, 1), take_back();
        int one = (int)below(HOSTS);
        if (below(20) == 0)
            expect(cothread_cancel(hosts[one].task), 0);
        if (below(5) == 0 && states[one] == WAITING)
            withdraw(one);
        poll_once(lists);
    }
    for (int i = 0; i < HOSTS; i++)
        while (states[i] == WAITING)
            poll_once(lists);
    for (int i = 0; i < HOSTS; i++)
        end_host(i);
    for (int i = 0; i < NATIVES; i++)
        while (cothread_join(natives[i].task, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
            poll_once(lists);
    for (bool living = true; living;) {
        living = false;
        for (int i = 0; i < CHILDREN; i++)
            living |= children[i].handle && !children[i].ended;
        for (int i = 0; i < GROUPS; i++)
            living |= groups[i].members != groups[i].ended;
        if (living)
            poll_once(lists);
    }
    close_objects();
    expect(nothing_left(), 0);
}

int main(int argc, char **argv) {
    int64_t waits = argc > 1 ? atoll(argv[1]) : SANITIZED ? 20000 : 200000;
    if (argc > 2)
        state ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u;
    life(false, waits / 2);
    life(true, waits / 2);
    return 0;
}
