/* native.h - the task half: what tasks settle among themselves inside a tick.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, two halves, strictly alternating: the tick half (Go, package runtime) decides what a tick
 * starts with; native_run (C) then runs every ready task, each switching straight to the next, and returns.
 * So nothing here needs a lock, and no task ever runs Go on its own stack: what needs the tick half is
 * left in `struct shared` and served when native_run returns.
 *
 * Files: tasks.c (tasks, ready lists, native_run), stacks.c (slabs, guards, the pool), objects.c (event,
 * channel, mutex, semaphore, group), adopted.c (descriptors), host.c (host tasks), handles.c (slot tables,
 * schedulers), errors.c, overflow.c (the guard page's handler), switch_*.S.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../callback/queue.h"
#include "../../cothread.h"

struct scheduler;
struct task;

/* ---- errors.c ---------------------------------------------------------------------------------- */

/* fail(code, sentence, a, b) records why the calling thread's call fails and returns `code`. The sentence is put
 * together only when cothread_last_error asks for it: timeouts and full queues are everyday answers. It is a
 * literal with at most two %lld, for the integers a and b. */
#define fail(...) FAIL_WITH(__VA_ARGS__, 0, 0, 0)
#define FAIL_WITH(code, sentence, a, b, ...) record_failure(code, sentence, (long long)(a), (long long)(b))
int record_failure(int code, const char *sentence, long long a, long long b) __attribute__((cold));
/* fail_text is for sentences that must be written out at once, such as lists of names. */
int fail_text(int code, const char *text) __attribute__((cold));
const char *native_last_error(void);
const char *native_strerror(int code);

/* ---- What both halves see (mirrored by runtime/shared.go; a test compares the layouts) ------------- */

enum task_state { TASK_FREE, TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_ENDED };
enum task_flag {
    TASK_CANCELLED = 1, /* every wait from now on ends with ECANCELED */
    TASK_DETACHED = 2,  /* nobody will join: the slot is released at the end */
    TASK_HOST = 4,      /* the host owns the continuation */
    TASK_ON_ARMED = 8,  /* in the list `armed` */
    TASK_MAIN = 16,     /* the thread's own stack */
    TASK_IN_WAIT_UNTIL = 32, /* what cothread_wakeup may end */
    TASK_SHIELDED = 64, /* a cancel does not end its waits */
};

/* A list of waiting tasks: first->previous is the last, so that both ends cost one pointer. */
struct waiters {
    struct task *first;
};

/* A task block. The first line is all that a switch, a wait and a wake touch. */
struct task {
    uint32_t index;      /* slot header: see struct slot */
    uint32_t generation;
    void *sp;            /* parked stack pointer; free slot: next free one */
    struct task *next;   /* ready, waiting and armed-free lists */
    struct task *previous;
    struct waiters *waiting_in;
    int64_t deadline;    /* of the present wait; FOREVER when not waiting */
    uint64_t value;      /* handed over by the waker, or the address to copy to; ended: the result */
    int32_t reason;      /* why it was woken; fixed when it becomes ready */
    uint8_t state;
    uint8_t flags;
    uint8_t stack_class; /* log2 of the stack's size */
    uint8_t wants_send;  /* waiting in a channel: as a sender */

    struct waiters joiners;
    struct mutex *held;  /* mutexes to hand on when it ends */
    char *stack;         /* low end; a host task's token */
    struct task *armed_next; /* suspended in this tick with a deadline or descriptor */
    int64_t heap_deadline; /* key of this slot's entry in the tick half's heap, 0 none. Outlives the task. */
    uint32_t heap_sequence;
    uint32_t wait;       /* number of the present wait: tells a late report from a present one */
    int32_t fd;          /* descriptor waited for, with events != 0 */
    uint32_t events;     /* wanted; when woken: what came */
    struct group *group;
    /* Sanitizer builds only; the tick half knows the fields above. */
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
#endif
#ifdef __SANITIZE_THREAD__
    void *fiber;
#endif
#ifdef COTHREAD_VALGRIND
    unsigned valgrind_stack;
#endif
};
_Static_assert(offsetof(struct task, group) == 120, "a task block is two cache lines");

/* What became due since the last tick: a task to wake, or readiness of an adopted descriptor. */
struct due {
    struct task *task; /* or NULL, */
    cothread_handle adopted; /* then a adopted */
    int32_t reason;
    uint32_t events;
    uint32_t wait; /* the task is woken only if it is still in this wait */
    uint32_t unused;
};
#define DUE_CAPACITY 1024

