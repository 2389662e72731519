; CRASH: divides by zero in a function; crash.map is what nasm says of its labels.
bits 16
org 100h

main: mov ax,1
 call inner
 mov ax,4C00h
 int 21h
inner: xor cx,cx
boom: div cx
 ret
