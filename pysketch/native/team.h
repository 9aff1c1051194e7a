// A team of threads that share work without Python's lock: whoever is free takes the next piece.
//
// Layers are short and follow each other closely, and to wake a sleeping thread takes as long as many of them: so a
// helper that has nothing to do looks for work SPIN nanoseconds long before it sleeps, and so does the caller for the
// end of what others do. Not so where there are more threads than cores, whom that would only hinder. Each thread keeps
// to cores of its own, as in pysketch/device/cores.py.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() ((void)0)
#endif

#define SPIN 200000

typedef void (*Work)(const void *task, long index, long member);

typedef struct Team Team;

typedef struct {
    Team *team;
    long member;      // 1, 2, ...; the caller is 0
    pthread_t thread;
#if defined(__linux__)
    cpu_set_t own;    // the cores that it keeps to, if it is told to
#endif
} Helper;

struct Team {
    pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    atomic_long round;    // how often work was handed out
    atomic_long left;     // helpers that have not ended this round
    atomic_long next;     // the next piece
    Work work;
    const void *task;
    long count, members;  // pieces; how many take part, the caller included
    atomic_int busy;         // whether somebody's work is under way
    atomic_int awake, over;  // whether they look before they sleep; whether they end
    pid_t process;
    long size;            // helpers that there are
    Helper *helpers;
};

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

// Looks SPIN nanoseconds long whether *value is still `same`; true if it is not.
static int changes(atomic_long *value, long same, int awake) {
    if (atomic_load(value) != same) return 1;
    if (!awake) return 0;
    for (long end = now() + SPIN; now() < end;)
        for (int k = 0; k < 32; ++k) {
            if (atomic_load_explicit(value, memory_order_acquire) != same) return 1;
            PAUSE();
        }
    return 0;
}

static void do_pieces(Team *team, long member) {
    for (long k; (k = atomic_fetch_add(&team->next, 1)) < team->count;) team->work(team->task, k, member);
}

static void *helper_main(void *of) {
    Helper *helper = of;
    Team *team = helper->team;
    for (long seen = 0;;) {
        if (!changes(&team->round, seen, team->awake)) {
            pthread_mutex_lock(&team->mutex);
            while (atomic_load(&team->round) == seen) pthread_cond_wait(&team->begun, &team->mutex);
            pthread_mutex_unlock(&team->mutex);
        }
        seen = atomic_load(&team->round);
        if (team->over) return NULL;
        if (helper->member < team->members) do_pieces(team, helper->member);
        if (atomic_fetch_sub(&team->left, 1) == 1) {
            pthread_mutex_lock(&team->mutex);
            pthread_cond_signal(&team->ended);
            pthread_mutex_unlock(&team->mutex);
        }
    }
}

// A team of the caller alone.
static void found(Team *team) {
    memset(team, 0, sizeof(Team));
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->ended, NULL);
    team->process = getpid();
}

static void begin(Team *team) {
    atomic_store(&team->left, team->size);
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->round, 1);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->mutex);
}

// Ends the helpers; in a fork of the process that made them there are none.
static void end_team(Team *team) {
    if (team->process == getpid()) {
        team->over = 1;
        begin(team);
        for (long k = 0; k < team->size; ++k) pthread_join(team->helpers[k].thread, NULL);
        team->over = 0;
    }
    free(team->helpers);
    team->helpers = NULL;
    team->size = 0;
}

// Enough helpers for so many members; how many members there are then: fewer if no more threads can be had.
static long recruit(Team *team, long members) {
    if (team->size >= members - 1) return members;
    end_team(team);
    team->helpers = calloc(members - 1, sizeof(Helper));
    if (!team->helpers) return 1;
    atomic_store(&team->round, 0);
    for (long k = 0; k < members - 1; ++k, ++team->size) {
        team->helpers[k] = (Helper){.team = team, .member = k + 1};
        if (pthread_create(&team->helpers[k].thread, NULL, helper_main, &team->helpers[k])) break;
    }
    return team->size + 1;
}

#if defined(__linux__)
// The caller and the helpers on cores of their own, if there are as many: what the caller may use is left in `allowed`.
static int spread(Team *team, cpu_set_t *allowed) {
    if (sched_getaffinity(0, sizeof(*allowed), allowed)) return 0;
    long cores = CPU_COUNT(allowed), here = sched_getcpu(), before = 0;
    if (cores < team->members) return 0;
    int ring[CPU_SETSIZE];
    for (int core = 0, k = 0; core < CPU_SETSIZE && k < cores; ++core)
        if (CPU_ISSET(core, allowed)) {
            if (core < here) before = k + 1;
            ring[k++] = core;
        }
    if (before >= cores) before = 0;
    for (long member = 0; member < team->members; ++member) {
        cpu_set_t own;
        CPU_ZERO(&own);
        long first = cores * member / team->members, last = cores * (member + 1) / team->members;
        for (long k = first; k < last; ++k) CPU_SET(ring[(before + k) % cores], &own);
        Helper *helper = member ? &team->helpers[member - 1] : NULL;
        if (!helper) {
            sched_setaffinity(0, sizeof(own), &own);
        } else if (!CPU_EQUAL(&helper->own, &own)) {
            pthread_setaffinity_np(helper->thread, sizeof(own), &own);
            helper->own = own;
        }
    }
    return 1;
}
#endif

static void share_out(Team *team, Work work, const void *task, long count, long members) {
    team->work = work, team->task = task, team->count = count, team->members = members;
    atomic_store(&team->next, 0);
    team->awake = 0;
#if defined(__linux__)
    cpu_set_t allowed;
    team->awake = spread(team, &allowed);
#endif
    begin(team);
    do_pieces(team, 0);
    for (long left; (left = atomic_load(&team->left));)
        if (!changes(&team->left, left, team->awake)) {
            pthread_mutex_lock(&team->mutex);
            while (atomic_load(&team->left)) pthread_cond_wait(&team->ended, &team->mutex);
            pthread_mutex_unlock(&team->mutex);
        }
#if defined(__linux__)
    if (team->awake) sched_setaffinity(0, sizeof(allowed), &allowed);
#endif
}

// work(task, index, member) for every index < count, by at most so many threads, each a member of its own. False, and
// nothing is done, if another thread's work is under way: members have memory of their own, but only one piece at a
// time.
static int share(Team *team, Work work, const void *task, long count, long members) {
    if (team->process != getpid()) found(team);  // a fork has no threads but the caller's
    if (atomic_exchange(&team->busy, 1)) return 0;
    if (members > count) members = count;
    if (members > 1) members = recruit(team, members);
    if (members < 2)
        for (long k = 0; k < count; ++k) work(task, k, 0);
    else
        share_out(team, work, task, count, members);
    atomic_store(&team->busy, 0);
    return 1;
}
