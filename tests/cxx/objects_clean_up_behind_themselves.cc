/* SPDX-License-Identifier: Apache-2.0 */
#include "test.hpp"

#include <mutex>
#include <thread>
#include <vector>

using std::chrono::hours;
using std::chrono::milliseconds;

/* Notes that its scope was left. */
struct leaves {
    bool &left;
    ~leaves() { left = true; }
};

static void join_carries_results_and_exceptions() {
    std::unique_ptr<int> moved(new int(41));
    struct adds_one {
        std::unique_ptr<int> number;
        std::unique_ptr<int> operator()() { return std::unique_ptr<int>(new int(*number + 1)); }
    };
    auto gives = cothread::spawn(adds_one{std::move(moved)});
    expect(*gives.join(), 42);
    expect(static_cast<bool>(gives), false);
    expect_throw(cothread::error, COTHREAD_EHANDLE, gives.join());

    auto nothing = cothread::spawn(cothread::task_options("nothing"), [] {});
    nothing.join();

    auto throws = cothread::spawn([]() -> int { throw std::runtime_error("carried"); });
    std::string said;
    try {
        throws.join();
    } catch (const std::runtime_error &carried) {
        said = carried.what();
    }
    expect(said, "carried");
}

static void a_join_that_times_out_leaves_the_task() {
    cothread::event go;
    auto waits = cothread::spawn([&] { return go.wait(); });
    expect_throw(cothread::timed_out, COTHREAD_ETIMEDOUT, waits.join(milliseconds(0)));
    expect(static_cast<bool>(waits), true);
    go.signal(&go);
    expect(waits.join() == &go, true);
}

static void a_cancelled_task_unwinds() {
    bool left = false;
    auto sleeps = cothread::spawn([&] {
        leaves note{left};
        cothread::sleep(cothread::deadline());
    });
    cothread::yield();
    sleeps.cancel();
    expect_throw(cothread::cancelled, COTHREAD_ECANCELED, sleeps.join());
    expect(left, true);
}

static void the_end_of_a_handle_ends_its_task() {
    bool left = false;
    {
        auto sleeps = cothread::spawn([&] {
            leaves note{left};
            cothread::sleep(hours(1));
        });
        cothread::yield();
    }
    expect(left, true);

    left = false;
    auto first = cothread::spawn([&] {
        leaves note{left};
        cothread::sleep(hours(1));
    });
    cothread::yield();
    first = cothread::spawn([] {});
    expect(left, true);
    first.join();
}

static void a_detached_task_goes_on() {
    bool left = false;
    cothread::spawn([&] {
        leaves note{left};
        cothread::yield();
    }).detach();
    cothread::yield();
    expect(left, false);
    cothread::yield();
    expect(left, true);
    auto ended = cothread::spawn([] { return std::string("dropped"); });
    cothread::yield();
    ended.detach();
}

static void a_group_waits_for_its_tasks_although_cancelled() {
    int finished = 0;
    auto parent = cothread::spawn([&] {
        std::vector<int> used(3); /* by the children, and so must outlive them */
        cothread::group children;
        for (int &slot : used)
            children.spawn([&slot, &finished] {
                cothread::shield until_finished;
                cothread::yield();
                cothread::sleep(milliseconds(1));
                slot = 1;
                finished++;
            });
        try {
            children.wait();
        } catch (const cothread::cancelled &) {
            expect(finished, 0);
            throw;
        }
    });
    cothread::yield();
    parent.cancel();
    expect_throw(cothread::cancelled, COTHREAD_ECANCELED, parent.join());
    expect(finished, 3);
}

static void the_first_fault_of_a_group_ends_the_others() {
    cothread::group group;
    bool left = false;
    group.spawn([&] {
        leaves note{left};
        cothread::sleep(hours(1));
    });
    group.spawn([] {
        cothread::yield();
        throw cothread::error(COTHREAD_EINVAL, "the first");
    });
    expect_throw(cothread::error, COTHREAD_EINVAL, group.wait());
    expect(left, true);
    expect(group.wait(), 2);
}

static void channels_end() {
    cothread::channel<int> numbers(2);
    auto sum = cothread::spawn([&] {
        int total = 0, number;
        while (numbers.receive(number))
            total += number;
        return total;
    });
    for (int i = 1; i <= 10; i++)
        numbers.send(i);
    numbers.done();
    expect(sum.join(), 55);
    int number;
    expect(numbers.try_receive(number), false);
    expect_throw(cothread::closed, COTHREAD_ECLOSED, numbers.send(1));
    cothread::channel<char> empty;
    expect(empty.try_send('x'), false);
    char got;
    expect_throw(cothread::timed_out, COTHREAD_ETIMEDOUT, empty.receive(got, milliseconds(1)));
}

