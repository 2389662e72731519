/*
 * An ELKS program that forks:  blink16 crew anna bert chloe
 *
 * Each name is enrolled in a crew; then a child for each of them counts the letters of its name and
 * says so through a pipe, and the parent adds them up.  A name that is too long for its bunk ends
 * in a child that crashes.  It lies in the parent's past why (docs/tutorials/fork.md).
 *
 *     bcc -0 -O -C-t -A-l -Acrew.lst -o crew crew.c
 */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUNKS 4
#define LENGTH 8

struct {
    char name[LENGTH];
    int (*job)();
} crew[BUNKS];
int members;
int channel[2];

/* Write a text on standard output. */
void say(text)
char *text;
{
    write(1, text, strlen(text));
}

/* Write a number of up to three digits. */
void say_number(number)
int number;
{
    char digits[4];
    int at = 3;

    digits[at] = 0;
    do {
        digits[--at] = '0' + number % 10;
        number /= 10;
    } while (number != 0 && at != 0);
    say(digits + at);
}

/* A child's job: count the letters of a name. */
int count_letters(name)
char *name;
{
    return strlen(name);
}

/* Give a name a bunk. */
void enrol(name)
char *name;
{
    strcpy(crew[members++].name, name);
}

/* What a child does. */
void work(at)
int at;
{
    char letters = (*crew[at].job)(crew[at].name);

    write(channel[1], &letters, 1);
    _exit(0);
}

/* Let a child do its job for each name, and add up what they say. */
int muster()
{
    int at, status, sum = 0;
    char letters;

    for (at = 0; at < members; at++) {
        if (fork() == 0)
            work(at);
        wait(&status);
        if (status != 0) {
            say(crew[at].name);
            say(" is lost\n");
            return -1;
        }
        read(channel[0], &letters, 1);
        sum += letters;
    }
    return sum;
}

int main(argc, argv)
int argc;
char **argv;
{
    int at, sum;

    for (at = 0; at < BUNKS; at++)
        crew[at].job = count_letters;
    pipe(channel);
    for (at = 1; at < argc && at <= BUNKS; at++)
        enrol(argv[at]);
    sum = muster();
    if (sum < 0)
        return 1;
    say("a crew of ");
    say_number(members);
    say(", ");
    say_number(sum);
    say(" letters\n");
    return 0;
}
