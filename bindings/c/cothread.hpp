/* cothread.hpp - cothread.h for C++11 and newer: objects that clean up behind themselves.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   #include <cothread.hpp>
 *   #include <chrono>
 *   #include <cstdio>
 *
 *   int main() {
 *       cothread::scheduler scheduler;
 *       auto answer = cothread::spawn([] {
 *           cothread::sleep(std::chrono::milliseconds(20));
 *           return 42;
 *       });
 *       std::printf("%d\n", answer.join());
 *   }
 *
 * It is a thin layer: what an item does is said at its namesake in cothread.h, and what differs
 * is said here. An object's handle() goes into the C functions, for whatever has no namesake.
 *
 * DEADLINES. Every wait takes a `deadline` last; without one it waits for ever. A std::chrono
 * duration counts from now; a time point is itself.
 * ERRORS are exceptions. `error` has the code, and as what() the sentence of cothread_last_error.
 * Three are classes of their own, as programs catch them: `timed_out`, `cancelled` and `closed`. So
 * a cancelled task unwinds and its destructors clean up. What a program expects is a result:
 * try_lock, try_acquire, try_wait, try_send and try_receive return false instead of waiting, and
 * receive returns false when no more will be sent.
 * DESTRUCTORS of task, group and scheduler wait, in a cancelled task too (cothread_shield). The
 * others close their handle: its waiters get `closed`. None throws; a moved-from object has
 * nothing to clean up.
 * THREADS. Objects belong to the thread of their scheduler, except post().
 */
#ifndef COTHREAD_HPP
#define COTHREAD_HPP

#include <chrono>
#include <cstdint>
#include <cxxabi.h>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <cothread.h>

namespace cothread {

using handle = cothread_handle;

namespace detail {

/* The list of caught exceptions of the runtime this file is compiled for, which may be linked
 * statically. Before main, and when a plugin is loaded. Static: each program and plugin is to
 * name its own. */
static inline void *exception_globals() {
    return abi::__cxa_get_globals();
}
__attribute__((unused)) static const int registered =
    cothread_register_exceptions(exception_globals);

} // namespace detail

/* ---- Errors
 * ----------------------------------------------------------------------------------- */

class error : public std::runtime_error {
public:
    explicit error(int code) : error(code, cothread_last_error()) {}
    error(int code, const char *text) : std::runtime_error(text), code_(code) {}
    /* code is the COTHREAD_E... that the call returned. */
    int code() const noexcept { return code_; }

private:
    int code_;
};

/* The deadline passed; nothing was taken. */
struct timed_out : error {
    using error::error;
};
/* The calling task was cancelled. Let it pass: the task is to end. */
struct cancelled : error {
    using error::error;
};
/* The object was closed while the task waited, or no more may be sent. */
struct closed : error {
    using error::error;
};

/* check returns a result of the C functions as it is, and throws an error code. */
inline std::int64_t check(std::int64_t result) {
    if (result >= 0)
        return result;
    switch (static_cast<int>(result)) {
    case COTHREAD_ETIMEDOUT: throw timed_out(COTHREAD_ETIMEDOUT);
    case COTHREAD_ECANCELED: throw cancelled(COTHREAD_ECANCELED);
    case COTHREAD_ECLOSED: throw closed(COTHREAD_ECLOSED);
    }
    throw error(static_cast<int>(result));
}

/* ---- Time
 * ------------------------------------------------------------------------------------- */

namespace detail {

/* In nanoseconds; what does not fit saturates. */
template <class Rep, class Period>
std::int64_t nanoseconds(const std::chrono::duration<Rep, Period> &length) {
    using limits = std::numeric_limits<std::int64_t>;
    using nanoseconds = std::chrono::duration<std::int64_t, std::nano>;
    const long double ns = std::chrono::duration<long double, std::nano>(length).count();
    if (!(ns < 9223372036854775807.0L)) /* and what is not a number */
        return limits::max();
    if (ns <= -9223372036854775807.0L)
        return -limits::max(); /* the least one is COTHREAD_NOW */
    return std::chrono::duration_cast<nanoseconds>(length).count();
}

inline std::int64_t difference(std::int64_t a, std::int64_t b) {
    const std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::int64_t result;
    if (__builtin_sub_overflow(a, b, &result))
        return a < 0 ? -most : most;
    return result;
}

} // namespace detail

/* A deadline is made of whatever says when. Durations and time points saturate: an hour times a
 * billion is for ever. */
class deadline {
public:
    /* For ever. */
    deadline() noexcept : ns_(COTHREAD_FOREVER) {}
    /* From now on. */
    template <class Rep, class Period>
    deadline(const std::chrono::duration<Rep, Period> &length)
        : ns_(cothread_after(detail::nanoseconds(length))) {}
    /* The steady clock is that of cothread_now. */
    template <class Duration>
    deadline(const std::chrono::time_point<std::chrono::steady_clock, Duration> &at)
        : ns_(detail::nanoseconds(at.time_since_epoch())) {}
    /* Another clock is read now: if it is set while the task waits, the deadline does not move. */
    template <class Clock, class Duration>
    deadline(const std::chrono::time_point<Clock, Duration> &at)
        : ns_(cothread_after(
              detail::difference(detail::nanoseconds(at.time_since_epoch()),
                                 detail::nanoseconds(Clock::now().time_since_epoch())))) {}
    /* One of cothread.h: cothread_after(...), COTHREAD_FOREVER, COTHREAD_NOW. */
    static deadline absolute(std::int64_t ns) noexcept {
        deadline made;
        made.ns_ = ns;
        return made;
    }
    std::int64_t ns() const noexcept { return ns_; }

private:
    std::int64_t ns_;
};

/* sleep returns at the deadline; a task that sleeps for 0 yields. */
inline void sleep(const deadline &until) {
    check(cothread_sleep_until(until.ns()));
}

inline void yield() {
    check(cothread_yield());
}

/* ---- Scheduler
 * -------------------------------------------------------------------------------- */

/* A shield lets its task wait although it was cancelled, as long as it lives. */
class shield {
public:
    shield() noexcept : was_(cothread_shield(1)) {}
    ~shield() {
        if (was_ >= 0) /* else this is no task */
            cothread_shield(was_);
    }
    shield(const shield &) = delete;
    shield &operator=(const shield &) = delete;

private:
    int was_;
};

/* options with every field at its default, to be changed. */
inline cothread_options scheduler_options() noexcept {
    cothread_options options = cothread_options();
    options.size = sizeof options;
    return options;
}

inline cothread_task_options task_options(const char *name = nullptr) noexcept {
    cothread_task_options options = cothread_task_options();
    options.size = sizeof options;
    options.name = name;
    return options;
}

/* A scheduler belongs to the thread that makes it. The destructor cancels the tasks and runs
 * them to their end. */
class scheduler {
public:
    scheduler() : handle_(check(cothread_create(nullptr))) {}
    explicit scheduler(const cothread_options &options)
        : handle_(check(cothread_create(&options))) {}
    ~scheduler() { cothread_destroy(handle_, COTHREAD_FOREVER); }
    scheduler(const scheduler &) = delete;
    scheduler &operator=(const scheduler &) = delete;

