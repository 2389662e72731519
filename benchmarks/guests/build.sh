#!/bin/sh
# Assemble the guests again, after a change of their sources (needs nasm).
cd "$(dirname "$0")" || exit
for guest in sieve calls strings mixed pages; do
    nasm -f bin -o "$guest.bin" "$guest.asm"
done
