/* What the C++ tests need. A test is a plain main that exits at the first expectation that
 * fails; each takes up one subject.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_HPP
#define TEST_HPP

#include <cothread.hpp>
#include <cstdio>
#include <string>
#include <unistd.h>

inline std::string text_of(const std::string &value) {
    return value;
}
inline std::string text_of(long long value) {
    return std::to_string(value);
}

template <class Got, class Wanted>
void expect_at(const char *file, int line, const char *what, const Got &got, const Wanted &wanted) {
    if (got == wanted)
        return;
    std::fprintf(stderr, "%s:%d: %s gave %s, expected %s; last error: %s\n", file, line, what, text_of(got).c_str(),
                 text_of(wanted).c_str(), cothread_last_error());
    _exit(1); /* not exit, which would run destructors that wait for tasks */
}
#define expect(what, wanted) expect_at(__FILE__, __LINE__, #what, what, wanted)

/* expect_throw(class, code, expression): it throws that class with that code. */
#define expect_throw(type, wanted, expression)                                                     \
    do {                                                                                           \
        int thrown_code = 0;                                                                       \
        try {                                                                                      \
            expression;                                                                            \
        } catch (const type &thrown) {                                                             \
            thrown_code = thrown.code();                                                           \
        }                                                                                          \
        expect_at(__FILE__, __LINE__, #expression " threw a " #type " with", thrown_code, wanted); \
    } while (0)

/* No task is left over. */
#define expect_no_tasks(scheduler)                                                     \
    do {                                                                               \
        cothread_stats stats = cothread_stats();                                       \
        stats.size = sizeof stats;                                                     \
        expect(cothread_statistics((scheduler).handle(), &stats), 0);                  \
        expect(static_cast<long long>(stats.tasks_ready + stats.tasks_waiting + stats.tasks_ended), 0); \
    } while (0)

#endif
