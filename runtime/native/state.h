/* state.h - tasks, waits, and all that a scheduler is made of.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, two halves, strictly alternating: the tick half (Go, package runtime) decides what a tick starts with;
 * tick_run (C) then runs every ready task, each switching straight to the next, and returns. So nothing here needs a
 * lock, and no task ever runs Go on its own stack: what needs the tick half is left in `struct shared` and served
 * when tick_run returns.
 *
 * NAMES. A function that another file calls begins with the subject of its own file: wait_enter, event_signal,
 * stack_allocate. A room includes the headers of the rooms above it in the map of `docs/internals.md`, and of none below.
 */
#ifndef NATIVE_STATE_H
#define NATIVE_STATE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../callback/inbox.h"
#include "../../callback/queue.h"
#include "../../cothread.h"
#include "errors.h"
#include "exceptions.h"
#include "handles.h"
#include "kind.h"
#include "sanitizers.h"
#include "stacks.h"

/* Written without a lock by the owner, read by anybody. */
#define COUNT(counter, by) \
    atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (uint64_t)(by), memory_order_relaxed)

/* ---- What both halves see (mirrored by runtime/shared.go; a test compares all of it) ----------------- */

enum task_state { TASK_FREE, TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_ENDED };
enum task_flag {
    TASK_CANCELLED = 1,      /* every wait from now on ends with ECANCELED, */
    TASK_SHIELDED = 2,       /* but not while this is set */
    TASK_DETACHED = 4,       /* nobody will join: the slot is released at the end */
    TASK_HOST = 8,           /* the host owns the continuation */
    TASK_MAIN = 16,          /* the thread's own stack */
    TASK_IN_WAIT_UNTIL = 32, /* what cothread_wakeup may end */
};

struct wait_list {
    struct wait *first; /* first->previous is the last, so that both ends cost one pointer */
};

enum wait_flag {
    WAIT_ARMED = 1,   /* in the list `armed` */
    WAIT_OF_HOST = 2, /* of a host task: what it receives is copied when its batch is built */
    WAIT_OF_ITEM = 4, /* the first field of a struct item */
    WAIT_OF_TRANSFER = 8, /* in a struct transfer */
};

/* A wait: what a task stands in a list with. One is embedded in each task; a ready task stands in a ready list with it.
 * What is in it while it waits belongs to the library: neither a caller's nor a host's memory is looked at meanwhile. */
struct wait {
    struct wait *next, *previous;
    struct wait_list *list; /* of an object; NULL: in none */
    union {
        uint64_t value;     /* what it was handed, or gives: an event's value, a result, an element of at most 8 bytes */
        struct cell *cell;  /* channel: a larger element, or one that a host task receives */
        const struct change *change; /* file watch: what it was handed */
        uint64_t count;     /* group: how many ends it waits for */
        uint64_t arrival;   /* descriptor: its place in the order of arrival */
        struct items *items; /* of a wait for several things */
        struct connecting *connecting; /* of a host task, for a connection */
    };
    struct task *task;
    struct wait *armed_next; /* suspended in this tick with a deadline or descriptor */
    union {
        int32_t fd;    /* descriptor waited for, with events != 0 */
        uint32_t size; /* channel, file watch, of an item: bytes of its element */
        int32_t reason; /* of a transfer: why it ended */
    };
    uint32_t events; /* wanted; when woken: what came; of COTHREAD_ESYSTEM: errno */
    uint32_t number; /* of the wait under way: tells a late report from a present one */
    uint8_t kind;    /* of the object; KIND_NONE */
    uint8_t flags;
    union {
        uint8_t sends;   /* channel: an element is given, not asked for */
        uint8_t watches; /* task: its end is looked at, not joined */
    };
    uint8_t directions; /* of a descriptor, for which it is counted: descriptors.c */
};

