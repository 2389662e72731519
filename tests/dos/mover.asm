; moves its process to another PSP, as DEVLOAD does, and ends there with status 7
org 100h
 mov dx,cs
 add dx,80h
 mov si,dx
 add si,10h
 mov ah,55h ; a child's PSP there, which goes back to where INT 22h leads
 int 21h
 mov es,dx
 mov ax,[16h] ; and whose parent is ours
 mov [es:16h],ax
 mov ax,4C07h
 int 21h
