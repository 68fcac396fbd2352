/* gateway.c - stands between instruments and those who want their readings, and archives them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   gateway PORT ARCHIVE PERIOD HOST:PORT...        PORT is one of 127.0.0.1; 0: any that is free
 *
 * Every PERIOD ms each instrument gets a line "READ" and answers with a line that is a number. One
 * that does not within TIMEOUT, or that breaks the connection, is connected to again, with
 * back-off. The readings of a board come from the thread of its driver; its source is "board".
 *
 * A client writes lines "list", "subscribe NAME" and "subscribe *". It gets a line "NAME NUMBER"
 * for each reading. One that reads too slowly misses some, and a line "lost COUNT" tells how many;
 * one that does not read at all is dropped. Ending its output ends a client.
 *
 * ARCHIVE gets a line "TIME NAME NUMBER" for each reading, TIME in ms since 1970, once in FLUSH. At
 * SIGTERM and SIGINT what is left is written and synced. After SIGKILL the last FLUSH is missing,
 * and the last line may be torn: the next gateway cuts it off, and appends.
 */
#define _GNU_SOURCE
#include <cothread.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 256, QUEUE = 64, BATCH = 1 << 20 };

static const int64_t FIRST_DELAY = 100 * COTHREAD_MILLISECOND, /* doubled by each failure */
    LONGEST_DELAY = 10 * COTHREAD_SECOND,
    TIMEOUT = COTHREAD_SECOND,       /* of an instrument */
    PATIENCE = 10 * COTHREAD_SECOND, /* with a client that does not read, and with the disk */
    FLUSH = COTHREAD_SECOND / 2;

struct source {
    const char *name;
    const char *state;
    double value;
    int readings;
};

struct reading {
    struct source *source;
    double value;
    int lost; /* how many readings this client missed before */
};

struct client {
    struct client *next;
    cothread_handle connection;
    cothread_handle readings; /* a channel from publish to the task that writes */
    char *wanted;             /* one flag for each source */
    int lost;
};

static struct source *sources; /* the last is the board */
static int source_count, stopping;
static int64_t period;
static struct client *clients;
static cothread_handle tasks, board; /* a group; a mailbox */

/* Starts a task that main waits for and cancels. */
static int start(cothread_function function, void *argument) {
    cothread_handle task = cothread_spawn(function, argument, NULL);
    return task < 0 ? (int)task : cothread_group_add(tasks, task);
}

/* ---- The archive ---- */

static struct batch { char text[BATCH]; size_t size, written; } batches[2];
static struct batch *filling = &batches[0], *leaving = &batches[1];
static int archive_fd, dropped;
static int64_t archive_end;

static void remember(const struct source *source) {
    struct timespec now;
    char line[LINE + 64];
    clock_gettime(CLOCK_REALTIME, &now);
    int n = snprintf(line, sizeof line, "%lld %s %.9g\n",
                     (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, source->name,
                     source->value);
    if (filling->size + (size_t)n > BATCH) {
        dropped++; /* the disk has been stuck for long: memory is bounded, the archive has a gap */
        return;
    }
    memcpy(filling->text + filling->size, line, (size_t)n);
    filling->size += (size_t)n;
}

/* Writes what is there. What fails is kept, and written again at the same place: after a write that
 * timed out the same bytes may arrive twice, but nothing else. */
static int flush(void) {
    int result = 0, was = cothread_shield(1);
    if (leaving->size == 0) {
        struct batch *full = filling;
        filling = leaving;
        leaving = full;
    }
    while (leaving->written < leaving->size) {
        int64_t n = cothread_file_write(archive_fd, leaving->text + leaving->written,
                                        leaving->size - leaving->written, archive_end,
                                        cothread_after(PATIENCE));
        if ((result = n < 0 ? (int)n : 0) < 0)
            break;
        leaving->written += (size_t)n;
        archive_end += n;
    }
    if (result < 0) {
        printf("archive: %s\n", cothread_last_error());
    } else {
        leaving->size = leaving->written = 0;
        if (dropped)
            printf("archive: %d readings are missing\n", dropped);
        dropped = 0;
    }
    cothread_shield(was);
    return result;
}

static void *archive(void *timer) {
    cothread_item item = {.kind = COTHREAD_ITEM_TIMER, .object = (cothread_handle)(intptr_t)timer};
    while (cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0) > 0)
        flush();
    while (flush() == 0 && filling->size > 0)
        ; /* cancelled: nothing comes any more, and what is there is written */
    cothread_shield(1);
    if (cothread_file_sync(archive_fd, cothread_after(PATIENCE)) < 0)
        printf("archive: %s\n", cothread_last_error());
    cothread_shield(0);
    return NULL;
}