/* One of several things that a task waits for at a time, copied from the caller's. */
struct item {
    struct wait wait; /* in the list of its object */
    int64_t object;
    union {
        void *element;
        bool polled; /* descriptor: the poll under way looks at it */
    };
    int32_t result;  /* if it fired; of a descriptor: what it was found to have */
    uint32_t want;
    uint32_t wakes;  /* descriptor: those of cothread_wake_fd before the wait began */
    uint8_t kind;    /* COTHREAD_ITEM_... */
    bool takes;      /* and so at most one of these fires, without COTHREAD_ALL */
    bool listed;     /* its wait stands in the list */
    bool fired;
};
_Static_assert(sizeof(struct item) == 96, "as many as the caller has: items are small");

/* A wait for several things: the task's own wait, which has the deadline, and one for each item. It is over when one of them
 * is handed what it asks for, or sees a condition that holds. From then on those that take stand in no list; conditions
 * may still come true until the task runs. */
struct items {
    struct items *next_free;
    struct items *next_made; /* all that this scheduler has */
    uint32_t class;   /* log2 of the room */
    uint32_t count;
    uint32_t flags;   /* COTHREAD_ALL, COTHREAD_ONE */
    uint32_t wait_flags; /* of the items' waits */
    uint32_t fired;   /* so many have; host task: entries to come */
    uint32_t next;    /* host task: the item to look at for the next entry */
    uint32_t descriptors, numbers; /* how many of the items: adopted or by number; by number */
    uint32_t timers;
    uint32_t kept;    /* host task: elements to send, copied when the wait began */
    bool handed;      /* one that takes has taken */
    bool reported;    /* the poller told of a descriptor by number, and so of all that had something */
    bool collected;   /* host task: all that fired is known */
    int64_t deadline; /* as the caller gave it */
    struct item item[];
};

/* What a host reads and writes of an adopted descriptor in batches: transfer.c. A wait of it that is served goes to the ready
 * host tasks, in whose place it is looked at when the batch is built. */
struct transfer {
    struct wait in, out;
    struct transfer *next_free;
    struct transfer *next_made; /* all that this scheduler has */
    uint64_t token;
    cothread_handle handle; /* of the adopted descriptor */
    char *unsent;           /* accepted from the host, and not by the system */
    size_t unsent_from, unsent_to, unsent_room;
    uint32_t most;          /* bytes of a READ that is answered once; 0: it goes on until paused */
    uint8_t reading;        /* enum reading */
    bool in_ready, out_ready; /* among the ready host tasks */
    bool closing;           /* once all is sent */
    bool lost;              /* the descriptor is no longer adopted */
};

/* A task block. The first line is all that a switch, a wait and a wake touch. */
struct task {
    uint32_t index, generation; /* as in struct slot */
    void *sp;         /* parked stack pointer; free slot: next free one */
    int32_t reason;   /* why its last wait ended; fixed when it becomes ready */
    uint8_t state;
    uint8_t flags;
    uint8_t stack_class; /* log2 of the stack's size */
    uint8_t unused;
    int64_t deadline; /* of the wait under way; FOREVER when not waiting */
    struct wait wait;
    struct wait_list joiners;
    struct mutex *held; /* mutexes to hand on when it ends */
    union {
        char *stack;     /* of a native task that lives */
        uint64_t token;  /* of a host task */
        uint64_t result; /* of a task that ended */
    };
    struct group *group;
#ifdef COTHREAD_VALGRIND
    unsigned valgrind_stack; /* the tick half knows the fields above */
#endif
};
_Static_assert(offsetof(struct task, wait.task) == 64 && offsetof(struct task, group) == 120, "a task block is two cache lines");

static inline struct task *task_of(struct wait *w)
{
    return (struct task *)(void *)((char *)w - offsetof(struct task, wait));
}

/* What became due since the last tick: a wait that is over, or readiness of the descriptor of an object. */
struct due {
    struct wait *wait; /* or NULL, */
    cothread_handle object; /* then the descriptor of this one is ready */
    int32_t reason;
    uint32_t events;
    uint32_t number; /* the task is woken only if it is still in this wait */
    uint32_t unused;
};
#define DUE_CAPACITY 1024

