/* TALLY FILE: writes lines to a file, reads them back, sorts them in memory that malloc() gives, and
   prints them, numbers first; the exit status is how many there were.  Made by bcc -Md -0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *words[10];

int read_back(name) char *name; {
  FILE *in = fopen(name, "r");
  char line[80];
  int n = 0;
  if (!in) return 0;
  while (n < 10 && fgets(line, 80, in)) {
    line[strcspn(line, "\r\n")] = 0;
    words[n] = malloc(strlen(line) + 1);
    strcpy(words[n++], line);
  }
  fclose(in);
  return n;
}

main(argc, argv) int argc; char **argv; {
  int i, j, n;
  char *t;
  FILE *out;
  if (argc < 2) { printf("usage: tally file\n"); return 99; }
  out = fopen(argv[1], "w");
  if (!out) { printf("no %s\n", argv[1]); return 98; }
  fprintf(out, "pear %d\napple %ld\nfig %x\n", 3, 70000L, 255);
  fclose(out);
  n = read_back(argv[1]);
  for (i = 0; i < n; i++)
    for (j = i + 1; j < n; j++)
      if (strcmp(words[i], words[j]) > 0) { t = words[i]; words[i] = words[j]; words[j] = t; }
  for (i = 0; i < n; i++) printf("%d %s\n", i + 1, words[i]);
  return n;
}
