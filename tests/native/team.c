// Rounds of work for a team of threads (pysketch/native/team.h), fewer and more members than the time before, ended and
// begun anew, and in a fork. Ends with 1 if a piece was not done once, or two members were the same.
#include <stdio.h>
#include <sys/wait.h>

#include "team.h"

#define PIECES 23
#define MEMBERS 6

typedef struct {
    long done[PIECES], by[MEMBERS];
} Task;

static void piece(const void *of, long index, long member) {
    Task *task = (Task *)of;
    ++task->done[index];  // without a lock: the thread sanitizer sees two that do so at once
    ++task->by[member];
}

static long rounds(Team *team, long count) {
    long wrong = 0;
    for (long k = 0; k < count; ++k) {
        Task task = {0};
        long pieces = k * 7 % PIECES, members = 1 + k % (MEMBERS - 1), sum = 0;
        wrong += !share(team, piece, &task, pieces, members);
        for (long i = 0; i < PIECES; ++i) wrong += task.done[i] != (i < pieces);
        for (long i = 0; i < MEMBERS; ++i) sum += task.by[i], wrong += task.by[i] && i >= members;
        wrong += sum != pieces;
        if (k % 100 == 99) end_team(team);
    }
    return wrong;
}

int main(void) {
    Team team;
    found(&team);
    long wrong = rounds(&team, 450);
#ifndef __SANITIZE_THREAD__  // which takes no threads after a fork
    pid_t child = fork();
    if (child == 0) _exit(rounds(&team, 50) != 0);
    int status = 1;
    waitpid(child, &status, 0);
    wrong += status != 0;
#endif
    wrong += rounds(&team, 50);
    end_team(&team);
    printf("%ld wrong\n", wrong);
    return wrong != 0;
}
