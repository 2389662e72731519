"""C programs for ELKS as bcc makes them, with their sources.

They are kept as bytes so that the tests need no compiler; `test_elks_processes` compiles them
anew where bcc is there.  The heap field of their headers is set to `HEAP`, so that many fit.
"""

from __future__ import annotations

import base64
import zlib

HEAP = 0x1400
"""Bytes of data, heap and stack."""
SAY = r"""
say(s, n) char *s; int n; {
  char b[40]; int i = 0, j; char d[6]; unsigned u;
  while (*s) b[i++] = *s++;
  b[i++] = ' ';
  if (n < 0) { b[i++] = '-'; n = -n; }
  u = n; j = 0; do { d[j++] = '0' + u % 10; u /= 10; } while (u);
  while (j) b[i++] = d[--j];
  b[i++] = '\n'; write(1, b, i);
}
"""
"""What they all print with."""

RING = r"""
/* Fifty processes in a ring of pipes: a byte goes round, one more at each. */
main() {
  int i, n, first[2], here, next[2], pid; char c;
  n = 50; pipe(first); here = first[0];
  for (i = 1; i < n; i++) {
    pipe(next); pid = fork();
    if (pid < 0) { say("no fork", i); return 1; }
    if (pid == 0) {
      close(next[0]); close(first[1]);
      if (read(here, &c, 1) == 1) { c++; write(next[1], &c, 1); }
      _exit(0);
    }
    close(here); close(next[1]); here = next[0];
  }
  c = '0'; write(first[1], &c, 1); read(here, &c, 1); say("round", c - '0');
  while (wait(&i) > 0) ;
  return 0;
}
"""
_RING = (
    r"c-mD`QA-"
    r"q26h1RMj*A3^6eXE0;Zu?9L=+T(;BxJ)iJ?T&*_Wt?KtbA#AW@hW_Ilaph@Qef;8QFt#Kdf}NW!!&A`}vB(j7(?QBhf}"
    r"+qt`DyTdTwnRC8#&UeneN+hPm0N_LfpdV3#!{=lZf)A<}A26;B7}wz*T_3sc6l?h_K*@g2-m&-"
    r"_HIZOshmx(lg3fyI3UYSM;tu-x4V97&Mm93;^l6c<7rMdX6>y3ga-CwgogDWX(G(Hs8t=yxk>2IKh)6JVc4&$87C%s&q"
    r"JB$()R{RF4rWRCKe)+%$)Mqye5{eZ#n%*xn|wu)!fGgtk@_GiL%2!yrz3$a7UFGHcKKUbrL|{PI<Q^*XNND$!Z8$nRtg"
    r"Vsy1K<rVeyPRvu(JCV;pW~#c(MpJH_3whuPW?wKYb{*t~q3)|AD$VUbN#FfiBo(oL-$g+j$!h-"
    r"HT>jOe(jo;Lqw^c(IaqEn(X`7Oy7J|m?<7w`;p#KC05#{|ETz{p~Dcu9`lAdKOel+eZ<e+thrNg{re*Q#qt>LNa}zO{A"
    r"l!tNqn&e;`9Zihd|9q3N+svH^bhEd+z{)g1}<o&>-"
    r"z*nTTybvZIMSgVLqg6JdvpX6~s^M|`X<8j<CDr9woH@F;I^PSJ;sN#v)&)Rbh2V$82n6pXY7o4Ws6+4(kyc08O!TO3z7"
    r"v*blNtAg;<ePe2*GRQj?yYE4SxQvteW%vVBIZ5f%aVhc0Tj<sVcrOw1<YmjiB%M1Cy%|{-IUzOl5sBXc7{M;IV-"
    r"ACsb?d)MRSnAxuoh9!*X?X^H&>7HN6E"
)

