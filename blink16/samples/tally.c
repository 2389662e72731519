/*
 * A DOS program in C:  blink16 tally.com anna bert otto
 *
 * It says how many words it was given, and how often each letter occurs in them.  With an address
 * like anna@home it miscounts the words (docs/tutorials/dos-c.md finds out why).
 *
 *     bcc -Md -0 -O -C-t -A-l -Atally.lst -M -o tally.com tally.c > tally.map
 */

#include <stdio.h>

struct {
    int words;
    int letters[26];
} seen;

/* Count a character, if it is a letter, in either case. */
void count(character)
int character;
{
    character |= 32;
    if (character < '`' || character > 'z')
        return;
    seen.letters[character - 'a']++;
}

/* Count a word and its letters. */
void read_word(word)
char *word;
{
    seen.words++;
    while (*word != 0)
        count(*word++);
}

/* Print a line for each letter that has occurred: itself, and a star each time. */
void report()
{
    int letter;
    int stars;

    printf("%d words\n", seen.words);
    for (letter = 0; letter < 26; letter++) {
        if (seen.letters[letter] == 0)
            continue;
        printf("%c ", 'a' + letter);
        for (stars = seen.letters[letter]; stars > 0; stars--)
            printf("*");
        printf("\n");
    }
}

int main(argc, argv)
int argc;
char **argv;
{
    int at;

    for (at = 1; at < argc; at++)
        read_word(argv[at]);
    report();
    return 0;
}
