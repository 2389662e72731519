"""A C program of bcc's for ELKS that sends itself signals and makes calls that change its memory.

``CONTENT`` is what ``bcc -0`` makes of ``SOURCE``, without its symbols; the lines in ``MAP`` are
those of as86's listing (``bcc -C-t -A-l``).  Tests need no compiler.
"""

from __future__ import annotations

from lined_program import LinedProgram

SOURCE = """\
#include <signal.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <time.h>
#include <sys/wait.h>

int caught, ends[2], status;
long now;
char text[8];
struct stat facts;

void on_hup(s) int s;
{
    caught = s;
}
void on_int(s) int s;
{
    caught = s;
}
void on_alarm(s) int s;
{
    caught = s;
}
void send(s) int s;
{
    kill(getpid(), s);
}
int main()
{
    int child;
    signal(SIGHUP, on_hup);
    signal(SIGINT, on_int);
    signal(SIGALRM, on_alarm);
    send(SIGHUP);
    send(SIGINT);
    send(SIGALRM);
    time(&now);
    pipe(ends);
    write(ends[1], "abcd", 4);
    read(ends[0], text, 8);
    stat(".", &facts);
    child = fork();
    if (child == 0)
        _exit(3);
    waitpid(child, &status, 0);
    signal(SIGALRM, on_alarm);
    alarm(1);
    for (caught = 0; caught == 0; )
        ;
    return 0;
}
"""
MAP = """\

 Start  Stop   Length Name                   Class
 00000H 0037FH 00380H _TEXT                  CODE

  Address         Publics by Value

 0000:0000       startup
 0000:0003       no_op
 0000:000C       on_hup
 0000:001B       on_int
 0000:002A       on_alarm
 0000:0039       send
 0000:004F       main
 0000:0134       time
 0000:0180       waitpid
 0000:0198       sys_call3
 0000:01A5       sys_call2
 0000:01AF       sys_call1
 0000:01B4       sys_call0
 0000:01C2       syscall_ok
 0000:01C4       ___exit
 0000:01CC       fork
 0000:01D4       read
 0000:01DC       write
 0000:01E4       wait4
 0000:01FE       syscall_err
 0000:0208       stat
 0000:0210       __getpid
 0000:0218       alarm
 0000:0220       kill
 0000:0228       pipe
 0000:0230       __signal
 0000:0238       gettimeofday
 0000:0240       __cstartup
 0000:024A       __mkargv
 0000:0253       auto_run
 0000:0267       run_main
 0000:026A       call_exit
 0000:0271       exit
 0000:0282       __exit
 0000:0288       getpid
 0000:02A0       signal
 0000:0356       system_signal

Line numbers for sent.o(sent.c) segment _TEXT

    15 0000:000C    16 0000:0011    17 0000:0017    19 0000:001B
    20 0000:0020    21 0000:0026    23 0000:002A    24 0000:002F
    25 0000:0035    27 0000:0039    28 0000:003E    29 0000:004B
    31 0000:004F    33 0000:0056    34 0000:0064    35 0000:0072
    36 0000:0080    37 0000:0089    38 0000:0092    39 0000:009B
    40 0000:00A6    41 0000:00AF    42 0000:00C1    43 0000:00D3
    44 0000:00E1    45 0000:00E7    46 0000:00EE    47 0000:00F7
    48 0000:0107    49 0000:0115    50 0000:011E    52 0000:012C

Program entry point at 0000:0000
"""
CONTENT = bytes.fromhex(
    "0103200420000000800300001c0000007c000000000000009880000000000000e93d02c3302e31362e31"
    "37005589e557568b4604a344005e5f5dc35589e557568b4604a344005e5f5dc35589e557568b4604a344"
    "005e5f5dc35589e55756ff7604e8440250e8d80183c4045e5f5dc35589e557564c4cbb0c0053b8010050"
    "e83f0283c404bb1b0053b8020050e8310283c404bb2a0053b80e0050e8230283c404b8010050e8b2ff44"
    "44b8020050e8a9ff4444b80e0050e8a0ff4444bb1c0053e8920089d34444bb200053e87b014444b80400"
    "50bb0e0053ff362200e81e0183c406b8080050bb480053ff362000e8040183c406bb240053bb0c0053e8"
    "2a0183c404e8e8008946fa8b46fa85c07509b8030050e88d01444431c050bb500053ff76fae87c0083c4"
    "06bb2a0053b80e0050e88e0183c404b8010050e8fc00444431c0a34400eb00a1440085c074f931c04444"
    "5e5f5dc35589e5575683c4f831c0508d5ef453e8f20083c40485c07d0fb8ffffbbffff89da83c4085e5f"
    "5dc38b460485c0740e8b5e048b46f48b76f689078977028b46f48b5ef689da83c4085e5f5dc35589e531"
    "c050ff7608ff7606ff7604e8520083c4085dc30089e38b57068b4f048b5f02eb0f89e38b4f048b5f02eb"
    "0589e38b5f02cd8085c07d08f7d8a31400b8ffffc300b80100e9e5ff0000b80200e9e2ff0000b80300e9"
    "beff0000b80400e9b6ff000089e3578b7f088b57068b4f048b5f02b80700cd805f85c07c01c3f7d8a314"
    "00b8ffffc300b81200e997ff0000b81400e999ff0000b81b00e987ff0000b82500e97fff0000b82a00e9"
    "81ff0000b83000e96fff0000b83e00e967ff00005989e389c840d1e001d850a354005351bb0800891e1a"
    "008b1f85db7402ffd38b1e1a004343ebece9e5fd5b50e80200ebfe89e3ff77028b1e180085db7402ffd3"
    "4444e93fff0000005589e557564c4c8d5efa53e87aff444444445e5f5dc300005589e5575683c4fc837e"
    "04017c06837e04207c10c70614001600b8ffff83c4045e5f5dc38b460685c07406837e06017511ff7606"
    "ff7604e856ff83c4048946f8eb10bb560353ff7604e844ff83c4048946f88b46f885c07d0ab8ffff83c4"
    "045e5f5dc38b460448d1e089c38b9f5800895efa8b460448d1e089c38b760689b758008b46f8eb1f31c0"
    "8d66fc5e5f5dc3b801008d66fc5e5f5dc38b46fa8d66fc5e5f5dc3eb0a2d000074dc2d010074e083c404"
    "5e5f5dc39c505351525657550689e38b5f145301db8b9f5600ffd34444075d5f5e5a595b589dc2020000"
    "00000000000000000000000067026a022e006162636400000000000000000000"
)
SEGMENT = 0x1000
PROGRAM = LinedProgram("sent", SOURCE, CONTENT, MAP, suffix="", segment=SEGMENT)
NOW, ENDS, FACTS, CAUGHT, TEXT, STATUS = (
    (SEGMENT << 4) + offset for offset in (0x39C, 0x3A0, 0x3A4, 0x3C4, 0x3C8, 0x3D0)
)
"""The linear addresses of the program's variables."""