/* Opens the archive and cuts off a line that was not finished. */
static int open_archive(const char *path) {
    char tail[2 * LINE];
    cothread_file_status status;
    int64_t n = 0;
    archive_fd = cothread_file_open(path, O_RDWR | O_CREAT, 0666, COTHREAD_FOREVER);
    if (archive_fd < 0 || cothread_file_stat(path, &status, COTHREAD_FOREVER) < 0)
        return -1;
    archive_end = status.bytes;
    int64_t from = archive_end > (int64_t)sizeof tail ? archive_end - (int64_t)sizeof tail : 0;
    if (archive_end > 0 && (n = cothread_file_read(archive_fd, tail, sizeof tail, from,
                                                   COTHREAD_FOREVER)) < 0)
        return -1;
    while (n > 0 && tail[n - 1] != '\n')
        n--;
    archive_end = from + n;
    return ftruncate(archive_fd, archive_end);
}

/* ---- A reading: to the archive and to whoever wants it. Never waits, so nothing is locked ---- */

static void publish(struct source *source, double value) {
    source->value = value;
    source->readings++;
    remember(source);
    for (struct client *client = clients; client; client = client->next) {
        struct reading reading = {source, value, client->lost};
        if (!client->wanted[source - sources])
            continue;
        if (cothread_channel_send(client->readings, &reading, COTHREAD_NOW) == 0)
            client->lost = 0;
        else
            client->lost++; /* it reads too slowly: the others do not wait for it */
    }
}

/* ---- Instruments ---- */

/* Asks an instrument again and again. Returns why that came to an end. */
static const char *ask(struct source *source, cothread_handle peer, int64_t *delay) {
    char line[LINE], *end;
    int64_t n, next = cothread_now();
    do {
        int64_t deadline = cothread_after(TIMEOUT); /* of the question and its answer together */
        if (cothread_connection_write(peer, "READ\n", 5, NULL, deadline) < 0 ||
            (n = cothread_connection_read_until(peer, "\n", 1, line, LINE, deadline)) < 0)
            return cothread_last_error();
        line[n - 1] = 0;
        double value = strtod(line, &end);
        if (end == line || end[strspn(end, " \r")])
            return "the answer is no number";
        source->state = "connected";
        *delay = FIRST_DELAY;
        publish(source, value);
        next += period;
        if (next < cothread_now()) /* it is slow: no questions in a burst afterwards */
            next = cothread_now();
    } while (cothread_sleep_until(next) == 0);
    return "stopping";
}

static void *attend(void *argument) {
    struct source *source = argument;
    const char *colon = strrchr(source->name, ':'); /* main has seen to it */
    char host[LINE];
    int64_t delay = FIRST_DELAY;
    snprintf(host, sizeof host, "%.*s", (int)(colon - source->name), source->name);
    while (!stopping) {
        cothread_handle peer = cothread_connect(host, colon + 1, NULL, cothread_after(TIMEOUT));
        const char *why = peer < 0 ? cothread_last_error() : ask(source, peer, &delay);
        if (!stopping)
            printf("%s: %s; again in %d ms\n", source->name, why,
                   (int)(delay / COTHREAD_MILLISECOND));
        source->state = "away";
        if (peer >= 0)
            cothread_close(peer); /* what it may still say is an answer to an old question */
        cothread_sleep(delay);
        delay = delay * 2 < LONGEST_DELAY ? delay * 2 : LONGEST_DELAY;
    }
    return NULL;
}

/* ---- The board: a driver calls back on a thread of its own ---- */

static atomic_int board_stops;

/* On the driver's thread, which may use nothing of ours but posting. The value itself is posted,
 * not a pointer to it: nothing is allocated, and a newer one that replaces it leaves nothing to
 * free. */
