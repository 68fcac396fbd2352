/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int64_t before = cothread_now(), zero = cothread_after(0);
    expect(before > 0, 1);
    expect(zero >= before && zero <= cothread_now(), 1);
    expect(cothread_after(COTHREAD_SECOND) >= before + COTHREAD_SECOND, 1);
    expect(cothread_after(COTHREAD_FOREVER), COTHREAD_FOREVER);
    expect(cothread_after(COTHREAD_FOREVER - 1), COTHREAD_FOREVER);
    expect(cothread_after(COTHREAD_FOREVER - before), COTHREAD_FOREVER);
    expect(cothread_after(-1) < cothread_now(), 1);
    expect(cothread_after(-1) >= before - 1, 1);
    expect(cothread_after(INT64_MIN) < 0, 1);
    expect(cothread_after(INT64_MIN) != COTHREAD_NOW, 1);
    expect(cothread_after(INT64_MIN + 1) != COTHREAD_NOW, 1);
    return 0;
}
