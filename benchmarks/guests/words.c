/* An ELKS program: makes words, sorts them, counts and prints, as often as argv[1] says.
   Build: bcc -ansi -0 -O -o words words.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 300
#define LENGTH 12

static char words[WORDS][LENGTH];
static char *order[WORDS];
static unsigned seed = 1;

static unsigned next_random()
{
    seed = seed * 25173u + 13849u;
    return seed >> 4;
}

static void make_words()
{
    int i, n, length;
    for (i = 0; i < WORDS; i++) {
        length = 3 + next_random() % (LENGTH - 4);
        for (n = 0; n < length; n++)
            words[i][n] = 'a' + next_random() % 26;
        words[i][n] = 0;
        order[i] = words[i];
    }
}

static void sort_words()
{
    int gap, i, j;
    char *word;
    for (gap = WORDS / 2; gap > 0; gap /= 2)
        for (i = gap; i < WORDS; i++) {
            word = order[i];
            for (j = i; j >= gap && strcmp(order[j - gap], word) > 0; j -= gap)
                order[j] = order[j - gap];
            order[j] = word;
        }
}

static unsigned checksum()
{
    unsigned sum = 0;
    int i;
    char line[80], *p;
    for (i = 0; i < WORDS; i++) {
        sprintf(line, "%d %s %u", i, order[i], (unsigned)strlen(order[i]));
        for (p = line; *p; p++)
            sum = (sum << 1 | sum >> 15) ^ *p;
    }
    return sum;
}

int main(argc, argv)
int argc;
char **argv;
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    unsigned sum = 0;
    while (rounds-- > 0) {
        make_words();
        sort_words();
        sum += checksum();
    }
    printf("%u\n", sum);
    return 0;
}