static void board_called_back(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (cothread_mailbox_post(board, (void *)(uintptr_t)bits, NULL) < 0)
        return; /* the queue is full, or we are ending: the next value is as good */
}

/* On our thread, in a task. */
static void board_measured(void *word) {
    uint32_t bits = (uint32_t)(uintptr_t)word;
    float value;
    memcpy(&value, &bits, sizeof value);
    publish(&sources[source_count - 1], (double)value);
}

/* Stands for the driver that a vendor delivers. */
static void *board_driver(void *unused) {
    for (float value = 0; !atomic_load(&board_stops); value++) {
        board_called_back(value);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return unused;
}

/* pthread_join blocks: a thread of the pool does it, and the tasks go on. */
static void stop_board(pthread_t thread) {
    cothread_argument arguments[] = {{COTHREAD_TYPE_LONG, 0, {.integer = (int64_t)thread}},
                                     {COTHREAD_TYPE_POINTER, 0, {.pointer = NULL}}};
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)pthread_join,
                        .arguments = arguments, .count = 2, .type = COTHREAD_TYPE_INT};
    atomic_store(&board_stops, 1);
    if (cothread_offload(0, &job, COTHREAD_FOREVER) < 0)
        pthread_join(thread, NULL); /* no thread is to be had */
    cothread_close(board);
}

/* ---- Clients: a task reads what each says, another writes what it gets ---- */

static void *deliver(void *argument) {
    struct client *client = argument;
    struct reading reading;
    char line[LINE + 64];
    while (cothread_channel_receive(client->readings, &reading, COTHREAD_FOREVER) == 0) {
        int n = reading.lost ? snprintf(line, sizeof line, "lost %d\n", reading.lost) : 0;
        n += snprintf(line + n, sizeof line - (size_t)n, "%s %.9g\n", reading.source->name,
                      reading.value);
        if (cothread_connection_write(client->connection, line, (size_t)n, NULL,
                                      cothread_after(PATIENCE)) < 0)
            break;
    }
    cothread_close(client->connection); /* so the other task ends too */
    return NULL;
}

/* Returns the answer, which is to be freed; NULL: there is no memory. */
static char *obey(struct client *client, char *line) {
    const char *verb = strtok_r(line, " \r\n", &line), *name = strtok_r(line, " \r\n", &line);
    char *text = NULL;
    size_t size;
    int found = 0;
    FILE *answer = open_memstream(&text, &size);
    if (!answer)
        return NULL;
    for (int i = 0; verb && i < source_count; i++) {
        const struct source *source = &sources[i];
        if (strcmp(verb, "list") == 0) {
            fprintf(answer, "%s %s readings %d\n", source->name, source->state, source->readings);
            found = 1;
        } else if (strcmp(verb, "subscribe") == 0 && name &&
                   (strcmp(name, "*") == 0 || strcmp(name, source->name) == 0)) {
            found = client->wanted[i] = 1;
        }
    }
    fputs(found ? "ok\n" : "error: list, subscribe NAME or subscribe *\n", answer);
    return fclose(answer) == 0 ? text : (free(text), NULL);
}

static void *serve(void *argument) {
    struct client client = {.connection = (cothread_handle)(intptr_t)argument}, **link = &clients;
    char line[LINE + 1], *answer = NULL;
    int64_t n = 0;
    client.readings = cothread_channel_create(sizeof(struct reading), QUEUE, 0);
    client.wanted = calloc((size_t)source_count, 1);
    cothread_handle writer = client.wanted ? cothread_spawn(deliver, &client, NULL) : -1;
    if (writer >= 0) {
        client.next = clients;
        clients = &client;
    }
    while (writer >= 0 && n >= 0 &&
           (n = cothread_connection_read_until(client.connection, "\n", 1, line, LINE,
                                               COTHREAD_FOREVER)) > 0) {
        line[n] = 0;
        n = (answer = obey(&client, line)) ? 0 : -1;
        if (answer) /* one call: no reading comes between its lines */
            n = cothread_connection_write(client.connection, answer, strlen(answer), NULL,
                                          cothread_after(PATIENCE));
        free(answer);
    }
    int was = cothread_shield(1); /* the other task uses our stack */
    if (writer >= 0) {
        while (*link != &client)
            link = &(*link)->next;
        *link = client.next;
        cothread_cancel(writer);
        cothread_join(writer, NULL, COTHREAD_FOREVER);
    }
    cothread_shield(was);
    cothread_close(client.connection);
    cothread_close(client.readings);
    free(client.wanted);
    return NULL;
}