BOMB = r"""
/* Forks until it is refused, and ends them all by a signal to its group. */
extern int errno;
main() {
  int p, n, st; n = 0;
  while ((p = fork()) > 0) n++;
  if (p == 0) { pause(); _exit(0); }
  say("forks", n); say("errno", errno);
  signal(15, (int (*)())1); kill(0, 15);
  st = 0; p = 0;
  while (wait(&st) > 0) { p++; if (st != 15) say("status", st); }
  say("ended", p); say("errno", errno);
  return 0;
}
"""
_BOMB = (
    r"c-mD`Ur1A76hHTRy&KEWLLwz~FFxgDH-`BV2wtuRLDz;Z6E^~955WZ8t`L^e8u<AkMlZb-KKLHJH5kODJ4_^DE-66?X-"
    r"M~SqaK1O!@8Z%t)(BA@BI6n-"
    r"?`^}hpX`lUI2Jn0}wzdL*+D<g%#xuf2Y*dDP4s@vL6~sW=oPzltbG^mBSuX%ma=nrIbGVlQNMwV>a`Wu9`7kmL2Ud(+)"
    r"v11<9=7bag<c4XtTrr8!X3^`M$JcxIu-lD=_hF#aODO7<n>#3CiC6tC4o{H&uDGZ&E}z$g~O#h~fqWEqQpcC=FFJVu(U"
    r"rRvbCgJZsARt!f*jY<Qb7<WFIE!s^qEcBAFK$SdJ$@h~V-"
    r"0DJ~GcRvpV8Qi7PkgC{Y|eP?o$uSCikQ+LHl6bO&@bti6_F?+W%n8@k)z65#slVKsP%(Nl^iDIjuWV|I^VZ0%N4*dU<T"
    r"?qy$^N^WgsP2#-"
    r"04Hb@pFM4pF<Os(Y}yqvaRFTR}EeGlorz$!vhNEaeY=8TgJ&lAOWb5a*1aqX}upQO)ZJc8?mQKtm$EDbNUS*P~I^YEg^"
    r"u8*|vO`(S&e12Dw^EMo0D0BIhquS^PHy+uh1Av)`>@}ym`F&9bcGn{cEw*{<MET<i;=S=#+T0%KY3S_NkbC26rR{{_m$"
    r"hd*DUIE&c+KKbdM~ZrHul?P6@Owlxd9eSGf-"
    r"}w2RzH*hvTWT$ntwZblzb#`Ga}yJnTGdb2V7v~aTnN3j$bg2L6J+Gb2Jf0VQMVM*191xUK3=Vv5E)R9NYJtOc(k$_lQB"
    r"4yMcsDRZ|nmn{Gh3-"
    r"6rXa<3|jOqpE1Q$Q8}@_yFR&J`Uo070MTCaNyQZXi#MHZVYlebh!&yQ?AiS_|EXi?U(O(ICYlzXMA*WGByFx*jRK7rs8"
    r"+wi76<%#wRB4PyNUK1wmV|EC"
)

