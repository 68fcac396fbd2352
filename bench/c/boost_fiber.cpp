// boost_fiber.cpp - Boost.Fiber: tasks and timers, no I/O and no posts from other threads.
// SPDX-License-Identifier: Apache-2.0
#define PEER "boost-fiber"
#include "measure.h"
#include <boost/fiber/all.hpp>
#include <chrono>
#include <vector>

namespace fibers = boost::fibers;
namespace this_fiber = boost::this_fiber;
using steady = std::chrono::steady_clock;

static steady::time_point time_point(int64_t ns) {
    return steady::time_point(std::chrono::nanoseconds(ns)); // steady_clock is CLOCK_MONOTONIC
}

static void spawn_and_join(long) {
    constexpr long count = SPAWNED_TASKS / 2;
    long ended = 0;
    int64_t start = wall_ns();
    for (long i = 0; i < count; i++)
        fibers::fiber(fibers::launch::dispatch, [&] { ended++; }).join();
    report_per_switch("a_spawn", start, "ns", count);
    if (ended != count)
        give_up("a task was lost");
}

static void yield_among_many(long) {
    std::vector<fibers::fiber> tasks;
    int64_t start = wall_ns();
    for (long i = 0; i < READY_TASKS; i++)
        tasks.emplace_back([] {
            for (long k = 0; k < YIELDS_PER_TASK; k++)
                this_fiber::yield();
        });
    for (auto &task : tasks)
        task.join();
    report_per_switch("b_yield1000", start, "ns/sched", READY_TASKS * YIELDS_PER_TASK);
}

static void hand_over(long) {
    fibers::unbuffered_channel<char> ping, pong;
    fibers::fiber answerer([&] {
        char token;
        for (long i = 0; i < ROUND_TRIPS; i++) {
            ping.pop(token);
            pong.push(token);
        }
    });
    char token = 0;
    int64_t start = wall_ns();
    for (long i = 0; i < ROUND_TRIPS; i++) {
        ping.push(token);
        pong.pop(token);
    }
    report_per_switch("c_pingpong", start, "ns/handoff", 2 * ROUND_TRIPS);
    answerer.join();
}

static void sleepers(long count) {
    // 16 KiB without a guard page: with one it stops at vm.max_map_count.
    fibers::fixedsize_stack stacks(16384);
    int64_t resident_before = resident_bytes(), instant = sleepers_instant(count);
    long ended = 0;
    std::vector<fibers::fiber> tasks; // held, so that the wake is measured without freeing the stacks
    tasks.reserve(count);
    for (long i = 0; i < count; i++)
        tasks.emplace_back(fibers::launch::dispatch, std::allocator_arg, stacks, [&] {
            this_fiber::sleep_until(time_point(instant));
            ended++;
        });
    report_sleeper_memory(resident_before, count, instant, "B/co");
    this_fiber::sleep_until(time_point(instant - WAKE_MARGIN_NS));
    int64_t cpu_before = cpu_ns();
    while (ended < count)
        this_fiber::sleep_for(std::chrono::milliseconds(1));
    report("d_wake_cpu", (double)(cpu_ns() - cpu_before) / (double)count, "cpu-ns/co");
    for (auto &task : tasks)
        task.join();
}

static void timers(long) {
    std::vector<fibers::fiber> tasks;
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    for (long i = 0; i < TIMER_TASKS; i++)
        tasks.emplace_back([] {
            for (long k = 0; k < SLEEPS_PER_TASK; k++)
                this_fiber::sleep_for(std::chrono::milliseconds(short_sleep_ms()));
        });
    for (auto &task : tasks)
        task.join();
    report_timers(cpu_before, user_before, TIMER_TASKS * SLEEPS_PER_TASK);
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {{"a", spawn_and_join}, {"b", yield_among_many}, {"c", hand_over},
                                                  {"d", sleepers},       {"e", timers},           {NULL, NULL}};
    return benchmark_main(argc, argv, benchmarks);
}