enum stop {
    STOP_DONE, /* nothing is ready any more */
    STOP_MAIN, /* it is main's turn: return to it */
    STOP_CALL, /* a task asks for a tick call; native_run resumes it */
};

enum tick_operation { CALL_ADOPT = 1, CALL_RELEASE, CALL_WAKE_FD, CALL_DRAINED };

struct shared {
    struct due *due;
    uint32_t due_count;
    uint32_t stop;
    struct task *armed_first, *armed_last;
    struct task *now_first;  /* runs in this tick */
    struct task **now_tail;
    struct task *next_first; /* runs in the next */
    struct task **next_tail;
    struct task *host_first; /* ready host tasks */
    struct task **host_tail;
    struct task *main;       /* NULL: hosted */
    char *_Atomic *tasks;    /* chunks of task blocks */
    size_t block_size;
    uint32_t callback_quota; /* callbacks that may start in this tick; set by the tick half, used up here */
    _Atomic uint32_t interrupted;
    uint32_t notify;         /* outside a tick: the next wake writes the eventfd */
    uint32_t posted_count;   /* callbacks for the host in this batch */
    uint32_t callback_budget, unused;
    int64_t call_operation, call_a, call_b, call_result;
    _Atomic uint64_t living; /* tasks not ended, main excepted */
    /* counters: written here, read by any thread */
    _Atomic uint64_t switches, spawned, waiting, ended;
    _Atomic uint64_t ticks, timers_armed, timers_fired, descriptors; /* written by the tick half */
    _Atomic uint64_t polls, sleeps;
};

/* ---- The scheduler ------------------------------------------------------------------------------ */

/* A slot begins like this in every table. Free slots keep their generation, which was bumped on release. */
struct slot {
    uint32_t index, generation;
    struct slot *next_free;
};

enum kind {
    KIND_TASK, KIND_EVENT, KIND_CHANNEL, KIND_MUTEX, KIND_SEMAPHORE, KIND_GROUP, KIND_ADOPTED, KIND_MAILBOX,
    KIND_TABLES, KIND_SCHEDULER = 15
};

#define CHUNK_BITS 12
#define INDEX_BITS 22
#define GENERATION_BITS 27
#define SCHEDULERS 1000
#define SLOT_FREE (1u << 31) /* in a slot's generation: its next owner's handle names nothing yet */

/* A table grows by chunks that are never unmapped: another thread may hold a stale handle. */
struct table {
    char *_Atomic chunks[1 << (INDEX_BITS - CHUNK_BITS)];
    struct slot *free;
    uint32_t used;       /* slots ever handed out */
    uint32_t floor;      /* generations start above this: the table may have served another scheduler */
    uint32_t highest;
};

#define STACK_SMALLEST_CLASS 14 /* 16 KiB */
#define STACK_LARGEST_CLASS 30

/* The stacks of a scheduler, by size class (stacks.c). */
struct pool {
    struct stack_class {
        char **free; /* LIFO; [0, cold) hold no memory */
        size_t free_count, cold;
        char *fresh, *fresh_end; /* the rest of the newest slab */
    } classes[STACK_LARGEST_CLASS + 1];
    uint32_t *slabs; /* ours, in the table of all slabs */
    size_t slab_count;
    _Atomic int guard;
    _Atomic uint64_t made, bytes; /* stacks, in use or pooled; their address space */
};

struct tick_half { /* the tick half, as the task half calls it from the thread's own stack */
    void (*drive)(struct scheduler *s); /* runs ticks until main is ready */
    void (*call)(struct scheduler *s);  /* serves shared.call_* */
};

struct scheduler {
    struct shared shared; /* first: the tick half has this address */
    struct task *current; /* NULL: a hosted scheduler's own stack */
    void *thread_sp;      /* native_run's stack while tasks run */
    int *error;           /* the thread's errno: tasks do not change threads */
    struct task *calling; /* the task whose tick call native_run is to answer */
    struct task *runner;  /* takes callbacks from the queue, unless one of them waits */
    struct task *idle_runner;
    uint32_t hand_overs;    /* wakes into this tick so far */
    uint8_t running;      /* inside native_run: the thread's own stack is in use */
    uint8_t beginning;    /* the tick's callbacks run; what is due comes after them */
    uint8_t hosted, host_polls;
    uint8_t closing;      /* destroy is under way: no new task, and callbacks may not wait */
    uint8_t until_idle;   /* main waits for the last task's end */
    uint8_t broken;
    uint8_t canaries;     /* some stack has a canary: look at each switch away */
    uint32_t default_stack;
    struct waiters room;  /* tasks waiting for room in the callback queue */
    struct tick_half tick;
    struct pool pool;
    cothread_ring ring;
    struct posted *posted; /* callbacks for the host, taken this tick */
    struct mailbox_slot *closed_mailboxes;
    int wake_fd;
    _Atomic cothread_handle handle; /* 0: no scheduler lives here */
    _Atomic bool orphaned; /* its thread ended; whoever swaps it back releases it */
    uint32_t number;      /* index in the table of schedulers */
    uint32_t incarnation;
    struct queue queue;
    char (*_Atomic names[1 << (INDEX_BITS - CHUNK_BITS)])[32]; /* of tasks, a chunk like theirs; only if one has a name */
    struct table tables[KIND_TABLES];
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack; /* of the thread's own stack */
    const void *own_bottom;
    size_t own_size;
    bool left_own;
#endif
#ifdef __SANITIZE_THREAD__
    void *own_fiber;
#endif
};