SIGNALS = r"""
/* Signals to handlers and by default, alarms, and calls that they interrupt. */
extern int errno; int got;
hand(n) int n; { got = n; }
main() {
  char b[2]; int p, st, i, fd[2];
  signal(14, hand); alarm(1); say("pause", pause()); say("got", got); say("errno", errno);
  for (i = got = 0; i < 3; i++) { signal(14, hand); alarm(1); pause(); got += 100; }
  say("loop", got);
  pipe(fd); signal(14, hand); alarm(1); say("read", read(fd[0], b, 1)); say("errno", errno);
  if ((p = fork()) == 0) { alarm(1); pause(); _exit(1); }
  wait(&st); say("alarmed", st);
  if ((p = fork()) == 0) for (;;) ;
  kill(p, 9); wait(&st); say("killed", st);
  if ((p = fork()) == 0) { signal(10, hand); pause(); _exit(got); }
  for (i = 0; i < 20000; i++) ;
  kill(p, 10); wait(&st); say("handled", st);
  say("kill 0", kill(p, 15)); say("errno", errno);
  say("signal 9", (int)signal(9, hand)); say("errno", errno);
  close(fd[0]); signal(13, hand); say("write", write(fd[1], "x", 1));
  say("errno", errno); say("got", got);
  if (fork() == 0) { signal(13, (int (*)())0); write(fd[1], "x", 1); _exit(1); }
  wait(&st); say("pipe", st);
  return 0;
}
"""
_SIGNALS = (
    r"c-mD|Z)h837=P|^xz<qKhEtidZN3a)rKQ0!Q4lK)*ZO7N3|rRCUI-?x#n_ZAP5U9+GP9OkUxN5SMNo&-"
    r"kA6@P4LcaYq_YesSyskiL(0nFjuV+$yHd-}=efHaSxD}Ae((Exe$StK-"
    r"*CR55CnjNAAe{^!Ts!Yj4>wE1_wfi2SP8yG4+1*IFp2>0w}TZnhlHf4Xq0zm8U?~b3(B$R5<i@eBrQe`D85v5&az=m#x"
    r"DE(54U_anKxS6NrWgg{r8iN*m@uPpZ$8`kthI@O@nXe*%!lq>UluqIt~+`QL2acTs7R!-%r-"
    r"AfkVU5uVUJUrT5Lm&qwB+Yu}GKz{*uL|IcX_A=M1=>(#03F-gxs<bs<oq5I%?xQLOe73KmUsg6F`T`#gTe(e5#-"
    r"Ld{sOkps=A+6JAX~XDo%7jsAwBBS-"
    r"$eSTP5;=XKW~>CK<$@^tuOP`mL9}Jp(+igqpj=Uk^Eo8CGl_gmiRX3h`)j2CQ#429Lfcv$l9y8eiK@49zwKC$WDxv>X#"
    r"i_ANB9i4j}r<MmVn>&K>KMNN2n|R;?Rwnt$uJID4AC7?JYgpF^ZT>+L^{NG7Cz&SBFphN`ly^}46E$I)6OEql~GygTas"
    r"ZhM$t?*jYG6zg4Wr|=dHs#&aWn){d{46BO3q$ZB6Ija82U0ocpO5s)9SnRl1o%!9{GP&A!!P3Yolf?Pz*?o_#_v3n~+9"
    r"!#sBr<xgP>KeVR<r=<AA)}nWF|E*pkW6v>1t`@S~%<y#_&Y1ppTvYYIZXsNezeBUe`6MOKKqN?qk^lnBB@X%gSoRo<t6"
    r"t7K`;m)N-i#@ShsqO|ojEM)wkDiC-%xR4hxz+{Jq5cuierQIWkRuo!RdLg09Q^kV$=0yf<F@b=OiU`P!xiE-ZosPJIiB"
    r"kKd>3RwY+AIXYfETdJ|qwIXAr(5ZO>xI~SHP6-BwDyDX5yf<a@hRB@V4Np=5R40C2f;|A9aGoUm7yDJ+--"
    r"U3B1DdAouKxd1J*l#C(Bzm8T!M+<{!o<|DBR`9?VDTx;4wQo;)~&aM&0@8E}ulPVt<;<wbl3^Sgf$=ipf?2hR%4%zndJ"
    r"+!VQ)JyuS{QRz9_#2aYt)=v5(w32XF7+uS=f%b4=^v0T6W0y*xD%&2+iRw=!{7>34dqdUodppF%QMw+Jwq4H*^aEt?_H"
    r"&S3b0xo!BS+sp9z7<~``8=d?yyS>KuvXw$CQ&}r%rtNGY{UUC@cumlha9<gVX6OBr}<*H2Sld$!yX^XC_Zi#Z$poT=@Q"
    r"EDis`riTG3^l}y+WO*|FPe1O*BWRmd&q|)hW7nAgKeCABj%lkhWo}I@"
)

