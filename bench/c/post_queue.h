/* post_queue.h - the queue a user of libuv, libevent or bare epoll writes: their wakeups carry no data.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef POST_QUEUE_H
#define POST_QUEUE_H

#include "measure.h"

struct queued_post {
    posted_function function;
    void *argument;
    struct queued_post *next;
};

static struct {
    pthread_mutex_t mutex;
    struct queued_post *first, **end;
} post_queue = {PTHREAD_MUTEX_INITIALIZER, NULL, &post_queue.first};

/* Returns whether the queue was empty: only then need the loop be woken. */
static inline int post_queue_add(posted_function function, void *argument) {
    struct queued_post *post = (struct queued_post *)malloc(sizeof *post);
    post->function = function;
    post->argument = argument;
    post->next = NULL;
    pthread_mutex_lock(&post_queue.mutex);
    int was_empty = post_queue.first == NULL;
    *post_queue.end = post;
    post_queue.end = &post->next;
    pthread_mutex_unlock(&post_queue.mutex);
    return was_empty;
}

static inline void post_queue_run(void) {
    pthread_mutex_lock(&post_queue.mutex);
    struct queued_post *post = post_queue.first;
    post_queue.first = NULL;
    post_queue.end = &post_queue.first;
    pthread_mutex_unlock(&post_queue.mutex);
    while (post != NULL) {
        struct queued_post *done = post;
        post->function(post->argument);
        post = post->next;
        free(done);
    }
}

#endif
