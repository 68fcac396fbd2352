/* supervisor.c - keeps programs running: starts them, restarts them with back-off, keeps the last
 * lines they wrote, and is told what to do over TCP and a Unix socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   supervisor CONFIG PORT SOCKET        PORT is one of 127.0.0.1; 0: any that is free
 *
 * CONFIG has a line for each program: a name, then the program and its arguments, split at blanks;
 * what needs more is a script. SIGHUP has it read again: programs that are new start, those that
 * are gone end, those whose line changed are restarted, the others do not notice. SIGTERM and
 * SIGINT end everything; a program that ignores SIGTERM is killed after GRACE.
 *
 * A client writes lines "list", "start NAME", "stop NAME" and "log NAME". Each answer ends with a
 * line "ok" or "error: REASON". One that says nothing for PATIENCE is sent away.
 *
 * Of a supervisor that was killed (SIGKILL) the programs run on, each leading a process group of
 * its own, and get SIGPIPE when they write. SOCKET stays, and the next supervisor replaces it. It
 * does not know the programs that still run: end them before it starts them a second time.
 */
#define _GNU_SOURCE /* pipe2 */
#include <cothread.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVICES = 64, NAME = 32, LINE = 256, LINES = 64, WORDS = LINE / 2 };

static const int64_t FIRST_DELAY = 100 * COTHREAD_MILLISECOND, /* doubled by each failure */
    LONGEST_DELAY = 10 * COTHREAD_SECOND,
    STEADY = 10 * COTHREAD_SECOND, /* who ran for so long fails for the first time again */
    GRACE = 2 * COTHREAD_SECOND,
    PATIENCE = 60 * COTHREAD_SECOND; /* with clients */

struct service {
    struct service *next;
    char name[NAME], command[LINE];
    int listed;               /* CONFIG has it */
    int wanted;               /* it is to run */
    unsigned version;         /* of the command */
    cothread_handle changed;  /* an event: the three above may have changed */
    cothread_handle idle;     /* an event that stays signalled while no process runs */
    const char *state;
    int pid, starts;
    cothread_handle output;   /* the reading end of the pipe that it writes to */
    char log[LINES][LINE];    /* line i is log[i % LINES] */
    unsigned lines;
};

static struct service *services;
static cothread_handle keepers, clients; /* groups: a task for each service, each client */
static int stopping, null;

/* Starts a task that `group` waits for and cancels. */
static int start_in(cothread_handle group, cothread_function function, void *argument) {
    cothread_handle task = cothread_spawn(function, argument, NULL);
    return task < 0 ? (int)task : cothread_group_add(group, task);
}

/* ---- A program ---- */

/* Keeps what a program writes, until nobody can write any more or the connection is closed. */
static void *collect(void *argument) {
    struct service *service = argument;
    cothread_handle output = service->output;
    char line[LINE];
    int64_t n;
    /* A line that is too long goes in pieces, and the last one may have no end. */
    while ((n = cothread_connection_read_until(output, "\n", 1, line, LINE - 1,
                                               COTHREAD_FOREVER)) > 0 ||
           ((n == COTHREAD_EFULL || n == COTHREAD_ECLOSED) &&
            (n = cothread_connection_read(output, line, LINE - 1, COTHREAD_FOREVER)) > 0)) {
        char *kept = service->log[service->lines++ % LINES];
        memcpy(kept, line, (size_t)n);
        kept[line[n - 1] == '\n' ? n - 1 : n] = 0;
    }
    cothread_close(output); /* a program that goes on writing shall notice: it gets SIGPIPE */
    return NULL;
}