FAMILY = r"""
/* Children, zombies and orphans; vfork and exec; what they share and what they don't. */
extern int errno; int shared; int status;
main(argc, argv) int argc; char **argv; {
  int p, q, fd[2], n; char b[8];
  if (argc > 1) { say(argv[1], argc); return 5; }
  shared = 1;
  if ((p = fork()) == 0) { shared = 2; _exit(3); }
  q = wait(&status); say("own child", p == q); say("status", status); say("not shared", shared);
  say("none", wait(&status)); say("errno", errno);
  if ((p = vfork()) == 0) { shared = 4; _exit(6); }
  say("vfork shares", shared); wait(&status); say("status", status);
  if ((p = vfork()) == 0) { execl("/family", "family", "executed", (char *)0); _exit(9); }
  q = wait(&status); say("executed child", p == q); say("status", status);
  if (execl("/nowhere", "x", (char *)0) < 0) say("exec errno", errno);
  pipe(fd);
  if ((p = fork()) == 0) {
    if (fork() == 0) { sleep(1); n = getppid(); write(fd[1], &n, 2); _exit(0); }
    _exit(0);
  }
  wait(&status); close(fd[1]); n = 0; read(fd[0], &n, 2); say("orphan's parent", n);
  say("then the end", read(fd[0], b, 1));
  if ((p = fork()) == 0) _exit(7);
  sleep(1); q = waitpid(p, &status, 1); say("zombie", q == p);
  if ((p = fork()) == 0) { pause(); _exit(0); }
  say("no hang", waitpid(p, &status, 1)); kill(p, 9); wait(&status); say("status", status);
  return 0;
}
"""
_FAMILY = (
    r"c-"
    r"oa#eQXnD7=NyJy>?^5h6^9UMkP^H0&I~$3=)WIZfF`gY+xX8%U~UwjE;0|hcX9R7CGMR5B<lOxDZ86FlzXNXh{=nScSQ"
    r"aq?-"
    r"$wf@HEm?$(7Y+uWMEaX#;R*SVRH=%u~qeZGFr$NN5S%keJ31^DCubR+SA^%R;!|Ipr1vc7cF`qIs?TfJYgCz5zbBw;HD"
    r"Ez6CtKorqvvS}aLA_*aChe%?vQhBf=%E5(h(7FUw%CyEqi=sBlM|qI7Gj_K-"
    r"mISYMk$1aQDNUrz7AYMPE^#SaNxWo8j$KCOD-_Szl!Vx~$Za&aZis!3+_RKp5H$!P$J%kV*tCd4>|^8v%4yNr=mLu_Vs"
    r"sIsGoW*5_B)paD&naaqeYOpPQ}_gmUnS!T#g+DZ!C!4lc@evj3k`V90a=}Sf$*xJ*JccsBGf0rR+woj&c<8HH7n^;46d"
    r"^TjTF8WZ7>+i9}7>lnJjUVgRj`Hxt>co#c@`hrN}xc8sWP!xYD`wQ`#><~72T+FLwgA-"
    r"J{*9VuO!&G2Qkrxr3#74zICw6)aD2#>`!pk*h}o#d!?m}#G&S~<2Fb>C2(HeoXp%85EKlgo(6Qp&ZN3mVS|XS6@C43Tv"
    r"uy+z8*?aB&-"
    r"s$x(VEvN+=&(nO5@bfX+ITrg#bSPnYVcV(v{_GJr%vn2^hfE%@=30l)I<2>8y}gmdWNJB4gfdkTh}63sMLX1o-"
    r"1T$i##whCD$Y61#6x#yRVl9HlIv`FACc(hET1P|hw{?+S_!KY34M3c5J@6+#&SVx1$zm|L`tGVk~t9R`q}a>x7#u}0O)"
    r"~hth+l^M5vLJH0|c*)kX7?l4x~jUi4gyZiIW=ls+%(dx-WZlGsQ~#(6F6of^+lHQ52`ASt&Yi2bt!q+UEx#ES_CtbQ+L"
    r"a4&TPo|3fy*Baj&D)<1!sY0r3v~OL;H9m;u!G$<P4Fkcjlejzh!GTAKtQBBPC+jd1I*l-%A3@6i6GOK3({xXt=Gbs-"
    r"k%T744Jpk*3Y#W8FQsD}1#fgAR`4U9Fgk4%VjS>bPl6FnYZ_2T0r#6(eZr#~;#+m9gB4=2W15_@T``Q(_}F(-"
    r"J+G>rj!H|n$5N6ef$S93bdNs%Wx>zmUpSOX){_d6>=a0)Ewu<4b7jX>rS0Zv+;8Vpf3|q+v3}nGz=6^4QObjUl~Mup?<"
    r"o~Q|H)u6$tmY7F3!fy)0M69X0Brn)&kJqr#=OEtx{SDx=QH^(3>bN0=<P&7wBP1p8>s+(icFlqO=6`ok;hogKFpYo&m0"
    r"3zR(BWT`?!9#a%#FwcZZej9&<@%gRzC`s<nfvSx$SBXtljX;Rz?rh(h7uR$2|KKFRql#Evk7<hf*KFpb%X?m>F9uFmxC"
    r"YdnFSR^rlH@~W6QY#H<k|-HtvsVAe?cUByX*%;trVJ-7L+Eq|^N}SETsZJ9!0z58iqmo(GhItf*9i>pc-IN$Dvk9F;B-"
    r"y)4A=$0XuLFpzNYgi!*4ETw#`e4G};<($v48IT6&tErQxlH5z4<I#vzYxNF=d@R!fv&Rl(o1Ns2OtZRMq5RT^PpjVKRk"
    r"I#jKeKeB3;JRTyAtd%tRAN4&{<A}3z4$WXnsx%}s)(DSi^)oo6L>l6x5oR=}#2l-"
    r"{(AQZo>@W@G{4b%VrvDv^``@9kK}L9(PT#>9c4t4Jx7(<!UHgkj4<d<WvuDEC)CX;f=%u#5Qd@Hvv*#t!B5=(jzFp0%%"
    r"S+5Ivopmm(jY2DE>vLM7wc!(;HOjhvEQ5wbfqOR4@&M_cVS1*fZ9RM_XDfPV#A{PLqDK-"
    r"YE@~xt!CQ#_hGHDY-^RuT?Y`nvyOw{fCc%f?A`Uoo{HTfo%=#BcblBQ1#~zZ2P>5~_wC=?e$586Pt1PR-WaS3h8n@&;H"
    r"s_iAAxrojvcD=L9o{6cj3$B^H)Pd;5h2mG`fyg1$_P>_)ho^yL^FwzX49b27g0StuNpM3y3O1L0`4&aBW?E^(+fDRmbY"
    r";--ZnqwXDN64S}Ps###hMR|e^C@cZx;G^N#9%Z4Vu1!+FZIFtSj5lVXx"
)

