/* A wait for a group of which exactly a thousand members have ended returns their number. */
#include "test.h"

static void *end(void *argument) {
    return argument;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), group = handle(cothread_group_create(0));
    for (int i = 0; i < 1000; i++)
        expect(cothread_group_add(group, spawn(end, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect(cothread_group_wait(group, 0, COTHREAD_NOW), 1000);
    expect(cothread_close(group), 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    return 0;
}