enum stop {
    STOP_DONE, /* nothing is ready any more */
    STOP_MAIN, /* it is main's turn: return to it */
    STOP_CALL, /* a task makes a tick call; tick_run resumes it */
};

/* What a task asks of the tick half in the middle of a tick; it goes on at once, and nothing else runs. CALL_SOURCE: as
 * CALL_ADOPT, for a descriptor of the library's own, which the ready hook of its kind reads empty. */
enum call { CALL_ADOPT = 1, CALL_RELEASE, CALL_WAKE_FD, CALL_DRAINED, CALL_SOURCE };

struct shared {
    struct due *due;
    uint32_t due_count;
    uint32_t stop;
    struct wait *armed_first, *armed_last;
    struct wait *now_first;  /* runs in this tick */
    struct wait **now_tail;
    struct wait *next_first; /* runs in the next */
    struct wait **next_tail;
    struct wait_list host;   /* ready host tasks */
    struct task *main;       /* NULL: hosted */
    char *_Atomic *tasks;    /* chunks of task blocks */
    size_t block_size;
    uint32_t callback_quota; /* callbacks that may start in this tick; set by the tick half, used up here */
    _Atomic uint32_t interrupted;
    uint32_t notify;         /* outside a tick: the next wake ends the host's sleep */
    uint32_t posted_count;   /* entries at the head of the host's next batch */
    uint32_t callback_budget;
    uint32_t timer_slack;    /* ns */
    _Atomic uint32_t arrived; /* other threads left something for the next tick */
    uint32_t more_ready;      /* the poller had more to report than is due now */
    int64_t call_operation, call_a, call_b, call_result;
    _Atomic uint64_t living; /* tasks not ended, main excepted */
    /* counters: written here, read by any thread */
    _Atomic uint64_t switches, spawned, waiting, ended, timers_fired;
    _Atomic uint64_t ticks, timers_armed, descriptors; /* written by the tick half */
    _Atomic uint64_t polls, sleeps;
};

/* ---- The scheduler ------------------------------------------------------------------------------------ */

/* The tick half, as the task half calls it from the thread's own stack; by the scheduler's number. */
struct tick_half {
    int (*create)(uint32_t number, void *queue, void *scheduler, int host_polls, int *system_error);
    void (*release)(uint32_t number);
    int (*drive)(uint32_t number);
    int (*drain)(uint32_t number, int64_t deadline, uint64_t host_tasks);
    int (*call)(uint32_t number);
    void (*fault)(uint32_t number, char *text, int size);
};

#define CELL_CLASSES 17
#define ITEMS_CLASSES 17
#define NAME_SIZE 32