    cothread::handle handle() const noexcept { return handle_; }
    void run(const deadline &until = deadline()) { check(cothread_run(until.ns())); }
    /* interrupt may be called from any thread. */
    void interrupt() { check(cothread_interrupt(handle_)); }

private:
    cothread::handle handle_;
};

/* post has the scheduler's thread call function(), in a task, from any thread. It copies or
 * moves `function`. An exception that leaves it ends the program. */
template <class Function>
void post(handle scheduler, Function &&function, const deadline &until = deadline()) {
    using held = typename std::decay<Function>::type;
    std::unique_ptr<held> copy(new held(std::forward<Function>(function)));
    check(cothread_post(
        scheduler,
        [](void *argument) {
            std::unique_ptr<held> mine(static_cast<held *>(argument));
            (*mine)();
        },
        copy.get(), until.ns()));
    copy.release(); /* it may have run already */
}

/* ---- Tasks
 * ------------------------------------------------------------------------------------ */

namespace detail {

/* What a task and its `task` share. Both are on one thread. The one that is done last deletes it. */
template <class Result>
struct outcome {
    std::exception_ptr failure;
    alignas(Result) unsigned char value[sizeof(Result)];
    bool returned = false;

    template <class Function>
    void run(Function &function) {
        new (value) Result(function());
        returned = true;
    }
    Result take() { return std::move(*reinterpret_cast<Result *>(value)); }
    ~outcome() {
        if (returned)
            reinterpret_cast<Result *>(value)->~Result();
    }
};

template <>
struct outcome<void> {
    std::exception_ptr failure;
    template <class Function>
    void run(Function &function) {
        function();
    }
    void take() {}
};

template <class Result>
struct state : outcome<Result> {
    bool ended = false, detached = false;
    virtual ~state() {}
};

template <class Result, class Function>
struct running : state<Result> {
    Function function;
    explicit running(Function &&f) : function(std::move(f)) {}
    explicit running(const Function &f) : function(f) {}