static void *welcome(void *argument) {
    cothread_handle listener = (cothread_handle)(intptr_t)argument;
    int told = 0;
    while (!stopping) {
        cothread_handle client = cothread_connection_accept(listener, COTHREAD_FOREVER);
        if (client >= 0 && start(serve, (void *)(intptr_t)client) == 0) {
            told = 0;
            continue;
        }
        if (!stopping && !told++)
            printf("clients have to wait: %s\n", cothread_last_error());
        if (client >= 0)
            cothread_close(client);
        cothread_sleep(100 * COTHREAD_MILLISECOND); /* until somebody has given something back */
    }
    cothread_close(listener);
    return NULL;
}

static int failed(void) {
    const char *why = cothread_last_error();
    fprintf(stderr, "gateway: %s\n", *why ? why : strerror(errno));
    return 1;
}

int main(int argc, char **argv) {
    int usage = argc < 4 || (period = atoll(argv[3]) * COTHREAD_MILLISECOND) <= 0;
    for (int i = 4; i < argc; i++)
        usage |= !strrchr(argv[i], ':') || strlen(argv[i]) >= LINE / 2;
    if (usage) {
        fputs("usage: gateway PORT ARCHIVE PERIOD HOST:PORT...\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN); /* the end of a reader of our standard output is not ours */
    cothread_handle scheduler = cothread_create(NULL), terminate, interrupt, timer, listener;
    cothread_handle archiver;
    cothread_address address;
    pthread_t driver;
    char text[128];
    source_count = argc - 3;
    if (!(sources = calloc((size_t)source_count, sizeof *sources)) || scheduler < 0 ||
        (terminate = cothread_signal_open(SIGTERM, 0)) < 0 ||
        (interrupt = cothread_signal_open(SIGINT, 0)) < 0 || open_archive(argv[2]) < 0 ||
        (tasks = cothread_group_create(0)) < 0 || (timer = cothread_timer_create(0)) < 0 ||
        cothread_timer_set(timer, cothread_after(FLUSH), FLUSH) < 0 ||
        (archiver = cothread_spawn(archive, (void *)(intptr_t)timer, NULL)) < 0 ||
        (board = cothread_mailbox_create(board_measured, 0, 0)) < 0 ||
        (listener = cothread_listen("127.0.0.1", argv[1], NULL)) < 0 ||
        cothread_connection_address(listener, COTHREAD_LOCAL, &address) < 0 ||
        cothread_address_text(&address, text, sizeof text) < 0 ||
        start(welcome, (void *)(intptr_t)listener) < 0)
        return failed();
    for (int i = 0; i < source_count; i++) {
        int last = i == source_count - 1;
        sources[i] = (struct source){.name = last ? "board" : argv[i + 4],
                                     .state = last ? "connected" : "away"};
        if (!last && start(attend, &sources[i]) < 0)
            return failed();
    }
    if ((errno = pthread_create(&driver, NULL, board_driver, NULL)) != 0)
        return failed();
    printf("listening on %s\n", text);
    cothread_item items[] = {{.kind = COTHREAD_ITEM_SIGNAL, .object = terminate},
                             {.kind = COTHREAD_ITEM_SIGNAL, .object = interrupt}};
    if (cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0) < 0)
        printf("%s\n", cothread_last_error());

    /* Sources first, the archive last: what was measured is in it. */
    printf("stopping\n");
    stopping = 1;
    stop_board(driver);
    cothread_group_cancel(tasks);
    cothread_group_wait(tasks, 0, COTHREAD_FOREVER);
    cothread_cancel(archiver);
    cothread_join(archiver, NULL, COTHREAD_FOREVER);
    close(archive_fd);
    free(sources);
    printf("stopped\n");
    return cothread_destroy(scheduler, COTHREAD_NOW) != 0; /* closes what is open yet */
}
