"""A C program of two files, each with a function of its own of the same name.

``COM`` is what bcc 0.16.21 makes of the sources by ``bcc -0 -Md -C-t -A-l -Amain.lst -c main.c``,
the same for the other, and ``bcc -0 -Md -M -o two.com main.o part.o``, whose map is ``MAP`` (these
files' names of it); the listings are without the compiler's remarks.  Tests need no compiler.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

MAIN = """\
extern int shared, outer();
static int helper(x) int x; { return x * 2; }
int main()
{
    int x;
    x = helper(4);
    x = outer(x);
    x += shared;
    return x;
}
"""
PART = """\
int shared;
static int helper(x) int x; { return x + 100; }
int outer(y)
int y;
{
    int z;
    z = helper(y);
    shared = z;
    if (z > 200)
        return outer(z - 50);
    return z;
}
"""
MAP = """\
                crt0                 no_op  0  00000103  R
                crt0             ZP_safety  1  00000000  r
                crt0            auto_start  1  00000008  R
                crt0               startup  0  00000100  R N
                main                 _main  0  0000011a  R
                main               _helper  0  0000010c  r
                part               _helper  0  0000014c  r
                part               _shared  3  00000024  R C
                part                _outer  0  0000015b  R
"""
COM = zlib.decompress(
    base64.b64decode(
        "eNp7uZHhsIGeoZmeoTlDaOfT8LBuN5aLD+LiYw+DeT4+O1gYAl48+e/i0un263/ZrxcaDGBmt9svZjYVBgjLxQWk"
        "Aa6fNYUByYD/ZSww/UCli1UYgKTtCYY6ISDNeu5/wItrQEmICQijGDof/y9n6paTYmi9XcL0/zJQ++Nud6YtPmcV"
        "zyrsYDA4q2jDVPS151TjIRWGvls9bHIMagt1GBbLMKh1yzEx9NxgZRAoYrO8UczUebjnhObhLV5nFYtZQGTjaxWG"
        "jSyXHze/Zuq71Hmn79B+FYadOgyaPw0P/Pm86r+ZBMMOEYaAHYwMAfs4GLplILa7ub3+Eh3wIuv/639ATx1n42FQ"
        "Y9jx/z/InTAgxajJBKJ1gFgBiMWg4s5ADAB6CI7D"
    )
)
MAIN_LISTING = zlib.decompress(
    base64.b64decode(
        "eNqdl9tu2zAMhq/jp9C6m6bLCutgOWnRATnYwG67y2IonNhYAqRJYDubh2LvPpOyG9mLvTICWiCpPooi+VOs67ou"
        "Z+9fHxh3SsQVNIZ9LH+uXqLN7nZ1hQYk0UBS5Em6Y5tdzrJ1lCbxiO2P5VfXw3u055HsCZblUb5Zob11sj2Uhooh"
        "firu2StLk/xYnlawGybu2R88QXdYc6v1xfru2di8Q3CMW6y/et3OHo7ZerA8IDdhreSMJ0EX+bL/WWKjDEnuslaE"
        "Pb//xHiDHAdO2Zzu5zLDSdbKwHimTmTDInoaFSP1tDx8R1gxjNFpLXjgdhyarbcA32ARcg3k1HY36HZ3f6i99QGb"
        "2VjYi1XBwTTObWzRi5kscsyivXPeXfpl2QEjaIqUWLcgrush4jRxKvaKFEWRSXHYp/ngGQ5FWPWLI2iIAyiUhqCp"
        "1uw2IkXcJ+GmIgv2UCtemd4hMLMBWaACUxteIFAJAuWcLFAJAuWCLFApGKr0tNS8k4uT1aByE3TNFRnzALMDMRuf"
        "Lw311g5uFJKgaG5v9tz++0UFcpDBUmmnFZyMhGHQqM5VtN0OqgaNMKSR2xdTqvPQza6+pcIcLsgYpiJoFI3VK8Np"
        "u2g+a+iUI3PRniPOVbz/VvHmrSxMwSsIc6PJhKHf5QOG2TiBLIS6IXcr1O1n0IQaz0YWIt0Q7btC5kGkxZiMQaTF"
        "5MJIe7RIj6tIf3qoxhMMtIeBnnc9jP+6UCrhFGoPHiph95eyceiOUEdxDPTTszneGIBcSXlhBLRLisCkfsFwcMLr"
        "a2hXUl94fQ35kxNq2jU0LTklYzCGyBl1mNDQ6+ScOkxoKAy5oA4TGipCBqRhQk9ok7Zrxl2fln2OE5nP26Nuz7qN"
        "ozxCSlCoZZYhJPE3TaUuS9J0n2blY5UnqzyJHefb75flfpvdOdWLcH6KMQ4+1sNL17Bj5ohHFjim6Z3fFtbWvrJK"
        "rf/Z5uC/A7Xz1YdfUbrb7H5kzl8gzGMm"
    )
)
PART_LISTING = zlib.decompress(
    base64.b64decode(
        "eNqdl91O20AQha/jp9gCF9CGaP+8dkBFgsR+gPQSVchJ3JIqf7JNmwT13euZdWAdsJshEkiB/caze/acXXPOuWDH"
        "fz4x4ZUIlzSGnZY/J+skK3qTEyygiAVmy4Llj0mWTq+R90m8ZHmRFLMJlnlM5+s0O99c4LfNNXtmWVo8ZUu2YV+Y"
        "4Pya/cVnmIZ6vPrcOH97sFWvEAxxiPNfv7nd9VP+2BmvkeuzAznCftRELla/S6ybIyk4O1hTP2h/4nSGnABOu5xp"
        "53LLKXagQXinX8laRew02XT1/Xj9HWGf4Ro5C+q/u8qmLJNMpwB/PjMaWQPsndtw1Nzwar3vNwBs4GJxK1YtDwo5"
        "dLFhK2Z1FKij29egebuXWw8YSXOhwr27eirKjby9wAI0S2ossEUzSYoZ0816lRWdB3w20rrdJnHNJoihS6QhNeyz"
        "Z6QCEmWfAVPd2an2Sbh92I593YfG9gLLKPRbTHa4Ar8J/gGHKwmkJDtcgVOFIjtcaeBcafWgkZumk07VJnhb+GQM"
        "/CncxuI4aMoT7PIlTRSYTbiyRqFTJaqhk2Q+71RRDbAGHYXbodaN7c6W+3Y1yjgkY6hFVFPfSc349lD9SwOz7CYb"
        "pGlHnl0Ee2SW+9dufw3rXIuaWm6/7aCMXtsE0hCHNbvfqprbbw7o+wf7/P0UfE6aghV19oOd79gNk5xj0PnghFoM"
        "UObggwbSHaOG72bXoFzAyWIN9OnZIEQWPCHd4YErZs2d7Nc8ZZ0e3pYas8EGpKwlZE9iOvq0dHQypbrL2LNhxy6Z"
        "z21o+Shf/MGFM2AVJf93asfxIHo9tS/PlEQYDKPc8S1bAf1tN4wBtZRpMvfQvDX3y7lkQC3Vp5rUQIKpWzIGzlJ3"
        "ZAw0UeQAMhB6tY171DUoQA0j6jUoQPVi6jUoAKNqTroGBZq27YW75W3GBe1u06LmNoFuC+BaqT+aiwFoX9PtKBED"
        "0L6W6sdhoL02VO1D0F4HVO1D0F6HVO1D1L5P0j4kai/ta1pIOxeFQsgcvqK1fHrTpEiQCijUOM8RCinQZLVYdKpj"
        "s4vZGfbhd592dHKWZtkqy8s7VpFOinTqed+2i/Fqnl95vZZXDW59MMKDqH1YeZKMvOou1TionPfo5drfXKu8So9Y"
        "5FXzfncYvnHKctjAw3fl/QyrL3+SbDlb/sy9f5jF32U="
    )
)


def write(folder: Path) -> list[str]:
    """Write program, map, listings and sources; return what a server is to be told."""
    (folder / "two.com").write_bytes(COM)
    (folder / "two.map").write_text(MAP)
    (folder / "main.c").write_text(MAIN)
    (folder / "part.c").write_text(PART)
    (folder / "main.lst").write_bytes(MAIN_LISTING)
    (folder / "part.lst").write_bytes(PART_LISTING)
    told = ("two.map", "main.lst", "part.lst")
    return [*(word for name in told for word in ("--symbols", name)), "two.com"]