    static void *main(void *argument) {
        running *self = static_cast<running *>(argument);
        try {
            self->run(self->function);
        } catch (...) {
            if (self->detached)
                throw; /* nobody will ask: the library names the task */
            self->failure = std::current_exception();
        }
        self->ended = true;
        if (self->detached)
            delete self;
        return nullptr;
    }
};

} // namespace detail

/* A task<Result> is what spawn returns: the right to its result. The destructor cancels a task
 * that was neither joined nor detached and waits until it has ended; what it threw is dropped. */
template <class Result>
class task {
public:
    task() noexcept : handle_(0), state_(nullptr) {}
    task(cothread::handle handle, detail::state<Result> *state) noexcept
        : handle_(handle), state_(state) {}
    task(task &&other) noexcept : handle_(other.handle_), state_(other.state_) {
        other.state_ = nullptr;
    }
    task &operator=(task &&other) noexcept {
        task former(std::move(*this));
        std::swap(handle_, other.handle_);
        std::swap(state_, other.state_);
        return *this;
    }
    ~task() {
        if (!state_)
            return;
        cothread_cancel(handle_);
        shield on;
        int code;
        while ((code = cothread_join(handle_, nullptr, COTHREAD_FOREVER)) == COTHREAD_EINTR) {
        }
        if (code == 0 || state_->ended)
            delete state_;
        else /* on a hosted scheduler's own stack nothing can wait; or the task was abandoned */
            state_->detached = cothread_detach(handle_) == 0;
    }

    cothread::handle handle() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

    /* join returns what the task's function returned, or throws what it threw, once. If the
     * caller's own wait failed, by its deadline or since the caller was cancelled, the task is
     * still there (operator bool) and can be joined again. */
    Result join(const deadline &until = deadline()) {
        check(cothread_join(handle_, nullptr, until.ns()));
        std::unique_ptr<detail::state<Result>> state(state_);
        state_ = nullptr;
        if (state->failure)
            std::rethrow_exception(state->failure);
        return state->take();
    }
    /* cancel asks the task to end: its waits throw `cancelled`. */
    void cancel() { check(cothread_cancel(handle_)); }
    /* detach gives the task up: its result is dropped, and an exception that it throws from now
     * on ends the program. */
    void detach() {
        check(cothread_detach(handle_));
        if (state_->ended)
            delete state_;
        else
            state_->detached = true;
        state_ = nullptr;
    }

private:
    cothread::handle handle_;
    detail::state<Result> *state_;
};

/* spawn has a task call function(), which is copied or moved. */
template <class Function>
auto spawn(const cothread_task_options &options, Function &&function)
    -> task<typename std::decay<decltype(function())>::type> {
    using result = typename std::decay<decltype(function())>::type;
    using held = detail::running<result, typename std::decay<Function>::type>;
    std::unique_ptr<held> state(new held(std::forward<Function>(function)));
    cothread_task_options joinable = options;
    joinable.flags &= ~COTHREAD_DETACHED;
    const handle made = check(cothread_spawn(held::main, state.get(), &joinable));
    return task<result>(made, state.release());
}

template <class Function>
auto spawn(Function &&function) -> task<typename std::decay<decltype(function())>::type> {
    return spawn(task_options(), std::forward<Function>(function));
}

/* A group holds tasks that end before it does. The first that throws, `cancelled` excepted, has
 * the others cancelled, and wait throws it on. The destructor cancels those that live, and
 * waits: not for a hosted scheduler's own stack, which cannot. */
class group {
public:
    group() : handle_(check(cothread_group_create(0))) {}
    ~group() {
        cothread_group_cancel(handle_);
        shield on;
        while (cothread_group_wait(handle_, 0, COTHREAD_FOREVER) == COTHREAD_EINTR) {
        }
        cothread_close(handle_);
    }
    group(const group &) = delete;
    group &operator=(const group &) = delete;

    cothread::handle handle() const noexcept { return handle_; }

    /* spawn starts a task of the group; what its function returns is dropped. */
    template <class Function>
    void spawn(const cothread_task_options &options, Function &&function) {
        using held = member<typename std::decay<Function>::type>;
        std::unique_ptr<held> state(new held{this, std::forward<Function>(function)});
        cothread_task_options joinable = options;
        joinable.flags &= ~COTHREAD_DETACHED;
        const cothread::handle made = check(cothread_spawn(held::main, state.get(), &joinable));
        state.release();
        check(cothread_group_add(handle_, made));
    }
    template <class Function>
    void spawn(Function &&function) {
        spawn(task_options(), std::forward<Function>(function));
    }
    void cancel() { check(cothread_group_cancel(handle_)); }
    /* wait returns how many have ended, at least `count`; 0: all. */
    int wait(std::uint32_t count = 0, const deadline &until = deadline()) {
        const int ended = static_cast<int>(check(cothread_group_wait(handle_, count, until.ns())));
        if (failure_) {
            std::exception_ptr first;
            std::swap(first, failure_);
            std::rethrow_exception(first);
        }
        return ended;
    }

private:
    template <class Function>
    struct member {
        group *of;
        Function function;
        static void *main(void *argument) {
            std::unique_ptr<member> self(static_cast<member *>(argument));
            try {
                self->function();
            } catch (const cancelled &) {
                /* it did as it was told */
            } catch (...) {
                if (!self->of->failure_)
                    self->of->failure_ = std::current_exception();
                cothread_group_cancel(self->of->handle_);
            }
            return nullptr;
        }
    };