/* Ends a process, unless `end` has fired already, and with it what it left in its group. */
static void finish(struct service *service, cothread_item *end, cothread_handle collector) {
    int was = cothread_shield(1); /* a cancelled task, too, leaves no child behind */
    if (!end->fired) {
        cothread_process_signal(end->object, SIGTERM, COTHREAD_TO_GROUP);
        if (cothread_wait(end, sizeof *end, 1, cothread_after(GRACE), 0) < 0) {
            cothread_process_signal(end->object, SIGKILL, COTHREAD_TO_GROUP);
            if (cothread_wait(end, sizeof *end, 1, COTHREAD_FOREVER, 0) < 0)
                end->result = COTHREAD_ESYSTEM;
        }
    }
    /* ESRCH: nobody is left. Before Linux 6.9 it also stands for a group whose leader has ended. */
    cothread_process_signal(end->object, SIGKILL, COTHREAD_TO_GROUP);
    cothread_close(end->object);
    /* What has left the group may keep the pipe open: it is not ours any more. */
    if (collector >= 0 && cothread_join(collector, NULL, cothread_after(GRACE)) < 0) {
        cothread_close(service->output);
        cothread_join(collector, NULL, COTHREAD_FOREVER);
    }
    if (end->result >= COTHREAD_SIGNALLED)
        printf("%s: ended by signal %d\n", service->name, end->result - COTHREAD_SIGNALLED);
    else
        printf("%s: exit status %d\n", service->name, end->result); /* < 0: nobody knows */
    cothread_shield(was);
}

/* Runs a program once: until it ends, or is to. */
static void run_once(struct service *service) {
    char text[LINE], *rest = strcpy(text, service->command);
    const char *words[WORDS + 1];
    int count = 0, ends[2];
    while ((words[count] = strtok_r(rest, " \t\r", &rest)))
        count++;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        printf("%s: no pipe: %s\n", service->name, strerror(errno));
        return;
    }
    const cothread_process_descriptor descriptors[] = {{0, null}, {1, ends[1]}, {2, ends[1]}};
    const cothread_process_options options = {.size = sizeof options, .flags = COTHREAD_NEW_GROUP,
                                              .arguments = words, .descriptors = descriptors,
                                              .descriptor_count = 3};
    cothread_handle process = cothread_process_start(&options);
    close(ends[1]); /* the program's stays open: the end of the pipe is the end of all who write */
    if (process < 0) {
        printf("%s: %s\n", service->name, cothread_last_error());
        close(ends[0]);
        return;
    }
    service->pid = cothread_process_pid(process);
    service->starts++;
    service->state = "running";
    cothread_event_reset(service->idle);
    printf("%s: started as %d\n", service->name, service->pid);

    cothread_handle collector = service->output = cothread_connection_adopt(ends[0], NULL, 0, NULL);
    if (service->output < 0)
        close(ends[0]);
    else if ((collector = cothread_spawn(collect, service, NULL)) < 0)
        cothread_close(service->output);
    if (collector < 0)
        printf("%s: %s\n", service->name, cothread_last_error());
    unsigned version = service->version;
    cothread_item items[] = {{.kind = COTHREAD_ITEM_PROCESS, .object = process},
                             {.kind = COTHREAD_ITEM_EVENT, .object = service->changed}};
    while (collector >= 0 && service->wanted && service->listed && service->version == version &&
           cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0) > 0 && !items[0].fired)
        ; /* told of something else */
    service->state = "stopping";
    finish(service, &items[0], collector);
    service->pid = 0;
    cothread_event_signal(service->idle, NULL);
}

/* The task of a service: runs its program again and again, as long as it is wanted. */
static void *keep(void *argument) {
    struct service *service = argument, **link = &services;
    int64_t delay = FIRST_DELAY;
    while (!stopping && service->listed) {
        cothread_event_reset(service->changed); /* what it told is looked at now */
        if (!service->wanted) {
            service->state = "stopped";
            cothread_event_wait(service->changed, NULL, COTHREAD_FOREVER);
            delay = FIRST_DELAY;
            continue;
        }
        int64_t began = cothread_now();
        unsigned version = service->version;
        run_once(service);
        if (stopping || !service->wanted || !service->listed || service->version != version)
            continue;
        if (cothread_now() - began >= STEADY)
            delay = FIRST_DELAY;
        service->state = "waiting";
        printf("%s: again in %d ms\n", service->name, (int)(delay / COTHREAD_MILLISECOND));
        cothread_event_wait(service->changed, NULL, cothread_after(delay)); /* or when told to */
        delay = delay * 2 < LONGEST_DELAY ? delay * 2 : LONGEST_DELAY;
    }
    while (*link != service)
        link = &(*link)->next;
    *link = service->next;
    cothread_close(service->changed);
    cothread_close(service->idle); /* a client that waits gets COTHREAD_ECLOSED */
    free(service);
    return NULL;
}