PARENT = r"""
/* Spawns /child, and ends with what wait() says of it. */
int st, pid;
spawn() {
  pid = fork();
  if (pid == 0) { execl("/child", "child", (char *)0); _exit(9); }
  return pid;
}
main() { spawn(); wait(&st); return st >> 8 ? st >> 8 : st; }
"""
_PARENT = (
    r"c-oazZ)h837=JEFlMD;CbEtH+1}USk5)(Hz{V*&v-Vh3l6jz-"
    r"r$2GaMq3K<`T+&s#trEgKUj)G~&cUFx6BH(X5Q)?efkv!C!Qwtl6e(+0E=?JwD_tpF&*$!aQ`2?@J??nk=lwm;@A>mS?"
    r"{Q9_%Lf1}PJlL)^}wDZ0H3-"
    r"5%I|Yi0e|q6KX@A6*6;V6H(I&zHW+Jzd@<7$EQTlRp?mT$bQ=@ST*+NH1Yu*83x&`iB3zuJE<c%*?P$>pxZe&R&3&FPY"
    r"F@gkI8j=b7*d}nXB|jeH|B%NiAygy-"
    r"9AuX`mkbhuT7~<VdHO%`A(+s8g5sPSYW#D%t=Tu7V2TV849L}Bp48r!q?2Ya3^eBhFr;eaY~=>akqH3$W_M=rWq`*e)D"
    r"MdO?}!U(6~M48Ayg)<eXdIm@PlN)%eT92~PwqFs~jrIp-pRqw+K=bXA8d!7($MFJAUOx?4@4z(M)G2~coA`JQQWldIkx"
    r"|AGf*MumKFgqy1Ic?!y3SU!zV{tD&0`n*2fF+0cI4UY$)`>jbY=q<;9yqNz}bC|yqTz7U>mdj(??}ZHqRJQebbI3tjT7"
    r"epbLggW(q34w=Z3T-"
    r"uztPoYiFGR0s94RF)=0#yM>Z?XCcjQ1o91cb&UPr&;p8{a2RAx95heU4o>&8_#DfbD;Wx1A84~d_*H!9zow}}JfP-DvY"
    r"*&7Db}mf#_1U>P7hp6ezkt5fdBx@*X|Zibo+JE9zIdg<%&r)JJr0F*e(8*9W*UBWH{-"
    r"No19PQktpOsDB|Y*0DJ_;&Y@d@~()ne3+aQq#Ryr1}pWS9P^IctpUp~$o;eX+K2!}$noL@0oht4mAZPm;!8+RV#j1zu="
    r"<Ckrtni3DO5;I>{$*{v#DDQs>CF~28_}`(hL1uOd=iaz&`Re>)uy~wb2^(K-"
    r"5q>dOdVc3Znx_KrNyOc4+5TbKvI|)A+~96<(f&j-1}{^=o|8<<ilC%W;%@^E<98t}q{X<TS=dqhhIi9}n9&p=t%+V-"
    r"KZBpD?Zy#OwM@!hTYSQxn2=GvUe!|xJBK#<YXTvi5{G2^zq0W(C2X(alB&uIKr@Rc2$CFQ`CEFgIv|L#nCfGC+S*VC;A"
    r"31jG2O4k<M;~%4!=G{h$$HGI>X<Pl|g9`V1nuWVp@pyi}D9d?~``dCn<4T-"
    r"e$O91wff(`45Q+tu~%uZJ_*?;b~1xO0r+6;_>)yet{am^iKbz!Dwn27MM=egZ<OPn7^1z`Z#JIfG6We86G?UZ)Er@2jD"
    r"J-pV*IEu;Axtf0The_2B_t!j1%(zYtgK{=Hh&t$yL*b}+rlcY*QYIPB+>qS+X;-"
    r"*a3RZXZyR;r9Hh8TlIHv&nHry=>m)z5bG%O{j_-VDpHs_DJ7g{<Io^TZ|v?Q#2`w@^=hJU6M6*__M0LK=D>Kuk5PS<~u"
    r"kbs(n`&Uv^JEy<*G`IbNGTZro(Lw!i+UeJ2^8wkKdxQBu~8KgR0c-"
    r"#=R5_tpMd&6fNM95lbw0Di2oPx|SlvF+gr_IP=Ib5i?%0AdcOsQ"
)