static void the_end_of_an_object_ends_its_waits() {
    std::unique_ptr<cothread::event> event(new cothread::event);
    auto waits = cothread::spawn([&] { event->wait(); });
    cothread::yield();
    event.reset();
    expect_throw(cothread::closed, COTHREAD_ECLOSED, waits.join());
}

static void locks_are_those_of_the_standard() {
    cothread::mutex mutex;
    cothread::semaphore units(1);
    {
        std::lock_guard<cothread::mutex> hold(mutex);
        auto other = cothread::spawn([&] {
            expect(mutex.try_lock(), false);
            expect_throw(cothread::timed_out, COTHREAD_ETIMEDOUT, cothread::guard(mutex, milliseconds(1)));
        });
        other.join();
    }
    auto forgets = cothread::spawn([&] { mutex.lock(); });
    forgets.join();
    {
        cothread::guard hold(mutex);
        expect(hold.abandoned(), true);
    }
    std::unique_lock<cothread::mutex> tried(mutex, std::try_to_lock);
    expect(tried.owns_lock(), true);

    units.acquire();
    expect(units.try_acquire(), false);
    units.release(2);
    expect(units.try_acquire(), true);

    cothread::event event(COTHREAD_MANUAL_RESET);
    expect(event.try_wait(), false);
    event.signal();
    expect(event.try_wait(), true);
    expect(event.reset(), true);
}

static void threads_post(cothread::scheduler &scheduler) {
    cothread::event arrived;
    std::string got;
    std::thread thread([&] {
        std::string text = "from a thread";
        cothread::post(scheduler.handle(), [&, text] {
            got = text;
            arrived.signal();
        });
    });
    arrived.wait();
    thread.join();
    expect(got, "from a thread");
}

static void deadlines_saturate() {
    using seconds = std::chrono::duration<double>;
    using cothread::deadline;
    const std::int64_t now = cothread_now();
    expect(deadline().ns(), COTHREAD_FOREVER);
    expect(deadline(hours::max()).ns(), COTHREAD_FOREVER);
    expect(deadline(seconds(1e300)).ns(), COTHREAD_FOREVER);
    expect(deadline(std::chrono::steady_clock::time_point::max()).ns(), COTHREAD_FOREVER);
    expect(deadline(std::chrono::system_clock::time_point::max()).ns() > now, true);
    for (deadline past : {deadline(hours::min()), deadline(seconds(-1e300)), deadline(milliseconds(-1)),
                          deadline(std::chrono::steady_clock::time_point::min()),
                          deadline(std::chrono::system_clock::time_point::min()),
                          deadline(std::chrono::system_clock::now() - hours(1))}) {
        expect(past.ns() < cothread_now(), true);
        expect(past.ns() != COTHREAD_NOW, true);
    }
    expect(deadline(hours(1)).ns() >= now + 3600 * COTHREAD_SECOND, true);
    expect(deadline(std::chrono::steady_clock::time_point(milliseconds(5))).ns(), 5 * COTHREAD_MILLISECOND);
    expect(deadline(std::chrono::system_clock::now() + hours(2)).ns() > now + 3600 * COTHREAD_SECOND, true);
    expect(deadline(std::chrono::duration<std::int64_t, std::nano>(COTHREAD_NOW)).ns() != COTHREAD_NOW, true);
    expect(deadline::absolute(COTHREAD_NOW).ns(), COTHREAD_NOW);
}

int main() {
    cothread::scheduler scheduler;
    join_carries_results_and_exceptions();
    a_join_that_times_out_leaves_the_task();
    a_cancelled_task_unwinds();
    the_end_of_a_handle_ends_its_task();
    a_detached_task_goes_on();
    a_group_waits_for_its_tasks_although_cancelled();
    the_first_fault_of_a_group_ends_the_others();
    channels_end();
    the_end_of_an_object_ends_its_waits();
    locks_are_those_of_the_standard();
    threads_post(scheduler);
    deadlines_saturate();
    expect_throw(cothread::error, COTHREAD_EEXIST, cothread::scheduler());
    expect_no_tasks(scheduler);
    return 0;
}