static struct service *find(const char *name) {
    struct service *service = services;
    while (service && strcmp(service->name, name) != 0)
        service = service->next;
    return service;
}

/* ---- The configuration ---- */

static struct { char name[NAME], command[LINE]; } entries[SERVICES];

static int read_entries(const char *path) {
    char line[LINE], blank[2];
    int count = 0, number = 0;
    const char *wrong = NULL;
    FILE *file = fopen(path, "re"); /* blocks for as long as a local disk does */
    if (!file)
        wrong = strerror(errno);
    while (!wrong && number++ >= 0 && fgets(line, sizeof line, file)) {
        if (line[strspn(line, " \t\r\n")] == 0 || *line == '#')
            continue;
        if (count == SERVICES || (!strchr(line, '\n') && !feof(file)))
            wrong = "too much";
        else if (sscanf(line, " %31s%1[ \t] %255[^\n]", entries[count].name, blank,
                        entries[count].command) < 3)
            wrong = "a line is a name and a program";
        for (int i = 0; !wrong && i < count; i++)
            if (strcmp(entries[i].name, entries[count].name) == 0)
                wrong = "the name is taken";
        count++;
    }
    if (file && ferror(file))
        wrong = strerror(errno); /* half a file is none: everything would end */
    if (wrong)
        printf("%s:%d: %s; nothing is changed\n", path, number, wrong);
    if (file)
        fclose(file);
    return wrong ? -1 : count;
}

static struct service *add(int entry) {
    struct service *service = calloc(1, sizeof *service);
    if (!service)
        return NULL;
    strcpy(service->name, entries[entry].name);
    service->state = "waiting";
    service->changed = cothread_event_create(0);
    service->idle = cothread_event_create(COTHREAD_MANUAL_RESET);
    if (service->changed < 0 || service->idle < 0 || start_in(keepers, keep, service) < 0) {
        cothread_close(service->changed);
        cothread_close(service->idle);
        free(service);
        return NULL;
    }
    cothread_event_signal(service->idle, NULL);
    service->next = services;
    return services = service;
}

/* Makes the services those of the file, or leaves all as it is and returns -1. */
static int reload(const char *path) {
    int count = read_entries(path);
    if (count < 0)
        return -1;
    for (struct service *service = services; service; service = service->next) {
        int entry = 0;
        while (entry < count && strcmp(entries[entry].name, service->name) != 0)
            entry++;
        if (entry == count) { /* its task ends the program, and then itself */
            service->listed = 0;
            cothread_event_signal(service->changed, NULL);
        }
    }
    for (int i = 0; i < count; i++) {
        struct service *service = find(entries[i].name);
        if (!service && !(service = add(i))) {
            printf("%s: cannot be added: there is no memory\n", entries[i].name);
            continue;
        }
        if (!service->listed) /* new; or it was gone, and is ending still */
            service->listed = service->wanted = 1;
        if (strcmp(service->command, entries[i].command) != 0) {
            strcpy(service->command, entries[i].command);
            service->version++;
            cothread_event_signal(service->changed, NULL);
        }
    }
    printf("%s: %d programs\n", path, count);
    return 0;
}

/* ---- Clients ---- */

static void obey(char *line, FILE *answer) {
    const char *verb = strtok_r(line, " \r\n", &line), *name = strtok_r(line, " \r\n", &line);
    struct service *service = name ? find(name) : NULL;
    int result = 0;
    if (verb && strcmp(verb, "list") == 0) {
        for (service = services; service; service = service->next)
            fprintf(answer, "%s %s pid %d starts %d\n", service->name, service->state,
                    service->pid, service->starts);
    } else if (!verb || (strcmp(verb, "start") && strcmp(verb, "stop") && strcmp(verb, "log"))) {
        fputs("error: list, start NAME, stop NAME or log NAME\n", answer);
        return;
    } else if (!service) {
        fputs("error: there is no such program\n", answer);
        return;
    } else if (strcmp(verb, "log") == 0) {
        for (unsigned i = service->lines < LINES ? 0 : service->lines - LINES; i != service->lines;
             i++)
            fprintf(answer, "%s\n", service->log[i % LINES]);
    } else {
        service->wanted = strcmp(verb, "start") == 0;
        cothread_event_signal(service->changed, NULL);
        if (!service->wanted) /* from here on the service may be gone */
            result = cothread_event_wait(service->idle, NULL, cothread_after(PATIENCE));
    }
    if (result < 0 && result != COTHREAD_ECLOSED)
        fprintf(answer, "error: %s\n", cothread_strerror(result));
    else
        fputs("ok\n", answer);
}