CHILD = r"""
/* Calls itself until it divides by zero. */
int depth;
crash(n) int n; {
  depth = n;
  if (n > 2) return 7 / (n - 3);
  return crash(n + 1);
}
main() { return crash(1); }
"""
_CHILD = (
    r"c-nQ6K}#D!6vtoIw9P@NL=RHI`U%9eP*0*@=(Q_q#g=xM#%&FWv&-"
    r"znHiwE(0xpXny_Ftw=uyx^Q+jFHixdiq7onFz5E9b62Wi(gyD!!xIPiAfo8P?uym_;UzOm#O034zXp{0NZ20I2ovjV}y"
    r"c;>-)W)c>?)1}A$!(?>`@H=I|MjB@?sNI5h!QT&O=g--"
    r"*09R(r#&MX<>L^O7CBSTarxld;>i*JA|54IsM(Z{Pv3CPKX8hc&e0!TZJE`_VEer#|+~#Qru<X^ngPEh>i4(Ir4D)keQ"
    r"{auJ!M|JirHt^{M}Ky<^{2TVJ~bN#wElVZ@U`KO4nVvin{Dog@PF*W-"
    r"lZ>WW;;0dp{3EDn9SubEv4BAS{XVAFDaY3itAntqDj@s5lK~YB46vV70XepaeuY3HJ%qZPq%qaau<1jJGP`0b{uPcx9q"
    r"YUFBTo*6J7PRd4YK58qSH|yM`|izu(I>W*g|=L9+{;oH1s-"
    r"$t&2T{HQ;&BtFvqC>igZqJD}leP)UEytKtI^#@a<7VT1gtPb#n^zprNMT?6A;uu>($?~W6eiriq>K{GD)q2+oT)uiwdh"
    r"1>Fyx=R*k)N;Dj|+PgE9lY7={MgZJ=Jw!(Y77^N2TfhR!@F>!5@@=0qQ!%>i"
)