/* Wakes and completed reads or writes that may join the running tick. A count, not a time: order must not depend on
 * speed. 1000 hand-overs of 15 ns hide the 165 ns of a tick (a lone task that yields a million times). */
#define HAND_OVERS_PER_TICK 1000

/* Slots are a power of two, so that finding one needs no multiplication. Checked where the objects are declared. */
static inline size_t slot_size(enum kind kind)
{
    return kind == KIND_TASK ? sizeof(struct task) : kind == KIND_CHANNEL || kind == KIND_MAILBOX ? 128 : 64;
}

/* ---- handles.c ---------------------------------------------------------------------------------- */

static inline cothread_handle handle_of(const struct scheduler *s, enum kind kind, const void *slot)
{
    const struct slot *head = slot;
    return (int64_t)s->number << 53 | (int64_t)kind << 49 | (int64_t)head->index << GENERATION_BITS | head->generation;
}

int handle_error(struct scheduler *s, enum kind kind, cothread_handle handle) __attribute__((cold));

/* slot_at returns the slot with an index, or NULL if no slot near it was ever used. From any thread. */
static inline void *slot_at(struct scheduler *s, enum kind kind, uint32_t index)
{
    char *chunk = atomic_load_explicit(&s->tables[kind].chunks[index >> CHUNK_BITS], memory_order_acquire);
    return __builtin_expect(chunk != NULL, 1) ? chunk + (index & ((1u << CHUNK_BITS) - 1)) * slot_size(kind) : NULL;
}

static inline uint32_t index_in(cothread_handle handle)
{
    return (uint32_t)(handle >> GENERATION_BITS) & ((1u << INDEX_BITS) - 1);
}

static inline uint32_t generation_in(cothread_handle handle)
{
    return (uint32_t)handle & ((1u << GENERATION_BITS) - 1);
}

static inline enum kind kind_in(cothread_handle handle)
{
    return (enum kind)((uint64_t)handle >> 49 & 15);
}

/* resolve returns the object a handle names, or NULL with the reason in *error. */
static inline void *resolve(struct scheduler *s, enum kind kind, cothread_handle handle, int *error)
{
    if (__builtin_expect((uint64_t)handle >> 49 == ((uint64_t)s->number << 4 | kind), 1)) {
        struct slot *slot = slot_at(s, kind, index_in(handle));
        uint32_t generation = generation_in(handle);
        if (__builtin_expect(slot && slot->generation == generation && generation != 0, 1)) /* 0: never handed out */
            return slot;
    }
    *error = handle_error(s, kind, handle);
    return NULL;
}

/* slot_take returns a slot with a fresh generation, the rest of it as its last owner left it (zero at first), or NULL. */
void *slot_fresh(struct scheduler *s, enum kind kind) __attribute__((cold));
static inline void *slot_take(struct scheduler *s, enum kind kind)
{
    struct table *table = &s->tables[kind];
    struct slot *slot = table->free;
    if (__builtin_expect(!slot, 0))
        return slot_fresh(s, kind);
    table->free = slot->next_free;
    slot->generation &= ~SLOT_FREE;
    return slot;
}
int slot_refused(const struct scheduler *s, enum kind kind); /* why slot_take gave NULL */
void slot_release(struct scheduler *s, enum kind kind, void *slot);

/* scheduler_open returns a scheduler with a number of its own, zeroed or as its last owner left it, or NULL with *error. */
struct scheduler *scheduler_open(int *error);
/* scheduler_close makes every handle stale and the number free. The memory stays mapped. */
void scheduler_close(struct scheduler *s);
/* scheduler_find returns the scheduler a handle names, from any thread; NULL if it is gone. It may end at any
 * moment after: what follows must check the handle again (the callback queue does). */
