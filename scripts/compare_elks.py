#!/usr/bin/env python3
"""Run every program of an ELKS floppy as a process, and under the floppy's own booted kernel.

    python scripts/compare_elks.py fd1440.img

A shell script with a line for each program runs twice: in a PC that boots the floppy, and in a
machine of processes that sees the floppy's files.  What the two print is compared, line by line;
differences that have a reason are told with it, others end with status 1.  Programs that need keys
(editors, shells, `screen`), hardware (`fdtest`, `mkfs`, `mouse`) or a network are not among them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from minix_disk import MinixDisk

ROOM = "/lib/nxworld.map"
"""A large file of the floppy, in whose place the script is put."""
STARTER = "/etc/net.cfg"
COMMANDS = r"""
ls /
ls -l /etc
ls -la /root
echo hello world
basename /a/b/c.txt
dirname /a/b/c
cat /etc/hosts
wc /etc/passwd
sort /etc/group
head -3 /etc/passwd
tail -2 /etc/passwd
grep -n tty /etc/inittab
sed s/root/ROOT/ /etc/passwd | head -2
cut -d : -f 1 /etc/passwd
tr a-z A-Z </etc/issue
uniq /etc/group | wc
od -c /etc/issue
hd /etc/issue
sum /etc/passwd
cmp /etc/passwd /etc/group
diff /etc/hosts /etc/issue
diff -r /root /home
file /bin/ls /etc/passwd /bin /dev/null
find /etc -name pass* -exec echo found {} \;
echo /etc/issue /etc/hosts | xargs wc
printenv
pwd
mkdir /tmp/d; ls -l /tmp; rmdir /tmp/d; ls /tmp
touch /tmp/f; ls -l /tmp; rm /tmp/f
cp /etc/issue /tmp/i; cat /tmp/i; mv /tmp/i /tmp/j; cat /tmp/j; rm /tmp/j
echo abc >/tmp/x; ln -s /tmp/x /tmp/y; cat /tmp/y; ls -l /tmp; rm /tmp/x /tmp/y
echo abc >/tmp/x; ln /tmp/x /tmp/z; ls -l /tmp; rm /tmp/x; cat /tmp/z; rm /tmp/z
mkdir /tmp/a; mv /tmp/a /tmp/b; ls /tmp; rmdir /tmp/b
echo x >/tmp/c; chmod 4755 /tmp/c; ls -l /tmp; chown 5 /tmp/c; chgrp 3 /tmp/c; ls -l /tmp; rm /tmp/c
mknod /tmp/p p; ls -l /tmp/p; rm /tmp/p
mknod /tmp/n c 1 3; echo hi >/tmp/n; ls -l /tmp/n; rm /tmp/n
uname -s -m
tty
stty -a
cal 1 2000
sleep 1
date | wc
time sleep 1
kill -l
kill 999
for i in 1 2 3; do echo $i; done
ls | sort | wc
echo `echo nested`
false
true
test -d /etc && echo yes
tar cf /tmp/t.tar /etc/issue /etc/hosts; tar tf /tmp/t.tar; rm /tmp/t.tar
tar cf - /etc/issue | compress -c | compress -dc | tar tvf - | wc
dd if=/etc/passwd of=/tmp/dd bs=64 count=2; cat /tmp/dd; rm /tmp/dd
split -l 5 /etc/passwd /tmp/sp; ls /tmp; rm /tmp/spaa /tmp/spab /tmp/spac /tmp/spad /tmp/spae
uuencode /etc/hosts /tmp/h | uudecode; cat /tmp/h; rm /tmp/h
du /etc
df
banner HI
clear | od -c
yes | head -3
tee /tmp/tee </etc/issue; cat /tmp/tee; rm /tmp/tee
more /etc/issue </dev/null
man
chmem /bin/ls
mount
umount /mnt
sync
sash -c 'echo sash'
rmdir /etc
rm /etc
cat /nonexistent
cp /etc /tmp/x
chmod 755 /nonexistent
chown 0 /etc/hosts
chgrp 0 /etc/hosts
basic </dev/null
"""
EXPLAINED = {
    "printenv": "the environment is what each was started with",
    "df": "there is no disk behind the files",
    "mount": "there is no disk behind the files",
    "time sleep 1": "the kernel counts in ticks of 10 ms",
}
PATIENCE = 600
"""Seconds for each of the two runs."""
KERNEL_LINES = re.compile(r"sys_brk\(\d+\) fail.*\n\n?|.*STACK.*BYTES\n")
"""What the kernel says itself."""


def script(commands: list[str]) -> str:
    """Return the shell script that runs them all, each apart."""
    lines = ["export PATH=/bin", "umask 022", "cd /root"]
    for number, command in enumerate(commands):
        lines += [f"echo '@@@ {number}'", f"( {command} ) </dev/null 2>&1", 'echo "@@@ = $?"']
    return "\n".join([*lines, "echo ALLDONE"]) + "\n"


def sections(printed: str) -> dict[int, tuple[str, str]]:
    """Return what each command printed, and its status."""
    text = KERNEL_LINES.sub("", printed.replace("\r", ""))
    pattern = re.compile(r"@@@ (\d+)\n(.*?)@@@ = (\d+)\n", re.DOTALL)
    return {int(found[1]): (found[2].strip("\n"), found[3]) for found in pattern.finditer(text)}


def run(*words: str, typed: str = "") -> str:
    """Return what a command of ours prints."""
    command = [sys.executable, "-c", "from blink16.cli import run_main; run_main()", *words]
    try:
        done = subprocess.run(
            command, input=typed.encode(), capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as late:
        print(f"{words[-1]} has taken more than {PATIENCE} seconds: what it printed counts")
        return (late.stdout or b"").decode("latin1")
    return done.stdout.decode("latin1") + done.stderr.decode("latin1")


def main(image: Path) -> int:
    """Compare; return the exit status."""
    commands = [line for line in COMMANDS.splitlines() if line]
    disk = MinixDisk(image.read_bytes())
    disk.overwrite(ROOM, script(commands).encode())
    disk.overwrite(STARTER, f"sh {ROOM} | cat\npoweroff\n".encode())
    with tempfile.TemporaryDirectory() as folder:
        floppy, root = Path(folder, "fd1440.img"), Path(folder, "root")
        floppy.write_bytes(disk.image)
        root.mkdir()
        disk.extract(root)
        booted = sections(run(str(floppy), typed=f"sh {STARTER}\n"))
        words = ["--date", "1970-01-01", "--root", str(root), str(root / "bin" / "sh"), ROOM]
        ours = sections(run(*words))
    unexplained = 0
    for number, command in enumerate(commands):
        kernel, process = booted.get(number), ours.get(number)
        if kernel == process and kernel is not None:
            continue
        reason = EXPLAINED.get(command) or EXPLAINED.get(command.split()[0])
        print(f"# {command}: {reason or 'NOT EXPLAINED'}")
        if reason is None:
            unexplained += 1
            print(f"--- the booted kernel\n{kernel}\n--- as processes\n{process}")
    same = len(commands) - unexplained
    print(f"{len(commands)} commands; {same} the same or explained, {unexplained} not")
    return 1 if unexplained else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
