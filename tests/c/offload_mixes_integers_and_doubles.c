/* A function gets its integers, pointers and doubles in whichever order it takes them, up to 6 and 8, and returns what it
 * says; a variadic one too.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static double mixed(double a, int b, double c, const char *d, int64_t e, double f, double g, unsigned char h, double i, double j,
                    int16_t k, double l, double m) {
    return a + b * 10 + c * 100 + (double)strlen(d) * 1000 + (double)e * 1e4 + f * 1e5 + g * 1e6 + h * 1e7 + i * 1e8 + j * 1e9 + k * 1e10 +
           l * 1e11 + m * 1e12;
}

static double only_doubles(double a, double b, double c, double d, double e, double f, double g, double h) {
    return ((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g) * 10 + h;
}

static int64_t only_integers(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f) {
    return ((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f;
}

static int negative(void *word, double unused, int n) {
    (void)unused;
    *(int *)word = n;
    return n;
}

static void *same(double unused, void *pointer) {
    (void)unused;
    return pointer;
}

static void nothing(int64_t n) {
    (void)n;
}

static int no_arguments(void) {
    return 7;
}

/* Every order of three integers and three doubles, as a tree of calls would have them. */
#define ORDER(name, t1, t2, t3, t4, t5, t6)                                      \
    static double name(t1 a, t2 b, t3 c, t4 d, t5 e, t6 f) {                     \
        return (double)a + (double)b * 10 + (double)c * 100 + (double)d * 1e3 + (double)e * 1e4 + (double)f * 1e5; \
    }
#define ORDERS(X)       \
    X(0, 0, 0, 1, 1, 1) \
    X(0, 0, 1, 0, 1, 1) \
    X(0, 0, 1, 1, 0, 1) \
    X(0, 0, 1, 1, 1, 0) \
    X(0, 1, 0, 0, 1, 1) \
    X(0, 1, 0, 1, 0, 1) \
    X(0, 1, 0, 1, 1, 0) \
    X(0, 1, 1, 0, 0, 1) \
    X(0, 1, 1, 0, 1, 0) \
    X(0, 1, 1, 1, 0, 0) \
    X(1, 0, 0, 0, 1, 1) \
    X(1, 0, 0, 1, 0, 1) \
    X(1, 0, 0, 1, 1, 0) \
    X(1, 0, 1, 0, 0, 1) \
    X(1, 0, 1, 0, 1, 0) \
    X(1, 0, 1, 1, 0, 0) \
    X(1, 1, 0, 0, 0, 1) \
    X(1, 1, 0, 0, 1, 0) \
    X(1, 1, 0, 1, 0, 0) \
    X(1, 1, 1, 0, 0, 0)
#define T0 int64_t
#define T1 double
#define FUNCTION(a, b, c, d, e, f) ORDER(order_##a##b##c##d##e##f, T##a, T##b, T##c, T##d, T##e, T##f)
ORDERS(FUNCTION)
#define ROW(a, b, c, d, e, f) {(cothread_job_function)order_##a##b##c##d##e##f, {a, b, c, d, e, f}},
static const struct {
    cothread_job_function function;
    int is_double[6];
} orders[] = {ORDERS(ROW)};

static int run(cothread_job job, cothread_value *result) {
    int rc = cothread_offload(0, &job, COTHREAD_FOREVER);
    expect(job.called, 1);
    *result = job.result;
    return rc;
}

int main(void) {
    cothread_value result;
    char text[64] = "";
    int word = 0;
    handle(cothread_create(NULL));
    expect(run(JOB(mixed, COTHREAD_TYPE_DOUBLE, DOUBLE(1), INT(2), DOUBLE(3), POINTER("four"), LONG(5), DOUBLE(6), DOUBLE(7), INT(8),
                   DOUBLE(9), DOUBLE(1), INT(2), DOUBLE(3), DOUBLE(4)), &result), 0);
    expect(result.number == 4321987654321., 1);
    expect(run(JOB(only_doubles, COTHREAD_TYPE_DOUBLE, DOUBLE(1), DOUBLE(2), DOUBLE(3), DOUBLE(4), DOUBLE(5), DOUBLE(6), DOUBLE(7),
                   DOUBLE(8)), &result), 0);
    expect(result.number == 12345678., 1);
    expect(run(JOB(only_integers, COTHREAD_TYPE_LONG, LONG(1), LONG(2), LONG(3), LONG(4), LONG(5), LONG(6)), &result), 0);
    expect(result.integer, 123456);
    expect(run(JOB(negative, COTHREAD_TYPE_INT, POINTER(&word), DOUBLE(0), INT(-5)), &result), 0);
    expect(result.integer, -5);
    expect(word, -5);
    expect(run(JOB(same, COTHREAD_TYPE_POINTER, DOUBLE(0), POINTER(&word)), &result), 0);
    expect(result.pointer == &word, 1);
    expect(run(JOB(nothing, COTHREAD_TYPE_VOID, LONG(9)), &result), 0);
    expect(result.integer, 0);
    cothread_job none = {.size = sizeof none, .function = (cothread_job_function)no_arguments, .type = COTHREAD_TYPE_INT};
    expect(run(none, &result), 0);
    expect(result.integer, 7);
    expect(run(JOB(snprintf, COTHREAD_TYPE_INT, POINTER(text), LONG(sizeof text), POINTER("%g %d %g %s"), DOUBLE(1.5), INT(2), DOUBLE(-3),
                   POINTER("x")), &result), 0);
    expect(strcmp(text, "1.5 2 -3 x"), 0);

    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        cothread_argument arguments[6];
        cothread_job job = {.size = sizeof job, .function = orders[o].function, .arguments = arguments, .count = 6,
                            .type = COTHREAD_TYPE_DOUBLE};
        for (int i = 0; i < 6; i++) {
            if (orders[o].is_double[i])
                arguments[i] = (cothread_argument)DOUBLE(i + 1);
            else
                arguments[i] = (cothread_argument)LONG(i + 1);
        }
        expect(run(job, &result), 0);
        expect((int64_t)result.number, 654321);
    }

    /* More than the registers hold, and what is no argument. */
    cothread_argument many[16];
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)nothing, .arguments = many};
    for (int i = 0; i < 16; i++)
        many[i] = (cothread_argument)LONG(i);
    job.count = 7;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    job.count = 15;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    for (int i = 0; i < 16; i++)
        many[i] = (cothread_argument)DOUBLE(i);
    job.count = 9;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    job.count = 1;
    many[0].type = COTHREAD_TYPE_VOID;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    many[0].type = 8;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    many[0] = (cothread_argument)LONG(1);
    many[0].size = 8;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    many[0] = (cothread_argument)IN(NULL, 8);
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    many[0] = (cothread_argument)IN(text, 1u + (1u << 30));
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    many[0] = (cothread_argument)LONG(1);
    job.type = COTHREAD_TYPE_IN;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    job.type = COTHREAD_TYPE_VOID;
    job.flags = 2;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    job.flags = 0;
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), 0);
    return nothing_left();
}