struct scheduler *scheduler_find(cothread_handle handle);
struct scheduler *scheduler_numbered(cothread_handle any_handle);
/* scheduler_at the same, living or not; NULL: none ever had that number. */
struct scheduler *scheduler_at(cothread_handle any_handle);

/* ---- stacks.c ----------------------------------------------------------------------------------- */

int pool_open(struct pool *pool);
void pool_close(struct pool *pool);
/* stack_take returns a stack's low end, or NULL. Bit 0 set: no guard page was to be had, it has a canary. */
char *stack_fresh(struct pool *pool, int stack_class) __attribute__((cold));
static inline char *stack_take(struct pool *pool, int stack_class)
{
    struct stack_class *class = &pool->classes[stack_class];
    size_t count = class->free_count;
    if (__builtin_expect(count == 0, 0))
        return stack_fresh(pool, stack_class);
    __atomic_store_n(&class->free_count, --count, __ATOMIC_RELAXED); /* statistics read it */
    if (class->cold > count)
        class->cold = count;
    return class->free[count];
}
static inline void stack_give(struct pool *pool, int stack_class, char *stack)
{
    struct stack_class *class = &pool->classes[stack_class];
    class->free[class->free_count] = stack;
    __atomic_store_n(&class->free_count, class->free_count + 1, __ATOMIC_RELAXED);
}
#define STACK_CANARY 1
static inline char *stack_low(char *stack)
{
    return stack - ((uintptr_t)stack & STACK_CANARY);
}
/* native_trim returns pooled stacks beyond the warm ones to the system, a slice at a time; true: more is left. */
bool native_trim(struct scheduler *s);
/* stack_overflowed says whether a stack's canary is gone. */
bool stack_overflowed(const char *stack);
void stack_statistics(const struct pool *pool, cothread_stats *stats);
/* stack_find returns the low end of the stack that guards `address`, or NULL. Async-signal-safe. */
char *stack_find(const void *address, size_t *size);

/* ---- tasks.c ------------------------------------------------------------------------------------- */

void native_switch(void **save, void *load);
void native_leave(void *load);
extern _Thread_local struct scheduler *native_current __attribute__((tls_model("initial-exec")));

int native_start(struct scheduler *s, const cothread_options *options, int wake_fd);
void native_run(struct scheduler *s, bool begin);
void native_deliver(struct scheduler *s);
cothread_handle native_spawn(struct scheduler *s, cothread_function function, void *argument, const cothread_task_options *options);
int native_join(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline);
int native_detach(struct scheduler *s, cothread_handle handle);
int native_cancel(struct scheduler *s, cothread_handle handle);
int native_yield(struct scheduler *s);
int native_sleep(struct scheduler *s, int64_t deadline);
int native_shield(struct scheduler *s, int on);
int native_wait_until(struct scheduler *s, int64_t deadline);
int native_wakeup(struct scheduler *s, cothread_handle handle);
void native_cancel_all(struct scheduler *s);
int native_abandon(struct scheduler *s);
int native_until_idle(struct scheduler *s, int64_t deadline);
void native_stop(struct scheduler *s);
void native_statistics(struct scheduler *s, cothread_stats *stats);
int native_post_wait(struct scheduler *s, cothread_callback callback, void *argument, int64_t deadline);
const char *native_name(struct scheduler *s, const struct task *task);
int set_name(struct scheduler *s, struct task *task, const char *name) __attribute__((cold));
static inline int native_set_name(struct scheduler *s, struct task *task, const char *name)
{
    return name || s->names[task->index >> CHUNK_BITS] ? set_name(s, task, name) : 0;
}
struct task *native_new_task(struct scheduler *s, uint8_t flags);
void native_end(struct scheduler *s, struct task *task, uint64_t result);
void native_notify(struct scheduler *s);

/* suspend returns when somebody has made the calling task ready and its turn has come. */
int suspend(struct scheduler *s, struct task *self);
/* The cold ends of waiting.h. */
int wait_impossible(struct scheduler *s, int64_t deadline) __attribute__((cold));
int wait_failed(int reason) __attribute__((cold));
/* busy counts an operation that was served at once; one too many in this tick and the caller yields, so that an endless
 * supply of ready data cannot keep the other tasks from running. */
void busy(struct scheduler *s, int64_t deadline);

/* tick_call has the tick half serve an operation; nothing else runs meanwhile. */
int64_t tick_call(struct scheduler *s, enum tick_operation operation, int64_t a, int64_t b);