struct scheduler {
    struct handles handles; /* first: found by a handle's number */
    struct shared shared;
    struct task *current; /* NULL: a hosted scheduler's own stack */
    void *thread_sp;      /* tick_run's stack while tasks run */
    int *error;           /* the thread's errno: tasks do not change threads */
    struct exceptions exceptions;
    struct task *calling; /* the task whose tick call tick_run is to answer */
    struct task *runner;  /* takes callbacks from the queue, unless one of them waits */
    struct task *idle_runner;
    /* What lies above switching: callbacks.c's, and scheduler.c's two ways into the tick half. */
    void (*runner_waits)(struct scheduler *s, struct task *runner);
    void (*tick_drive)(struct scheduler *s); /* runs ticks until main is ready */
    void (*tick_call)(struct scheduler *s);  /* serves shared.call_* */
    uint32_t hand_overs;  /* wakes into this tick so far, and waits that were satisfied at once */
    uint8_t running;      /* inside tick_run: the thread's own stack is in use */
    uint8_t observing;    /* an observer of connections is being called on the thread's own stack */
    uint8_t beginning;    /* the tick's callbacks run; what is due comes after them */
    uint8_t hosted, host_polls;
    uint8_t closing;      /* destroy is under way: no new task, and callbacks may not wait */
    uint8_t until_idle;   /* main waits for the last task's end */
    uint8_t broken;
    uint8_t canaries;     /* some stack has a canary: look at each switch away */
    uint8_t sanitized;    /* the host's sanitizer is told of every switch */
    uint32_t default_stack;
    int64_t began;        /* when it was created */
    struct wait hosted_wait;/* of a hosted scheduler's own stack: takes what is there, and never waits */
    uint32_t (**ahead)[4]; /* by descriptor: descriptors.c */
    uint32_t ahead_chunks;
    uint64_t arrivals;    /* waits for descriptors so far */
    struct wait_list room; /* tasks waiting for room in the callback queue */
    const struct tick_half *tick;
    struct stack_pool stacks;
    struct cell *cells, *free_cells[CELL_CLASSES]; /* the free ones by log2 of the element's size */
    struct items *items, *free_items[ITEMS_CLASSES]; /* the free ones by log2 of their room */
    struct system_look *looks; /* room to look at many descriptors in one call */
    uint32_t looks_room;
    struct transfer *transfers, *free_transfers;
    struct held *held;    /* memory of connections that are being made */
    uint32_t chance;      /* where the next look among several things begins */
    cothread_ring ring;
    cothread_ready *told; /* the head of the host's next batch: its callbacks, and what became of requests at once */
    uint32_t told_room;
    int64_t output_end; /* in ring.output: behind the bytes of the last write that was taken out of this ring */
    struct watches *watches; /* what its file watches share; NULL: it never had one */
    struct mailbox_slot *closed_mailboxes, *last_closed_mailbox;
    int waker;
    _Atomic bool orphaned; /* its thread ended; the thread that swaps it back releases it */
    struct queue queue;
    struct jobs *jobs;    /* NULL: none was ever made */
    struct pool_object *own_pools[2]; /* by enum own_pool; NULL: not made yet */
    struct inbox *_Atomic told_inboxes; /* inboxes whose channel has something for tasks that wait, the last one first */
    struct inbox *_Atomic inboxes[CHUNKS]; /* by the channel's index; never unmapped, as other threads look there */
    char (*_Atomic names[CHUNKS])[NAME_SIZE]; /* of tasks, a chunk like theirs; only if one has a name */
    struct sanitizers sanitizers;
};

/* task_name returns a task's name; "": it has none. */
static inline const char *task_name(const struct scheduler *s, const struct task *t)
{
    const char(*names)[NAME_SIZE] = s->names[t->index >> CHUNK_BITS];
    return names ? names[t->index & ((1u << CHUNK_BITS) - 1)] : "";
}

/* task_is_joined says whether a wait to join a task is under way. One that only watches is none. */
static inline bool task_is_joined(const struct task *t)
{
    const struct wait *w = t->joiners.first;
    while (w && w->watches)
        w = w->next;
    return w;
}

/* transfer_drop_unsent forgets what is unsent, and gives a large buffer for it back. */
void transfer_drop_unsent(struct transfer *t);

/* transfer_release makes a transfer free once nothing is left to tell of it; transfer_lost notes that its descriptor is gone. */
static inline void transfer_release(struct scheduler *s, struct transfer *t)
{
    if (!t->lost || t->in_ready || t->out_ready)
        return;
    transfer_drop_unsent(t);
    t->next_free = s->free_transfers;
    s->free_transfers = t;
}

static inline void transfer_lost(struct scheduler *s, struct transfer *t)
{
    t->lost = true;
    transfer_release(s, t);
}

/* task_free gives the block of a task that ended back, or of one that never began. */
static inline void task_free(struct scheduler *s, struct task *t)
{
    t->state = TASK_FREE;
    slot_free(&s->handles, KIND_TASK, t);
}

/* The calling thread's scheduler; NULL: it has none, or this is a forked child. */
extern _Thread_local struct scheduler *scheduler_current __attribute__((tls_model("initial-exec")));

#endif
