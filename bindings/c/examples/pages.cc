/* pages.cc - asks four slow sources, gives up on one that takes too long, survives one that fails.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A task is an object here: join returns what its function returned and throws what it threw,
 * and a task whose object goes out of scope is cancelled and has unwound before the next line. /
 */
#include <chrono>
#include <cothread.hpp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using std::chrono::milliseconds;

static std::string fetch(int page) {
    cothread::sleep(milliseconds(page * 20)); /* a source takes its time, the last an hour */
    if (page == 2)
        throw std::runtime_error("page 2 is torn out");
    if (page == 4)
        cothread::sleep(std::chrono::hours(1));
    return "page " + std::to_string(page);
}

int main() {
    cothread::scheduler scheduler;
    cothread::semaphore two_at_a_time(2);
    std::vector<cothread::task<std::string>> pages;
    for (int page = 1; page <= 4; page++)
        pages.push_back(cothread::spawn([&two_at_a_time, page] {
            two_at_a_time.acquire();
            struct gives_back {
                cothread::semaphore &units;
                ~gives_back() { units.release(); }
            } at_the_end{two_at_a_time};
            return fetch(page);
        }));

    const cothread::deadline enough = milliseconds(500);
    for (auto &page : pages)
        try {
            std::printf("%s\n", page.join(enough).c_str());
        } catch (const cothread::timed_out &) {
            std::printf("one takes too long\n");
        } catch (const std::runtime_error &failure) {
            std::printf("failed: %s\n", failure.what());
        }
    /* The task of page 4 ends here: cancelled, unwound, its unit given back. */
}