/* ---- objects.c ------------------------------------------------------------------------------------ */

/* Host tasks wait on objects too, without suspending anything: each wait is split into `try`, which ends it at once
 * (0, or an error), or says WOULD_WAIT and in which list. */
#define WOULD_WAIT 1000

struct mutex {
    uint32_t index, generation;
    struct slot *next_free;
    struct task *owner;
    struct mutex *next_held, *previous_held;
    struct waiters waiters;
    bool abandoned; /* its last owner ended while holding it */
};

void mutexes_abandoned(struct scheduler *s, struct task *owner);
void group_member_ended(struct scheduler *s, struct group *group);

cothread_handle native_event_create(struct scheduler *s, uint32_t flags);
int native_event_signal(struct scheduler *s, cothread_handle handle, void *value);
int native_event_wait(struct scheduler *s, cothread_handle handle, void **value, int64_t deadline);
int native_event_reset(struct scheduler *s, cothread_handle handle);
cothread_handle native_channel_create(struct scheduler *s, size_t element_size, size_t capacity);
int native_channel_send(struct scheduler *s, cothread_handle handle, const void *element, int64_t deadline);
int native_channel_receive(struct scheduler *s, cothread_handle handle, void *element, int64_t deadline);
int native_channel_done(struct scheduler *s, cothread_handle handle);
cothread_handle native_mutex_create(struct scheduler *s);
int native_mutex_lock(struct scheduler *s, cothread_handle handle, int64_t deadline);
int native_mutex_unlock(struct scheduler *s, cothread_handle handle);
cothread_handle native_semaphore_create(struct scheduler *s, uint32_t units);
int native_semaphore_acquire(struct scheduler *s, cothread_handle handle, int64_t deadline);
int native_semaphore_release(struct scheduler *s, cothread_handle handle, uint32_t units);
cothread_handle native_group_create(struct scheduler *s);
int native_group_add(struct scheduler *s, cothread_handle handle, cothread_handle task);
int native_group_wait(struct scheduler *s, cothread_handle handle, uint32_t count, int64_t deadline);
int native_group_cancel(struct scheduler *s, cothread_handle handle);
int native_close(struct scheduler *s, cothread_handle handle);
void native_free_objects(struct scheduler *s);

/* The tries, for the host's requests. */
int event_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in);
int channel_try_send(struct scheduler *s, struct task *t, cothread_handle handle, const void *element, struct waiters **in);
int channel_try_receive(struct scheduler *s, struct task *t, cothread_handle handle, void *element, struct waiters **in);
int mutex_unlock(struct scheduler *s, struct task *t, cothread_handle handle);
int mutex_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in);
int semaphore_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in);
int join_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in);

#define WAITABLE (COTHREAD_READABLE | COTHREAD_PRIORITY | COTHREAD_WRITABLE | COTHREAD_ERROR | COTHREAD_HANGUP | COTHREAD_READHUP)

/* ---- adopted.c ------------------------------------------------------------------------------------ */

int native_wait_fd(struct scheduler *s, int fd, uint32_t events, int64_t deadline);
int native_wake_fd(struct scheduler *s, int fd);
cothread_handle native_adopt(struct scheduler *s, int fd);
int native_release(struct scheduler *s, cothread_handle handle, bool close_it);
int native_descriptor(struct scheduler *s, cothread_handle handle);
int native_wait_ready(struct scheduler *s, cothread_handle handle, uint32_t events, int64_t deadline);
int64_t native_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline);
int64_t native_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, int64_t deadline);
cothread_handle native_accept(struct scheduler *s, cothread_handle handle, int64_t deadline);
void adopted_ready(struct scheduler *s, cothread_handle handle, uint32_t events);
void native_close_adopted(struct scheduler *s);

/* ---- host.c --------------------------------------------------------------------------------------- */

struct posted {
    uint64_t token, value;
};

#define RING_CAPACITY 4096

int native_ring_open(struct scheduler *s);
cothread_handle native_host_create(struct scheduler *s, uint64_t token, const char *name);
int native_submit(struct scheduler *s);
int native_batch(struct scheduler *s);
cothread_handle mailbox_create(struct scheduler *s, cothread_callback callback, uint64_t token);
int mailbox_post_value(cothread_handle handle, void *value, void **replaced);
int mailbox_close_handle(struct scheduler *s, cothread_handle handle);
void mailboxes_close(struct scheduler *s);

/* ---- overflow.c ----------------------------------------------------------------------------------- */

/* The constructor in overflow.c installs the handler before Go's own, which forwards to it. */

#endif