SOCKETS = r"""
/* An echo server and its client, over sockets; calls by hand, for dev86's libc has none. */
extern int errno;
#asm
.text
_sock:
  push bp
  mov bp,sp
  push si
  push di
  mov ax,4[bp]
  mov bx,6[bp]
  mov cx,8[bp]
  mov dx,10[bp]
  mov di,12[bp]
  mov si,14[bp]
  int 0x80
  pop di
  pop si
  pop bp
  ret
#endasm
int sock();
char addr[8]; char buf[300]; int len, on;
main(argc, argv) int argc; char **argv; {
  int s, c, n, total, st;
  s = sock(75, 0, 1, 0, 0, 0); say("socket", s);
  if (s < 0) return 1;
  say("not listening", sock(78, s, 0, 0, 0, 0));
  on = 1; say("reuse", sock(80, s, 1, 2, &on, 2));
  addr[4] = 127; addr[7] = 1;
  say("bind", sock(76, s, addr, 8, 0, 0));
  len = 8; say("name", sock(81, s, addr, &len, 0, 0));
  say("listen", sock(77, s, 5, 0, 0, 0));
  if (fork() == 0) {
    close(s); s = sock(75, 0, 1, 0, 0, 0);
    say("connect", sock(79, s, addr, 8, 0, 0));
    say("again", sock(79, s, addr, 8, 0, 0));
    for (n = 0; n < 300; n++) buf[n] = n;
    for (n = 0; n < 50; n++) if (write(s, buf, 300) != 300) say("short", n);
    total = 0;
    while (total < 15000 && (n = read(s, buf, 300)) > 0) total += n;
    say("echoed", total); close(s); _exit(7);
  }
  c = sock(78, s, 0, 0, 0, 0); say("accept", c);
  while ((n = read(c, buf, 300)) > 0) write(c, buf, n);
  say("end", n); wait(&st); say("status", st);
  say("peer", sock(81, c, addr, &len, 1, 0));
  say("write", write(c, "x", 1)); say("errno", errno);
  say("nobody", sock(79, sock(75, 0, 1, 0, 0, 0), addr, 0, 0, 0));
  addr[4] = 10; say("elsewhere", sock(79, sock(75, 0, 1, 0, 0, 0), addr, 8, 0, 0));
  return 0;
}
"""
_SOCKETS = (
    r"c-n20|7#m{7{{N>x5ZF(g2)DLMpT5Yj#gv?Wl-&LRn+xHSWD4f&5~mco0pMXQiaxz#b~de4u(t^x*x{cKOnz20te&R#nKI"
    r"@F)On$6|oHOxZw|5$wF{FpU-`=Ce?-`&*$!Wy`Sf~=lR@+^G5?w05}^2IES{61NM8G8T-wk*|V>A|GwS>a74Q^G)#m5kwW"
    r"B9m<&b8XI&)!#Eny9(x{2f;h{pM-fM{LDs$kOcR{o&ZlThp2~9WO)K5dq8u1q@0U|Vu##98kLM0-NjhY)$ypSv(Lgg$~in"
    r"@xT7pVy8`HN8Yfv8`E7_~GHrA4GaWVC{G-G_8(`qFtQahJY@R!w2lor4(V-$TBe@hRjNDUbg73oTZ^0I^5xVPt`^No2pFZ"
    r"2Luntbq3sy1ni}qX^|FWL@zW4b^Y&;E=Gc`FVcJ{w%Ds{`|knLG*sXf*!%3(RSwlQXesD5UD2TQJPS9o+46xR;bT>xd23{"
    r"_u(Tn2fMk+znFhdxtkO91uu;CJa#yQPW5p&U)SHkNF~l2)Q0d?nEa6n*PO?Qu;v%)xWvW5^RG|s=#2Ce))_)g(U|_l&9CW"
    r"iVXP#LMV(iDJYU|1CBNL+kB*^#{m^Si!_7DJH&D5UDxK}LC@+4)nxOI92^*HwPPjt311P(X8!K=|x)-zVay;+m@991G^fz"
    r"EFr2TKtxZ%zC*@s>a_ab%~*lrW`7g&Y>%^>P8(fL!KyMGS!U3fPKox6dC+j7RnKQy*Cs_(p|{tSu-skjuuZMu1?TZWiwhs"
    r"dxHT^OQ^<!^mNt?%#_ol*_IM`tII0{xnVQ>@_>Yj10RbBnVB?hL<-j@fOW8@b;%Tn=ZJqB8@_L<r%hxpUL=SMYhSu~)z@h"
    r"Y0;&qA99GSkfb4orYi!h(xHOpy~;TusAbto#$J?2%rMjMI-lvvx`tjs4}jzuIscep^DV6o3ckRyPL0_k(Oh$BUT<?I#j5<"
    r"=A9e02lq`ptEkngCOxMf?WaK5bw$iwsDwvNZIuj%$Y6ks`J5;5hOL6Q8uQ&ag)ba_urfafC@}$(*mqo@Cyo6lwSKU#P#Xa"
    r"IGPNPFzelUB4wLEdMqJ$1cpMguNzQD?8qrp@rM{p4;8w)>Di=Gfhe6x@6_DqOw^g5eli<3)-??k+%@0J&2hO^->Q4B`?z6"
    r"xEp10F3Z2lb&Dna=~R-PD_GcqXYqv_<QAZId48a{!EOiGpEq%3D3tH#w_7Gxy}@kByCse+ssPs>Tjj;Av!#E->O3MA5sA}"
    r"3Thk;<yF0!sX28IGn<l96*+8eNStS4ues*>vK#tajG&FS@_L%>"
)

SOURCES = {
    "ring": RING + SAY,
    "bomb": BOMB + SAY,
    "signals": SIGNALS + SAY,
    "family": FAMILY + SAY,
    "sockets": SOCKETS + SAY,
    "parent": PARENT,
    "child": CHILD,
}
WITH_SYMBOLS = {"parent", "child"}
"""The others are stripped."""
_PACKED = {
    "ring": _RING,
    "bomb": _BOMB,
    "signals": _SIGNALS,
    "family": _FAMILY,
    "sockets": _SOCKETS,
    "parent": _PARENT,
    "child": _CHILD,
}


def program(name: str) -> bytes:
    """Return a program's executable."""
    return zlib.decompress(base64.b85decode(_PACKED[name]))