static void *serve(void *argument) {
    cothread_handle client = (cothread_handle)(intptr_t)argument;
    char line[LINE], *text = NULL;
    size_t size;
    int64_t n = 0;
    while (n >= 0 && (n = cothread_connection_read_until(client, "\n", 1, line, LINE - 1,
                                                         cothread_after(PATIENCE))) > 0) {
        line[n] = 0;
        FILE *answer = open_memstream(&text, &size); /* whole before it is written: what it tells */
        if (!answer)                                 /* of may be gone after a wait */
            break;
        obey(line, answer);
        n = fclose(answer) == 0 ? cothread_connection_write(client, text, size, NULL,
                                                            cothread_after(PATIENCE)) : -1;
        free(text);
    }
    cothread_connection_close(client, cothread_after(COTHREAD_SECOND));
    return NULL;
}

static void *welcome(void *argument) {
    cothread_handle listener = (cothread_handle)(intptr_t)argument;
    int told = 0;
    while (!stopping) {
        cothread_handle client = cothread_connection_accept(listener, COTHREAD_FOREVER);
        if (client >= 0 && start_in(clients, serve, (void *)(intptr_t)client) == 0) {
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

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: supervisor CONFIG PORT SOCKET\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN); /* the end of a reader of our standard output is not ours */
    cothread_handle scheduler = cothread_create(NULL), tcp, local;
    cothread_handle hangup, terminate, interrupt; /* open before there is anything to clean up */
    cothread_address address;
    char text[128];
    if (scheduler < 0 || (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ||
        (hangup = cothread_signal_open(SIGHUP, 0)) < 0 ||
        (terminate = cothread_signal_open(SIGTERM, 0)) < 0 ||
        (interrupt = cothread_signal_open(SIGINT, 0)) < 0 ||
        (keepers = cothread_group_create(0)) < 0 || (clients = cothread_group_create(0)) < 0 ||
        (tcp = cothread_listen("127.0.0.1", argv[2], NULL)) < 0 ||
        (local = cothread_listen_unix(argv[3], NULL)) < 0 ||
        cothread_connection_address(tcp, COTHREAD_LOCAL, &address) < 0 ||
        cothread_address_text(&address, text, sizeof text) < 0 ||
        start_in(clients, welcome, (void *)(intptr_t)tcp) < 0 ||
        start_in(clients, welcome, (void *)(intptr_t)local) < 0) {
        fprintf(stderr, "supervisor: %s\n", *cothread_last_error() ? cothread_last_error()
                                                                   : strerror(errno));
        return 1;
    }
    int status = reload(argv[1]) < 0;
    printf("listening on %s and %s\n", text, argv[3]);
    cothread_item items[] = {{.kind = COTHREAD_ITEM_SIGNAL, .object = hangup},
                             {.kind = COTHREAD_ITEM_SIGNAL, .object = terminate},
                             {.kind = COTHREAD_ITEM_SIGNAL, .object = interrupt}};
    while (!status && cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0) > 0 &&
           items[0].fired)
        reload(argv[1]);

    printf("stopping\n");
    stopping = 1;
    cothread_group_cancel(clients);
    cothread_group_cancel(keepers); /* each ends its program, under its shield */
    cothread_group_wait(clients, 0, COTHREAD_FOREVER);
    cothread_group_wait(keepers, 0, COTHREAD_FOREVER);
    printf("stopped\n");
    return cothread_destroy(scheduler, COTHREAD_NOW) != 0 || status; /* closes what is open yet */
}