    cothread::handle handle_;
    std::exception_ptr failure_;
};

/* ---- What tasks share
 * ------------------------------------------------------------------------- */

namespace detail {

/* A handle that is closed with its object. */
class object {
public:
    explicit object(std::int64_t made) : handle_(check(made)) {}
    object(object &&other) noexcept : handle_(other.handle_) { other.handle_ = 0; }
    object &operator=(object &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~object() {
        if (handle_)
            cothread_close(handle_);
    }
    cothread::handle handle() const noexcept { return handle_; }

protected:
    /* for a call with COTHREAD_NOW: false if it would have to wait. */
    static bool tried(int result) { return result != COTHREAD_ETIMEDOUT && check(result) >= 0; }

private:
    cothread::handle handle_;
};

} // namespace detail

/* An event wakes one waiter per signal; with COTHREAD_MANUAL_RESET all, until reset. */
class event : public detail::object {
public:
    explicit event(std::uint32_t flags = 0) : object(cothread_event_create(flags)) {}
    /* signal returns how many were woken. */
    int signal(void *value = nullptr) {
        return static_cast<int>(check(cothread_event_signal(handle(), value)));
    }
    /* wait returns the value of the signal. */
    void *wait(const deadline &until = deadline()) {
        void *value = nullptr;
        check(cothread_event_wait(handle(), &value, until.ns()));
        return value;
    }
    bool try_wait(void **value = nullptr) {
        return tried(cothread_event_wait(handle(), value, COTHREAD_NOW));
    }
    bool reset() { return check(cothread_event_reset(handle())) != 0; }
};

/* A channel carries elements that can be copied byte by byte. A std::unique_ptr cannot: send
 * release()d pointers. */
template <class Element>
class channel : public detail::object {
    static_assert(std::is_trivially_copyable<Element>::value,
                  "a channel copies bytes: send a pointer");

public:
    /* capacity 0: send and receive meet. */
    explicit channel(std::size_t capacity = 0)
        : object(cothread_channel_create(sizeof(Element), capacity, 0)) {}
    /* send throws `closed` after done. */
    void send(const Element &element, const deadline &until = deadline()) {
        check(cothread_channel_send(handle(), &element, until.ns()));
    }
    bool try_send(const Element &element) {
        return tried(cothread_channel_send(handle(), &element, COTHREAD_NOW));
    }
    /* receive returns false once no more will be sent and all were received: while
     * (channel.receive(element)) ... */
    bool receive(Element &element, const deadline &until = deadline()) {
        const int result = cothread_channel_receive(handle(), &element, until.ns());
        return result != COTHREAD_ECLOSED && check(result) >= 0;
    }
    /* try_receive returns false if there is nothing now. */
    bool try_receive(Element &element) {
        const int result = cothread_channel_receive(handle(), &element, COTHREAD_NOW);
        return result != COTHREAD_ECLOSED && tried(result);
    }
    /* done says that no more will be sent. */
    void done() { check(cothread_channel_done(handle())); }
};

/* A mutex is what std::lock_guard and std::unique_lock take. */
class mutex : public detail::object {
public:
    mutex() : object(cothread_mutex_create(0)) {}
    /* lock returns true if the last owner ended while holding it: what it protects may be half
     * changed. */
    bool lock(const deadline &until = deadline()) {
        return check(cothread_mutex_lock(handle(), until.ns())) != 0;
    }
    bool try_lock() { return tried(cothread_mutex_lock(handle(), COTHREAD_NOW)); }
    void unlock() { check(cothread_mutex_unlock(handle())); }
};

/* A guard holds a mutex as long as it lives. std::lock_guard does so too, but for a deadline. */
class guard {
public:
    explicit guard(mutex &held, const deadline &until = deadline())
        : held_(held), abandoned_(held.lock(until)) {}
    ~guard() { cothread_mutex_unlock(held_.handle()); }
    guard(const guard &) = delete;
    guard &operator=(const guard &) = delete;
    /* abandoned is what lock returned. */
    bool abandoned() const noexcept { return abandoned_; }

private:
    mutex &held_;
    bool abandoned_;
};

class semaphore : public detail::object {
public:
    explicit semaphore(std::uint32_t units = 0) : object(cothread_semaphore_create(units, 0)) {}
    void acquire(const deadline &until = deadline()) {
        check(cothread_semaphore_acquire(handle(), until.ns()));
    }
    bool try_acquire() { return tried(cothread_semaphore_acquire(handle(), COTHREAD_NOW)); }
    void release(std::uint32_t units = 1) { check(cothread_semaphore_release(handle(), units)); }
};

} // namespace cothread

#endif
